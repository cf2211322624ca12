"""Reports: what a whole program has at any instant, and what changed it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from ledger_service.ledger.commands import Command
from ledger_service.ledger.reckoning import Liability, RollForward
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.reads import Reads
from tests.builders import (
    DAY,
    INSTANT,
    NOON,
    adjust,
    earn,
    merge,
    open_account,
    place_hold,
    redeem,
    reverse,
    settle_due,
    transfer,
    unmerge,
)
from tests.storage.conftest import Storage
from tests.varied_books import ALLOWS_DEBT, STORIES, create_program, post

HOUR = timedelta(hours=1)
WEEK = 7 * 24 * 3600

# Due work that nobody did: lots past their date, holds whose time is over beside a debt, points back too late.
LEFT_LYING: list[tuple[datetime, tuple[Command, ...]]] = [
    (NOON, (earn(50, expires_at=NOON + DAY), earn(30, account_id="m-2", expires_at=NOON + 2 * DAY), earn(9))),
    (NOON + HOUR, (place_hold(40, "h-1", expires_in_seconds=2 * 24 * 3600), redeem(6), transfer(3, "m-2"))),
    (NOON + 2 * HOUR, (place_hold(25, "h-2", account_id="m-2", expires_in_seconds=3 * 24 * 3600),)),
    (NOON + 3 * HOUR, (adjust(-20, account_id="m-2", allow_negative=True), open_account("m-4"), merge("m-4"))),
    (NOON + 3 * HOUR, (merge("m-4", account_id="m-2"),)),
    (
        NOON + 4 * HOUR,
        (earn(8, account_id="m-3", expires_at=NOON + DAY), reverse(1, 8), unmerge("m-4", account_id="m-2")),
    ),
    (NOON + 5 * HOUR, (earn(70, account_id="m-5"), place_hold(60, "h-5", account_id="m-5", expires_in_seconds=WEEK))),
    (NOON + 6 * HOUR, (adjust(-30, account_id="m-5", allow_negative=True),)),
]
ALL = (("lying", ALLOWS_DEBT, lambda: LEFT_LYING), *STORIES)


@dataclass(frozen=True, slots=True)
class Told:
    """One program with a story, and who asks about it."""

    reads: Reads
    program_id: int
    account_ids: list[str]
    instants: list[datetime]
    """Around everything that happened in it, or falls due."""
    journal: PostgresJournal
    owner: asyncpg.Connection

    async def liability(self, at: Any = None) -> Liability:
        return await self.reads.reports.liability(self.program_id, at)

    async def roll_forward(self, begin: Any, end: Any) -> RollForward:
        found = await self.reads.reports.roll_forward(self.program_id, begin, end)
        assert found is not None
        return found

    async def set_clock(self, now: datetime) -> None:
        await self.owner.execute("UPDATE ledger.program SET clock = $2 WHERE program_id = $1", self.program_id, now)


INSTANTS = """
SELECT unnest(ARRAY[occurred_at, recorded_at]) AS at FROM ledger.entry WHERE program_id = $1
UNION SELECT expires_at FROM ledger.lot WHERE program_id = $1
UNION SELECT expires_at FROM ledger.hold WHERE program_id = $1
ORDER BY 1
"""


async def tell(
    storage: Storage, slug: str, document: Any, story: Iterable[tuple[datetime, tuple[Command, ...]]]
) -> Told:
    program_id = await create_program(storage.database, slug, document)
    told = Told(Reads(storage.database), program_id, [], [], storage.journal, storage.owner)
    for now, commands in story:
        await told.set_clock(now)
        await post(storage.journal, program_id, *commands)
    accounts = await storage.fetch("SELECT account_id FROM ledger.account WHERE program_id = $1", program_id)
    told.account_ids.extend(row["account_id"] for row in accounts)
    found = [row["at"] for row in await storage.fetch(INSTANTS, program_id)]
    finite = [at for at in found if at.tzinfo is not None]
    told.instants.extend(sorted({around for at in finite for around in (at - INSTANT, at, at + INSTANT)}))
    return told


@pytest.fixture(params=ALL, ids=lambda story: story[0])
async def told(storage: Storage, request: pytest.FixtureRequest) -> Told:
    slug, document, story = request.param
    return await tell(storage, slug, document, story())


async def test_a_liability_is_the_sum_of_all_balances_at_every_instant(told: Told):
    """In the past, now and in the future: around every instant at which anything happens."""
    for at in told.instants:
        views = [await told.reads.balance(told.program_id, account_id, at) for account_id in told.account_ids]
        position = (await told.liability(at)).position
        summed = [(view.available, view.pending, view.held, view.balance) for view in views if view is not None]
        expected = tuple(map(sum, zip(*summed, strict=True)))
        assert (position.available, position.pending, position.held, position.total) == expected, at
        assert sum(position.by_month.values()) == position.available + position.pending + position.debt
        assert position.debt >= 0


async def test_a_roll_forward_adds_up_over_any_period(told: Told):
    instants = [NOON - 10 * DAY, *told.instants[:: max(1, len(told.instants) // 25)], NOON + 500 * DAY]
    for begin, end in [*pairwise(instants), (instants[0], instants[-1]), (instants[1], instants[-2])]:
        found = await told.roll_forward(begin, end)
        assert found.opening + sum(found.lines.values()) == found.closing, (begin, end)
        assert found.opening == (await told.liability(begin - INSTANT)).position.total
        assert found.closing == (await told.liability(end - INSTANT)).position.total


async def test_a_report_says_the_same_before_and_after_the_due_work_is_done(told: Told):
    last = NOON + 500 * DAY
    instants = [at for at in told.instants[:: max(1, len(told.instants) // 25)] if at <= last]
    before = [(await told.liability(at)).position for at in instants]
    lines = [await told.roll_forward(begin, end) for begin, end in pairwise(instants)]
    await told.set_clock(last)
    assert [(await told.liability(at)).position for at in instants] == before
    await post(told.journal, told.program_id, *(settle_due(account_id=account) for account in told.account_ids))
    assert [(await told.liability(at)).position for at in instants] == before
    assert [await told.roll_forward(begin, end) for begin, end in pairwise(instants)] == lines


async def test_law_3_the_trial_balance_comes_to_0_before_and_after_the_due_work_is_done(told: Told):
    for now in (NOON + 5 * HOUR, NOON + 2 * DAY, NOON + 500 * DAY):
        await told.set_clock(now)
        found = await told.reads.reports.trial_balance(told.program_id)
        assert (found.total, found.as_of) == (0, now)
        assert found.members == (await told.liability()).position.total
        assert (found.counters["transferred"], found.counters["merged"]) == (0, 0)
    await post(told.journal, told.program_id, *(settle_due(account_id=account) for account in told.account_ids))
    assert await told.reads.reports.trial_balance(told.program_id) == found


async def test_an_empty_program_has_nothing(storage: Storage):
    told = await tell(storage, "empty", ALLOWS_DEBT, [])
    assert (await told.liability()).position.total == 0
    assert (await told.liability()).as_of == NOON
    found = await told.roll_forward(date(2026, 1, 1), date(2026, 12, 31))
    assert (found.opening, found.closing, set(found.lines.values()), found.written_off) == (0, 0, {0}, 0)
    assert (await told.reads.reports.trial_balance(told.program_id)).total == 0


async def test_other_programs_do_not_count(storage: Storage):
    await storage.post(earn(5))
    told = await tell(storage, "other", ALLOWS_DEBT, [(NOON, (earn(7), place_hold(2, expires_in_seconds=60)))])
    await told.set_clock(NOON + DAY)
    assert (await told.liability()).position.total == 7
    assert (await told.roll_forward(NOON, NOON + INSTANT)).lines["issued"] == 7
    assert (await told.reads.reports.trial_balance(told.program_id)).members == 7


async def test_a_day_is_that_of_the_programs_time_zone(storage: Storage):
    """In Berlin the third of December ends at 23:00 UTC."""
    document = ALLOWS_DEBT | {"time_zone": "Europe/Berlin"}
    end = datetime(2026, 12, 3, 23, tzinfo=UTC)
    told = await tell(
        storage, "berlin", document, [(end - INSTANT, (earn(5, expires_at=end + DAY),)), (end, (earn(7),))]
    )
    third, fourth = date(2026, 12, 3), date(2026, 12, 4)
    assert (await told.liability(third)).as_of == end - INSTANT
    assert (await told.liability(third)).position.total == 5
    assert (await told.liability(fourth)).position.total == 12
    assert (await told.liability(date(2026, 12, 5))).position.total == 7
    of_third, of_fourth = await told.roll_forward(third, third), await told.roll_forward(fourth, fourth)
    assert (of_third.opening, of_third.lines["issued"], of_third.closing) == (0, 5, 5)
    assert (of_fourth.opening, of_fourth.lines["issued"], of_fourth.closing) == (5, 7, 12)
    assert (await told.roll_forward(third, fourth)).closing == 12
    assert dict((await told.liability(third)).position.by_month) == {"2026-12": 5}


async def test_a_period_that_does_not_begin_before_it_ends_is_none(storage: Storage):
    reports = Reads(storage.database).reports
    assert await reports.roll_forward(storage.program_id, NOON, NOON) is None
    assert await reports.roll_forward(storage.program_id, date(2026, 12, 4), date(2026, 12, 3)) is None


async def test_every_line_has_its_kind_and_what_was_let_go_is_told(storage: Storage):
    story = [
        (NOON, (earn(100, expires_at=NOON + DAY), earn(10), adjust(-4), redeem(50), reverse(4, 20))),
        (NOON + HOUR, (adjust(7), redeem(78), reverse(1, 30))),
    ]
    told = await tell(storage, "lines", {"auto_open": True}, story)
    found = await told.roll_forward(NOON, NOON + 2 * DAY)
    assert dict(found.lines) == {
        "issued": 110,
        "restored": 20,
        "adjusted": 3,
        "redeemed": -128,
        "expired": 0,
        "taken_back": -5,
    }
    assert (found.opening, found.closing, found.written_off) == (0, 0, 25)


async def test_points_are_told_by_the_month_of_their_last_day(storage: Storage):
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    story = (
        earn(5, expires_at=new_year),
        earn(7, expires_at=new_year + INSTANT),
        earn(9, available_at=NOON + DAY),
        earn(3),
        place_hold(4),
    )
    told = await tell(storage, "months", ALLOWS_DEBT, [(NOON, story)])
    position = (await told.liability()).position
    assert dict(position.by_month) == {"2026-12": 1, "2027-01": 7, None: 12}
    assert (position.held, position.pending) == (4, 9)


async def test_a_connection_is_left_as_it_was_found(storage: Storage):
    async with Database.open(storage.where.service_url, readers=1) as database:
        reads = Reads(database)
        await reads.reports.liability(storage.program_id)
        async with database.reader() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("SHOW enable_seqscan") == "off"
            assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
