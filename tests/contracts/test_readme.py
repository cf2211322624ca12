"""What the README tells people to paste works when it is pasted."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.instances import SECRET, make_program, run, starting_instances
from tests.servers import ROLE_PASSWORD, TestDatabase, TestServer

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
COMMANDS = str(Path(sys.executable).parent)


def block_with(text: str) -> str:
    (block,) = [block for block in BLOCKS if text in block]
    return block


def pasted(script: str, cwd: Path, **environment: str) -> list[str]:
    """What a shell prints, line by line, when this is pasted into it; it must not complain."""
    path = f"{COMMANDS}:{environment.pop('bin_dir', '')}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd), "LANG": "C.UTF-8", **environment},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_the_first_earn_redeem_and_balance_work_and_repeat_byte_for_byte(database: TestDatabase, tmp_path: Path):
    program = run(make_program(database.service_url))
    with starting_instances(database.service_url, tmp_path) as start:
        tour = block_with("/v1/accounts/m-1/earn")
        given = f"export URL={start().url} KEY={program.token}"
        tour, replaced = re.subn(r"export URL=\S+ KEY=\S+", given, tour)
        assert replaced == 1
        tour = tour.replace("curl -sS", r"curl -sS -w '\n'")
        first = pasted(tour, tmp_path)
        answers = [json.loads(line) for line in first]
        assert [answer.get("kind") for answer in answers] == [None, "earn", "redeem", None]
        assert (answers[-1]["balance"], answers[-1]["available"]) == (70, 70)
        assert pasted(tour, tmp_path)[:3] == first[:3]


def test_the_life_of_a_point_goes_as_it_says(database: TestDatabase, tmp_path: Path):
    program = run(make_program(database.service_url))
    with starting_instances(database.service_url, tmp_path) as start:
        tour = block_with("/v1/orders/B-1/refund").replace("curl -sS", r"curl -sS -w '\n'")
        told = [json.loads(line) for line in pasted(tour, tmp_path, URL=start().url, KEY=program.token)]
    program_told, preview, earn, hold, refund, explained = told
    assert program_told["version"] == 2
    assert (preview["points"], earn["points"], hold["status"]) == (110, 110, "open")
    assert [entry["points"] for entry in refund["entries"]] == [-20]
    assert (explained["balance"], sum(lot["points"] for lot in explained["lots"])) == (90, 50)


def test_a_purchases_file_is_imported_and_verified_as_it_says(database: TestDatabase, tmp_path: Path):
    program = run(make_program(database.service_url))
    (tmp_path / "purchases.csv.gz").write_bytes(b"basket_id,household_id,store_id,at,lines,amount\n1,7,1,,1,12.90\n")
    with starting_instances(database.service_url, tmp_path) as start:
        script = block_with("import purchases").replace(".venv/bin/", "").replace("--data-dir DIR", "--url $BOOKS")
        said = pasted(script, tmp_path, URL=start().url, KEY=program.token, BOOKS=database.service_url)
    assert "posted now 1" in said
    assert any(line.startswith("verified: 1 entries of 1 accounts, nothing is wrong") for line in said)


@pytest.fixture
def empty_database(postgres: TestServer):
    """A database without anything in it."""
    name = f"ledger_test_{uuid4().hex[:12]}"
    postgres.execute(f'CREATE DATABASE "{name}"')
    yield name
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_own_postgres_is_prepared_as_it_says(postgres: TestServer, empty_database: str, tmp_path: Path):
    script = block_with("ledger-service migrate")
    script = script.replace("postgresql://admin:…@db/ledger", postgres.url(empty_database))
    service_url = postgres.url(empty_database, "ledger_service", ROLE_PASSWORD)
    script = script.replace("postgresql://ledger_service:…@db/ledger", service_url)
    # The role is the whole server's, and other tests log in with it: the same password again.
    script = script.replace("PASSWORD '…'", f"PASSWORD '{ROLE_PASSWORD}'").replace(
        "LEDGER_SECRET=…", f"'LEDGER_SECRET={SECRET}'"
    )
    assert "…" not in script
    *prepare, serve = [line for line in script.splitlines() if line.strip()]
    assert serve == "ledger-service serve"
    said = pasted("\n".join(prepare), tmp_path, bin_dir=str(postgres.bin_dir))
    assert any("lsk_live_" in line for line in said)
    with starting_instances(service_url, tmp_path) as start:
        assert start().url.startswith("http://127.0.0.1:")


def test_every_command_of_the_readme_exists():
    makefile = (README.parent / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", "\n".join(BLOCKS), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`pytest (tests/[\w/.]+)`", README.read_text()):
        assert (README.parent / path).exists(), path
