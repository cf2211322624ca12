"""The sweeper: due work is done once, whoever does it and however often it is interrupted."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import pytest

from ledger_service.errors import DatabaseUnavailable, Failure, Overloaded, ShuttingDown
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Outcome
from ledger_service.metrics import DUE_ACCOUNTS, DUE_OLDEST_AGE
from ledger_service.posting.poster import Poster, PostingLimits
from ledger_service.storage.database import Database
from ledger_service.storage.due import Due
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.reads import Reads
from ledger_service.upkeep.sweeper import Sweeper
from tests.builders import DAY, NOON, earn, place_hold, settle_due
from tests.servers import TestDatabase
from tests.varied_books import create_program, post, set_clock
from tests.verified import assert_verifies

ACCOUNTS = [f"m-{number:03}" for number in range(60)]


@dataclass(frozen=True, slots=True)
class Books:
    """A program with an account for each of ACCOUNTS: ten points that expire on the next day and one that stays."""

    where: TestDatabase
    owner: asyncpg.Connection
    program_id: int

    async def advance(self, now: datetime) -> None:
        await set_clock(self.where, self.program_id, now)

    async def expired(self) -> dict[str, int]:
        """How many points expired in each account, if any did."""
        rows = await self.owner.fetch(
            "SELECT account_id, sum(points) AS points, count(*) FROM ledger.entry WHERE kind = 'expire' GROUP BY 1"
        )
        assert all(row["count"] == 1 for row in rows)
        return {row["account_id"]: int(row["points"]) for row in rows}

    async def due(self) -> int:
        found: int = await self.owner.fetchval(
            "SELECT count(*) FROM ledger.account WHERE next_due_at <= $1", NOON + DAY
        )
        return found


@pytest.fixture
async def books(database: TestDatabase) -> AsyncIterator[Books]:
    async with Database.open(database.service_url) as opened:
        program_id = await create_program(opened)
        journal = PostgresJournal(opened)
        earned = [
            earn(points, account_id=account_id, expires_at=expires_at)
            for account_id in ACCOUNTS
            for points, expires_at in ((10, NOON + DAY), (1, None))
        ]
        await post(journal, program_id, *earned)
    owner = await asyncpg.connect(database.owner_url)
    yield Books(database, owner, program_id)
    await owner.close()


@asynccontextmanager
async def instance(books: Books, page_size: int = 7) -> AsyncIterator[Sweeper]:
    """A sweeper with connections and a poster of its own, as another process has them."""
    async with (
        Database.open(books.where.service_url) as database,
        Poster(PostgresJournal(database), PostingLimits()) as poster,
    ):
        yield Sweeper(Due(database), poster, page_size)


async def test_all_that_is_due_is_done_once_and_nothing_else(books: Books):
    async with instance(books) as sweeper:
        assert (await sweeper.sweep()).found == 0
        await books.advance(NOON + DAY)
        told: list[int] = []
        advanced: list[int] = []
        swept = await sweeper.sweep(told.append, advanced.append)
        assert (told, sum(advanced)) == ([60], 60)
        assert (swept.found, swept.settled, swept.failed) == (60, 60, 0)
        again = await sweeper.sweep()
        assert (again.found, again.settled) == (0, 0)
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)
    await assert_verifies(books.where.read_url)


async def test_several_sweepers_at_once_do_each_work_once(books: Books):
    await books.advance(NOON + DAY)
    async with AsyncExitStack() as stack:
        sweepers = [await stack.enter_async_context(instance(books)) for _ in range(3)]
        swept = await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers))
        assert sum(one.settled for one in swept) >= 60
        assert not any(one.failed for one in swept)
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)
    await assert_verifies(books.where.read_url)


async def test_without_the_claims_too_each_work_is_done_once(books: Books):
    """The claims spare work; that nothing is done twice hangs on the versions of the accounts alone."""
    await books.advance(NOON + DAY)
    async with AsyncExitStack() as stack:
        sweepers = [await stack.enter_async_context(instance(books, 30)) for _ in range(3)]
        settled = await asyncio.gather(*(sweeper.settle_program(books.program_id) for sweeper in sweepers))
        assert max(settled) <= 60
        assert sum(settled) >= 60
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)
    await assert_verifies(books.where.read_url)


async def test_a_sweeper_that_was_stopped_in_the_middle_leaves_the_rest_to_the_next(books: Books):
    await books.advance(NOON + DAY)
    async with instance(books) as sweeper:
        sweep: asyncio.Task[object] = asyncio.create_task(
            sweeper.sweep(advance=lambda _: sweep.cancel() and None)  # type: ignore[func-returns-value]
        )
        with pytest.raises(asyncio.CancelledError):
            await sweep
    assert 0 < await books.due() < 60
    async with instance(books) as another:
        await another.sweep()
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)
    await assert_verifies(books.where.read_url)


async def test_lost_connections_in_the_middle_are_made_good_by_the_next_sweep(books: Books):
    await books.advance(NOON + DAY)
    async with instance(books) as sweeper:
        losses = 0

        def lose_all(_: int) -> None:
            nonlocal losses
            losses += 1
            if losses == 10:
                losing.append(asyncio.ensure_future(books.owner.execute(TERMINATE)))

        losing: list[asyncio.Future[str]] = []
        with suppress(Failure):
            await sweeper.sweep(advance=lose_all)
        await asyncio.gather(*losing)
        while await books.due():
            with suppress(Failure):
                await sweeper.sweep()
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)
    await assert_verifies(books.where.read_url)


TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE usename = 'ledger_service' AND datname = current_database()"
)


async def test_a_balance_is_the_same_with_and_without_a_sweep(books: Books):
    await books.advance(NOON + DAY)
    async with Database.open(books.where.service_url) as database:
        reads = Reads(database)
        before = [await reads.balance(books.program_id, account_id) for account_id in ACCOUNTS[:5]]
        async with instance(books) as sweeper:
            await sweeper.sweep()
        after = [await reads.balance(books.program_id, account_id) for account_id in ACCOUNTS[:5]]
    told = [
        [(view.balance, view.available, view.pending, view.held) for view in views if view] for views in (before, after)
    ]
    assert told[0] == told[1] == [(1, 1, 0, 0)] * 5


async def test_an_account_that_cannot_be_settled_does_not_keep_the_others_from_it(books: Books):
    await books.advance(NOON + DAY)
    async with Database.open(books.where.service_url) as database:
        due = Due(database)
        async with Poster(PostgresJournal(database), PostingLimits()) as poster:
            stubborn = Stubborn(poster, {"m-000": ValueError("broken"), "m-030": Overloaded("too much")})
            sweeper = Sweeper(due, stubborn, 7)  # type: ignore[arg-type]
            swept = await sweeper.sweep()
            assert (swept.settled, swept.failed) == (58, 2)
            assert str(swept.failure) in ("broken", "too much")
            with pytest.raises((ValueError, Overloaded)):
                await sweeper.settle_program(books.program_id)
            assert await books.due() == 2
            assert (await Sweeper(due, poster).sweep()).settled == 2
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)


@pytest.mark.parametrize("failure", [DatabaseUnavailable("gone"), ShuttingDown("stopping")])
async def test_a_sweep_ends_when_nothing_can_be_posted_any_more(books: Books, failure: Failure):
    await books.advance(NOON + DAY)
    async with (
        Database.open(books.where.service_url) as database,
        Poster(PostgresJournal(database), PostingLimits()) as poster,
    ):
        refusing = Stubborn(poster, dict.fromkeys(ACCOUNTS, failure))
        sweeper = Sweeper(Due(database), refusing, 7)  # type: ignore[arg-type]
        with pytest.raises(type(failure)):
            await sweeper.sweep()
        assert refusing.asked <= 7
    assert await books.due() == 60


async def test_holds_time_out_and_the_rest_of_what_is_due_is_done_with_them(books: Books):
    async with Database.open(books.where.service_url) as database:
        journal = PostgresJournal(database)
        await post(journal, books.program_id, place_hold(5, account_id="m-000", expires_in_seconds=60))
    await books.advance(NOON + DAY)
    async with instance(books) as sweeper:
        assert (await sweeper.sweep()).settled == 60
    rows = await books.owner.fetch(
        "SELECT kind, occurred_at FROM ledger.entry WHERE account_id = 'm-000' AND source = 'ledger' ORDER BY seq"
    )
    assert [row["kind"] for row in rows] == ["release", "expire"]
    assert await books.owner.fetchval("SELECT status FROM ledger.hold") == "timed_out"
    await assert_verifies(books.where.read_url)


async def test_who_runs_for_ever_sweeps_again_and_survives_failures(books: Books):
    """It is told of the second sweep, before which the clock was moved; a failure in between is not told."""
    async with instance(books) as sweeper:
        done = asyncio.Event()
        found: list[int] = []

        def told(swept: object) -> None:
            found.append(swept.found)  # type: ignore[attr-defined]
            if swept.found:  # type: ignore[attr-defined]
                done.set()

        running = asyncio.create_task(sweeper.run(0.001, told))
        await books.owner.execute(TERMINATE)
        await books.advance(NOON + DAY)
        await asyncio.wait_for(done.wait(), 30)
        running.cancel()
        await asyncio.wait({running})
    assert sum(found) >= 60
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)


async def test_due_work_is_done_beside_something_else_if_it_has_an_interval(books: Books):
    await books.advance(NOON + DAY)
    async with instance(books) as sweeper:
        async with sweeper.sweeping(None):
            assert await books.due() == 60
        async with sweeper.sweeping(0.001):
            while await books.due():  # noqa: ASYNC110 - asking is what takes the time
                await asyncio.sleep(0)
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)


async def test_the_gauges_say_how_much_is_overdue_and_since_when(books: Books):
    await books.advance(NOON + 3 * DAY)
    async with instance(books) as sweeper:
        seen: list[tuple[float, float]] = []
        await sweeper.sweep(begun=lambda _: seen.append((gauge(DUE_ACCOUNTS), gauge(DUE_OLDEST_AGE))))
        assert seen == [(60, 2 * DAY.total_seconds())]
        assert (gauge(DUE_ACCOUNTS), gauge(DUE_OLDEST_AGE)) == (0, 0)


async def test_an_account_that_was_settled_meanwhile_is_settled_for_nothing(books: Books):
    await books.advance(NOON + DAY)
    async with Database.open(books.where.service_url) as database:
        await post(PostgresJournal(database), books.program_id, *settle_all(ACCOUNTS[:30]))
    async with instance(books) as sweeper:
        assert (await sweeper.sweep()).settled == 30
    assert await books.expired() == dict.fromkeys(ACCOUNTS, -10)


def settle_all(accounts: Iterable[str]) -> list[Command]:
    return [settle_due(account_id=account_id) for account_id in accounts]


def gauge(metric: object) -> float:
    return float(metric._value.get())  # type: ignore[attr-defined]


@dataclass(slots=True)
class Stubborn:
    """A poster that fails for some accounts: no server can be made to."""

    poster: Poster
    failures: dict[str, Exception]
    asked: int = 0

    async def post(self, program_id: int, command: Command, deadline: float) -> Outcome:
        self.asked += 1
        if command.account_id in self.failures:
            raise self.failures[command.account_id]
        return await self.poster.post(program_id, command, deadline)
