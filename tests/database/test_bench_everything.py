"""A run of everything counts right: mixes, bulks, pgbench, arrivals at a fixed rate, and books that were grown."""

import asyncio
import runpy
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import httpx2
import pytest

from ledger_service.cli.bench.asking import BULK_OPERATIONS
from ledger_service.cli.bench.checkout import loadtests_folder
from ledger_service.cli.bench.clients import Client, client_named
from ledger_service.cli.bench.contenders import Contender, Deployment, ask, open_accounts
from ledger_service.cli.bench.entrants import Entrant, Members, Stretch, by_pgbench, over_http
from ledger_service.cli.bench.memory import soak
from ledger_service.cli.bench.one_function import pgbench_of_function, pgbench_of_its_own, the_one_function
from ledger_service.cli.bench.open_loop import arrive
from ledger_service.cli.bench.scale import grow, wrong_accounts
from ledger_service.embedded import EmbeddedPostgres

ACCOUNTS = 50
MEMBERS = Members(ACCOUNTS)
WINDOWS_MAX = 30


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A Postgres of our own: the service's password belongs to a whole server."""
    directory = Path(tempfile.mkdtemp(prefix="ledger-bench-test-"))
    with EmbeddedPostgres.start(directory / "data") as postgres:
        yield postgres
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def deployment(server: EmbeddedPostgres) -> Deployment:
    return Deployment.prepare(server)


@pytest.fixture(scope="module")
def service(deployment: Deployment, logs: Path) -> Iterator[Contender]:
    with deployment.running(logs) as running:
        asyncio.run(open_accounts(running.url, running.token, ACCOUNTS))
        yield running


@pytest.fixture(scope="module")
def function(server: EmbeddedPostgres, logs: Path) -> Iterator[Contender]:
    with the_one_function(server, logs, loadtests_folder(), ACCOUNTS) as running:
        yield running


@pytest.fixture(
    params=[
        pytest.param("wrk", marks=pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")),
        "own",
    ]
)
def client(request: pytest.FixtureRequest) -> Client:
    return client_named(request.param, loadtests_folder())


@pytest.fixture
def own() -> Client:
    """Whoever asks where it does not matter who."""
    return client_named("own", loadtests_folder())


def posted_by(entrant: Entrant, contender: Contender, stretch: Stretch) -> int:
    """What it says was posted by this stretch; it is as much as came into the books."""
    before = contender.entries()
    load = entrant.load(stretch)
    # A busy machine may make the service refuse some: those are not in the books, and counted.
    assert (load.broken, load.sent) == (0, load.answered)
    assert contender.entries() - before == load.posted
    return load.posted


def test_the_mix_of_a_shop_is_in_the_books_and_captures_what_it_holds(service: Contender, client: Client) -> None:
    entrant = over_http("it", (service,), MEMBERS, client)
    before = captured(service)
    for number in range(WINDOWS_MAX):  # one in fifty requests is a hold: a slow machine needs several windows
        posted_by(entrant, service, Stretch("shop", 4, 1, f"shop-{client.name}-{number}"))
        if captured(service) > before:
            return
    pytest.fail("no hold was captured")


def captured(service: Contender) -> int:
    return int(asyncio.run(ask(service.database_url, "SELECT count(*) FROM ledger.hold WHERE status = 'captured'")))


def test_every_operation_of_a_bulk_is_in_the_books_or_counted_as_not_posted(service: Contender, client: Client) -> None:
    before = service.entries()
    load = over_http("it", (service,), MEMBERS, client).load(Stretch("bulk", 1, 1, f"bulk-{client.name}"))
    assert service.entries() - before == load.posted > 0
    assert load.posted + load.unposted == BULK_OPERATIONS * (load.answered - load.refused)


def test_two_processes_share_their_books_and_no_key_comes_twice(
    deployment: Deployment, service: Contender, own: Client, logs: Path
) -> None:
    with deployment.running(logs) as second:
        entrant = over_http("both", (service, second), replace(MEMBERS, keys="random"), own)
        assert posted_by(entrant, service, Stretch("earn", 4, 1, "both")) > 0


def test_many_programs_are_posted_to_in_turns(deployment: Deployment, service: Contender, client: Client) -> None:
    tokens = deployment.more_programs(service.url, client.name, 3, 2)
    members = replace(MEMBERS, programs=tokens, accounts_per_program=2)
    entrant = over_http("it", (service,), members, client)
    assert posted_by(entrant, service, Stretch("programs", 2, 1, "programs")) > 0


def test_one_function_behind_a_route_and_under_pgbench_posts_what_it_says(
    server: EmbeddedPostgres, function: Contender, own: Client
) -> None:
    routed = over_http("route", (function,), MEMBERS, own)
    bare = by_pgbench("pgbench", pgbench_of_function(server, loadtests_folder()), replace(MEMBERS, keys="random"))
    for entrant in (routed, bare):
        assert posted_by(entrant, function, Stretch("earn", 2, 1, "alike")) > 0
    assert function.books(0).wrong_balances == 0


def test_pgbench_posts_to_one_account_when_it_is_hot(server: EmbeddedPostgres, function: Contender) -> None:
    bare = by_pgbench("pgbench", pgbench_of_function(server, loadtests_folder()), MEMBERS)
    before = seq_of(function)
    posted = posted_by(bare, function, Stretch("hot", 2, 1, "hot"))
    assert seq_of(function) - before == posted


def seq_of(function: Contender) -> int:
    with httpx2.Client(headers={"Authorization": f"Bearer {function.token}"}, trust_env=False) as caller:
        return int(caller.get(f"{function.url}/v1/accounts/m-1/balance").json()["seq"])


def test_pgbench_has_transactions_of_its_own(server: EmbeddedPostgres) -> None:
    own = by_pgbench("pgbench -N", pgbench_of_its_own(server, ACCOUNTS), MEMBERS)
    own.settle()
    load = own.load(Stretch("tpcb", 2, 1, "own"))
    assert load.answered > load.posted == 0
    assert load.p50_ms > 0


async def test_the_one_function_answers_a_repeat_alike_and_refuses_another_request_under_its_key(
    function: Contender,
) -> None:
    headers = {"Authorization": f"Bearer {function.token}", "Idempotency-Key": "repeat"}
    async with httpx2.AsyncClient(base_url=function.url, headers=headers, trust_env=False) as caller:
        path = "/v1/accounts/m-2/earn"
        first, again, other = [await caller.post(path, json={"points": points}) for points in (7, 7, 8)]
        at_once = await asyncio.gather(
            *(caller.post(path, json={"points": 7}, headers={"Idempotency-Key": "at-once"}) for _ in range(16))
        )
        unknown = await caller.post("/v1/accounts/nobody/earn", json={"points": 7}, headers={"Idempotency-Key": "n"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.content == first.content
    assert {(one.status_code, one.content) for one in at_once} == {(201, at_once[0].content)}
    assert unknown.status_code == 404


def test_what_arrives_at_a_fixed_rate_is_posted_and_counted(service: Contender) -> None:
    before = service.entries()
    window = MEMBERS.window(Stretch("earn", 1, 1, "arrivals"), service)
    came = arrive(window, rate=50.0, warm_up=0, seed=1)
    assert (came.broken, came.not_begun) == (0, 0)
    assert came.sent == came.counted == came.posted + came.refused > 0
    assert came.posted == service.entries() - before
    assert 0 < came.p50_ms <= came.p99_ms <= came.most_ms


def test_memory_is_watched_while_there_is_load(service: Contender, own: Client) -> None:
    memory = soak(over_http("it", (service,), MEMBERS, own), service.pid, 2, 2)
    assert memory.seen
    assert memory.most > 0
    assert memory.load.posted > 0


def test_books_that_were_grown_verify_and_the_service_goes_on_from_there(service: Contender, own: Client) -> None:
    before = service.entries()
    grow(service, loadtests_folder(), 1003)
    assert service.entries() - before == 1003
    assert posted_by(over_http("it", (service,), MEMBERS, own), service, Stretch("shop", 2, 1, "grown")) > 0
    assert service.findings() == ""


def test_an_account_that_is_not_there_does_not_verify(service: Contender) -> None:
    assert asyncio.run(wrong_accounts(service, ["m-1", "nobody"])) == ["nobody"]


async def test_an_account_does_not_verify_when_a_key_of_its_entries_is_gone(service: Contender) -> None:
    connection = await asyncpg.connect(service.database_url)
    try:
        await connection.execute("ALTER TABLE ledger.outcome DISABLE TRIGGER append_only")
        lost = await connection.fetch("DELETE FROM ledger.outcome WHERE account_id = 'm-2' RETURNING *")
        assert await wrong_accounts(service, ["m-1", "m-2"]) == ["m-2"]
        await connection.copy_records_to_table("outcome", records=lost, schema_name="ledger")
        assert await wrong_accounts(service, ["m-1", "m-2"]) == []
    finally:
        await connection.execute("ALTER TABLE ledger.outcome ENABLE ALWAYS TRIGGER append_only")
        await connection.close()


class Session(httpx2.Client):
    """What locust's users call with: its answers are entered, and told what they were."""

    told: Counter[tuple[str, int]]
    failures: list[str]

    def get(self, path: str, name: str) -> Any:  # type: ignore[override]
        return super().get(path)

    def post(self, path: str, *, name: str, catch_response: bool, **others: Any) -> Any:  # type: ignore[override]
        answer = super().post(path, **others)
        self.told[name, answer.status_code] += 1
        answer.success = lambda: None  # type: ignore[attr-defined]
        answer.failure = self.failures.append  # type: ignore[attr-defined]
        return nullcontext(answer)


def test_a_till_of_the_locustfile_tells_its_story_to_the_service(
    service: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    locust: Any = ModuleType("locust")
    locust.HttpUser = object
    locust.between = lambda least, most: (least, most)
    locust.task = lambda weight: lambda story: story
    monkeypatch.setitem(sys.modules, "locust", locust)
    monkeypatch.setenv("LEDGER_API_KEY", service.token)
    monkeypatch.setenv("LEDGER_ACCOUNTS", "3")
    till: Any = runpy.run_path(str(loadtests_folder() / "locustfile.py"))["Till"]()
    with Session(base_url=service.url, trust_env=False) as till.client:
        till.client.told, till.client.failures = Counter(), []
        till.on_start()
        for _ in range(10):
            till.look_at_balance()
            till.earn()
            till.redeem()
            till.hold_and_capture()
        assert till.client.failures == []
        told = till.client.told
    assert told["open", 201] == told["first earn", 201] == 3
    assert told["earn", 201] == told["redeem", 201] == told["hold", 201] == told["capture", 201] == 10
