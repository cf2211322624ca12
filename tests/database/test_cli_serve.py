"""The commands that run a service on a database of one's own."""

from pathlib import Path

import httpx2
import pytest

from tests.database.programs import as_typed, made_program, run, running, serve_environment
from tests.servers import ROLE_PASSWORD, TestDatabase, TestServer


@pytest.fixture
def environment(database: TestDatabase) -> dict[str, str]:
    return serve_environment(database.service_url)


def test_it_refuses_a_database_without_our_schema_and_says_what_to_do(
    postgres: TestServer, template_database: str, request: pytest.FixtureRequest
):
    name = "ledger_test_empty"
    postgres.execute(f"CREATE DATABASE {name}")
    request.addfinalizer(lambda: postgres.execute(f"DROP DATABASE {name} WITH (FORCE)"))
    owner, service = postgres.url(name), postgres.url(name, "ledger_service", ROLE_PASSWORD)

    refused = run(["serve"], serve_environment(service), expected=1)
    assert "ledger-service migrate" in refused.stderr
    assert "Traceback" not in refused.stderr

    for _ in range(2):
        run(["migrate", "--url", owner], start=as_typed)
    made_program(serve_environment(service))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"LEDGER_DATABASE_URL": ""}, "LEDGER_DATABASE_URL"),
        ({"LEDGER_DATABASE_URL": "mysql://ledger"}, "postgresql://"),
        ({"LEDGER_DATABASE_URL": "postgresql://ledger_service:no@127.0.0.1:1/ledger"}, "database"),
        ({"LEDGER_SECRET": "short"}, "LEDGER_SECRET"),
        ({"LEDGER_LANES": "many"}, "LEDGER_LANES"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(wrong: dict[str, str], told: str):
    environment = serve_environment("postgresql://ledger_service:no@127.0.0.1:1/ledger") | wrong
    ended = run(["serve"], environment, expected=1)
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_key_made_here_works_until_it_is_revoked(environment: dict[str, str], tmp_path: Path):
    made_program(environment, "bakery")
    made = run(
        ["keys", "create", "--program", "bakery", "--source", "shop-berlin", "--scope", "read", "--scope", "earn"],
        environment,
        start=as_typed,
    )
    key_id, api_key = (line.rpartition(" ")[2] for line in made.stdout.splitlines())
    headers = {"Authorization": f"Bearer {api_key}"}
    uncached = environment | {"LEDGER_KEY_CACHE_SECONDS": "0"}
    with running(["serve"], tmp_path / "serve.log", uncached, as_typed) as program:
        question = f"{program.line('listening on ')}/v1/accounts/nobody"
        assert httpx2.get(question, headers=headers).status_code == 404
        run(["keys", "revoke", key_id, "--program", "bakery"], environment)
        assert httpx2.get(question, headers=headers).status_code == 401
    listed = run(["keys", "list", "--program", "bakery"], environment).stdout
    assert "shop-berlin\tearn,read" in listed
    assert api_key not in listed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["programs", "create", "Not A Slug"], "a-z"),
        (["keys", "list", "--program", "nobody"], "programs create nobody"),
        (["keys", "create", "--program", "x", "--source", "y", "--scope", "everything"], "read, earn"),
        (["keys", "create", "--program", "x", "--source", "y", "--scope", "read", "--expires", "soon"], "2027-01-01"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(environment: dict[str, str], arguments: list[str], told: str):
    ended = run(arguments, environment, expected=1)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_needs_no_database_and_names_every_command():
    told = run(["--help"], start=as_typed).stdout
    for command in ("dev", "import", "serve", "migrate", "verify", "programs", "keys"):
        assert f" {command} " in told
