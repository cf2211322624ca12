"""The benchmark counts right: what it says was acknowledged is what the books have. How fast it was is not tested."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from ledger_service.cli.bench import comparison_report
from ledger_service.cli.bench.checkout import loadtests_folder
from ledger_service.cli.bench.children import ChildFailed
from ledger_service.cli.bench.clients import Client, Load, client_named
from ledger_service.cli.bench.comparing import AccountSize, Compared, Comparison, Side, Times, on_service
from ledger_service.cli.bench.contenders import Books, Contender, the_service, the_usual_way
from ledger_service.cli.bench.lives import LOTS_PER_REDEEM, Shape
from ledger_service.cli.bench.measuring import Plan, Result, Results, in_turns
from ledger_service.cli.bench.report import faults_of
from ledger_service.cli.console import Misused
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.ports import HOST, any_free_port
from tests.servers import run_sql

ACCOUNTS = 50
PLAN = Plan("earn", connections=8, seconds=1, warm_up=1, rounds=1, accounts=ACCOUNTS)
SHORT_LIFE = Comparison(connections=2, seconds=1, warm_up=0, rounds=1, shape=Shape(entries=60, lots=8))
LOAD = Load(sent=10, answered=10, refused=0, broken=0, p50_ms=1.0, p99_ms=2.0, client_cpu_seconds=0.1)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A Postgres of our own: the service's password belongs to a whole server."""
    directory = Path(tempfile.mkdtemp(prefix="ledger-bench-test-"))
    with EmbeddedPostgres.start(directory / "data") as postgres:
        yield postgres
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def contenders(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Contender]]:
    """The service and the usual way, both up."""
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as opened:
        yield [
            opened.enter_context(the_service(server, logs, ACCOUNTS)),
            opened.enter_context(the_usual_way(server, logs, loadtests_folder(), ACCOUNTS)),
        ]


@pytest.fixture
def usual_way(contenders: list[Contender]) -> Contender:
    return contenders[1]


@pytest.fixture(
    params=[
        pytest.param("wrk", marks=pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")),
        "own",
    ]
)
def client(request: pytest.FixtureRequest) -> Client:
    """Whoever asks."""
    return client_named(request.param, loadtests_folder())


def ask(server: EmbeddedPostgres, contender: Contender, statement: str) -> str:
    return run_sql(server.bin_dir, contender.database_url, statement)


def entries_in(server: EmbeddedPostgres, contender: Contender) -> int:
    return int(ask(server, contender, f"SELECT count(*) FROM {contender.schema}.entry"))


def measured(plan: Plan, client: Client, contenders: list[Contender]) -> Results:
    return Results(plan, client.name, "now", {}, in_turns(plan, client, contenders, lambda _: None))


def test_every_acknowledged_earn_is_an_entry_and_every_entry_was_acknowledged(
    server: EmbeddedPostgres, contenders: list[Contender], client: Client
) -> None:
    before = [entries_in(server, contender) for contender in contenders]
    results = measured(PLAN, client, contenders)
    for contender, result, at_first in zip(contenders, results.contenders, before, strict=True):
        acknowledged = sum(load.answered for load in result.loads)
        assert acknowledged > 0
        assert entries_in(server, contender) - at_first == acknowledged == result.books.entries
    assert faults_of(results) == []


def test_hot_earns_all_go_to_one_account(server: EmbeddedPostgres, contenders: list[Contender], client: Client) -> None:
    elsewhere = "SELECT count(*) FROM {}.entry WHERE account_id <> 'm-1'"
    before = [ask(server, contender, elsewhere.format(contender.schema)) for contender in contenders]
    results = measured(replace(PLAN, scenario="hot", warm_up=0), client, contenders)
    assert faults_of(results) == []
    assert all(result.books.entries > 0 for result in results.contenders)
    assert before == [ask(server, contender, elsewhere.format(contender.schema)) for contender in contenders]


def test_balances_are_answered_and_nothing_is_written(
    server: EmbeddedPostgres, contenders: list[Contender], client: Client
) -> None:
    before = [entries_in(server, contender) for contender in contenders]
    results = measured(replace(PLAN, scenario="balance", warm_up=0), client, contenders)
    assert faults_of(results) == []
    assert all(load.acknowledged > 0 for result in results.contenders for load in result.loads)
    assert before == [entries_in(server, contender) for contender in contenders]


def test_a_refused_request_is_not_an_acknowledged_one(
    server: EmbeddedPostgres, contenders: list[Contender], client: Client
) -> None:
    before = [entries_in(server, contender) for contender in contenders]
    strangers = [replace(contender, token="lsk_live_nobody_0") for contender in contenders]
    results = measured(replace(PLAN, warm_up=0), client, strangers)
    for result in results.contenders:
        (load,) = result.loads
        assert load.sent == load.answered == load.refused > 0
        assert load.acknowledged == 0
    assert len(faults_of(results)) == len(contenders)
    assert before == [entries_in(server, contender) for contender in contenders]


def test_books_that_were_tampered_with_do_not_verify(server: EmbeddedPostgres, contenders: list[Contender]) -> None:
    service = contenders[0]
    assert service.findings() == ""
    ask(server, service, "UPDATE ledger.account SET balance = balance + 1 WHERE account_id = 'm-3'")
    tampered = service.books(entries_before=0)
    ask(server, service, "UPDATE ledger.account SET balance = balance - 1 WHERE account_id = 'm-3'")
    assert "m-3" in tampered.findings
    assert tampered.wrong_balances == 1


def test_asking_where_nobody_listens_fails_rather_than_counts_nothing(usual_way: Contender, client: Client) -> None:
    nobody = replace(usual_way, port=any_free_port())
    with pytest.raises(ChildFailed):
        client.load(PLAN.window(nobody, "nobody", seconds=1))


async def test_the_usual_way_answers_a_repeat_byte_for_byte_and_refuses_another_request_under_its_key(
    server: EmbeddedPostgres, usual_way: Contender
) -> None:
    before = entries_in(server, usual_way)
    async with calling(usual_way) as caller:
        first = await earn(caller, "repeat", points=7)
        again = await earn(caller, "repeat", points=7)
        other = await earn(caller, "repeat", points=8)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert entries_in(server, usual_way) == before + 1


async def test_the_usual_way_posts_once_however_many_ask_at_once(
    server: EmbeddedPostgres, usual_way: Contender
) -> None:
    before = entries_in(server, usual_way)
    async with calling(usual_way) as caller:
        answers = await asyncio.gather(*(earn(caller, "at-once", points=7) for _ in range(16)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert entries_in(server, usual_way) == before + 1


@pytest.mark.parametrize(
    ("load", "books", "fault"),
    [
        (LOAD, Books(entries=9, wrong_balances=0), "9 entries, but 10 were acknowledged"),
        (LOAD, Books(entries=11, wrong_balances=0), "11 entries, but 10 were acknowledged"),
        (LOAD, Books(entries=10, wrong_balances=1), "1 balances are not the sum"),
        (LOAD, Books(entries=10, wrong_balances=0, findings="m-1 4 hash"), "do not verify. m-1 4 hash"),
        (replace(LOAD, sent=11), Books(entries=10, wrong_balances=0), "1 requests were never answered"),
        (replace(LOAD, refused=1), Books(entries=9, wrong_balances=0), "1 requests were refused or broken"),
        (replace(LOAD, broken=1), Books(entries=10, wrong_balances=0), "1 requests were refused or broken"),
    ],
)
def test_whatever_does_not_add_up_is_a_fault(load: Load, books: Books, fault: str) -> None:
    result = Result("it", rounds=(), warm_ups=(load,), books=books)
    (sentence,) = faults_of(Results(PLAN, "wrk", "now", {}, (result,)))
    assert fault in sentence


def test_answers_that_come_after_the_window_do_not_make_it_faster() -> None:
    late = replace(LOAD, late=4, posted=10, posted_late=5)
    assert late.acknowledged_per_second(2) == (10 - 4) / 2
    assert late.posted_per_second(2) == (10 - 5) / 2


def test_without_a_checkout_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="usual_way"):
        loadtests_folder(tmp_path)


def test_the_command_leaves_figures_of_both_and_ends_well(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--seconds", "1", "--warm-up", "0", "--rounds", "2", "--accounts", "20", "--connections", "4"]
    code = "from ledger_service.cli.bench.command import app; app()"
    arguments = [sys.executable, "-c", code, *options, "--output", str(figures)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(figures.read_text())
    assert [one["name"] for one in said["contenders"]] == ["ledger-service", "the usual way"]
    assert all(len(one["rounds"]) == 2 and one["acknowledged"] == one["entries"] > 0 for one in said["contenders"])
    assert said["faults"] == []
    assert said["ratio"] > 0


def calling(contender: Contender) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=f"http://{HOST}:{contender.port}",
        headers={"Authorization": f"Bearer {contender.token}"},
        trust_env=False,
    )


async def earn(caller: httpx2.AsyncClient, key: str, points: int) -> httpx2.Response:
    return await caller.post("/v1/accounts/m-2/earn", json={"points": points}, headers={"Idempotency-Key": key})


def test_a_long_life_is_as_long_as_it_says_and_keeps_its_lots_while_it_is_measured(contenders: list[Contender]) -> None:
    compared = on_service(SHORT_LIFE, contenders[0], lambda _: None)
    assert comparison_report.faults_of(compared) == []
    assert [(size.entries_before, size.lots_before) for size in compared.sizes] == [(60, 8)] * 2
    assert {size.lots_after for size in compared.sizes} == {8 - LOTS_PER_REDEEM}
    for side in compared.sides:
        (times,) = side.rounds
        assert len(times.redeems) == len(times.balances) > 0
        assert times.failed == 0
    assert "nothing is wrong" in compared.verification


def test_a_redeem_of_a_long_lived_account_takes_points_of_several_lots(
    server: EmbeddedPostgres, contenders: list[Contender]
) -> None:
    compared = on_service(SHORT_LIFE, contenders[0], lambda _: None)
    last = f"SELECT json_array_length(movements) FROM ledger.entry WHERE account_id = '{compared.sizes[0].account_id}'"
    assert int(ask(server, contenders[0], f"{last} ORDER BY seq DESC LIMIT 1")) == LOTS_PER_REDEEM


TIMES = Times(redeems=[0.004, 0.006, 0.008], balances=[0.002], posted=10)
COMPARED = Compared(
    comparison=SHORT_LIFE,
    measured_at="now",
    machine={},
    sides=(
        Side("long-lived", (), (TIMES,)),
        Side("new", (), (Times(redeems=[0.002, 0.003, 0.004], balances=[0.004], posted=5),)),
    ),
    sizes=(AccountSize("old", entries_before=60, lots_before=8, lots_after=5),),
    entries=15,
    verification="nothing is wrong",
    is_verified=True,
)


def test_a_comparison_says_how_many_times_as_long_a_long_life_takes() -> None:
    assert comparison_report.faults_of(COMPARED) == []
    assert comparison_report.ratio(COMPARED, "redeem", 50) == pytest.approx(2)
    assert comparison_report.ratio(COMPARED, "balance", 50) == pytest.approx(0.5)
    calls = comparison_report.figures(COMPARED)["calls"]
    assert calls["redeem p99"]["long-lived"]["median_ms"] == pytest.approx(8)


@pytest.mark.parametrize(
    ("compared", "fault"),
    [
        (replace(COMPARED, entries=14), "14 entries, but 15 were acknowledged"),
        (replace(COMPARED, is_verified=False, verification="m-1 4 hash"), "do not verify. m-1 4 hash"),
        (replace(COMPARED, sizes=(AccountSize("old", 60, 7, 5),)), "old: 60 entries and 7 lots at first"),
        (replace(COMPARED, sizes=(AccountSize("old", 60, 8, 4),)), "old: 4 lots at the end"),
        (
            replace(
                COMPARED, sides=(replace(COMPARED.sides[0], rounds=(replace(TIMES, failed=1),)), COMPARED.sides[1])
            ),
            "long-lived: 1 calls were refused",
        ),
    ],
)
def test_whatever_does_not_add_up_in_a_comparison_is_a_fault(compared: Compared, fault: str) -> None:
    (sentence,) = comparison_report.faults_of(compared)
    assert fault in sentence
