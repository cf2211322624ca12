"""A database whose books have seen everything that can happen to points."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.outcomes import Outcome
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.keys import Keys
from ledger_service.storage.programs import Programs
from tests.builders import (
    DAY,
    NOON,
    adjust,
    attach,
    cancel,
    capture,
    claim,
    confirm,
    earn,
    merge,
    open_account,
    place_hold,
    purchase,
    redeem,
    refund,
    release,
    reverse,
    revoke,
    set_status,
    set_tier,
    settle_due,
    together,
    transfer,
    unmerge,
)
from tests.servers import TestDatabase

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

ALLOWS_DEBT: dict[str, Any] = {"auto_open": True, "clawback": {"mode": "allow_debt"}}


async def create_program(
    database: Database, slug: str = "demo", settings: dict[str, Any] | None = None, clock: datetime | None = NOON
) -> int:
    """A program, and its program_id. A test program whose clock stands at NOON, unless the clock is None."""
    mode = "live" if clock is None else "test"
    key = Keys(database, b"pepper").new(mode, ["read"], "tests")
    await Programs(database).create(None, slug, mode, ALLOWS_DEBT if settings is None else settings, clock, key)
    program = await Programs(database).find(slug)
    assert program is not None
    return program.program_id


async def post(journal: PostgresJournal, program_id: int, *commands: Command) -> tuple[Outcome, ...]:
    """One batch down the road and back, with nobody else on it."""
    loaded = await journal.load_batch(program_id, commands)
    proposal = decide(loaded, commands)
    assert not (await journal.write_batch(proposal)).conflicts
    return proposal.outcomes


async def set_clock(database: TestDatabase, program_id: int, now: datetime) -> None:
    """Move a test program's clock."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("UPDATE ledger.program SET clock = $2 WHERE program_id = $1", program_id, now)
    finally:
        await connection.close()


Batches = list[tuple[datetime, tuple[Command, ...]]]
"""What is asked at each instant."""

CLUB: dict[str, Any] = {
    "auto_open": True,
    "currency": "EUR",
    "clawback": {"mode": "allow_debt"},
    "rules": [
        {"id": "base", "type": "spend", "points": 1, "per": "1.00"},
        {"id": "hello", "type": "fixed", "points": 10, "expiry": {"mode": "after", "days": 5}},
    ],
    "tiers": {
        "measure": "points_earned",
        "window": {"mode": "rolling", "months": 12},
        "retention": {"mode": "days", "days": 2},
        "grace_days": 1,
        "levels": [{"id": "bronze", "at": "0"}, {"id": "silver", "at": "100", "multiplier": "2"}],
    },
    "limits": {"max_redeem_per_day": 500},
}
WAITING: dict[str, Any] = {
    "auto_open": True,
    "available": {"mode": "on_event"},
    "expiry": {"mode": "after", "days": 30},
    "rules": [
        {"id": "base", "type": "spend", "points": 1, "per": "1.00"},
        {"id": "hello", "type": "fixed", "points": 10, "expiry": {"mode": "never"}},
    ],
}
IDLE: dict[str, Any] = {"auto_open": True, "expiry": {"mode": "inactivity", "months": 6}}


def purchases_holds_and_merges() -> Batches:
    """In CLUB: parts, tiers, holds in every way they end, refunds, a transfer, a merge that stays and one undone."""
    day = 24 * 3600
    week = 7 * day
    return [
        (
            NOON,
            (
                earn(purchase=purchase("60.00"), order_id="P-1", account_id="c-1", key="purchase"),  # c-1, 1: two parts
                earn(purchase=purchase("50.00"), order_id="P-2", account_id="c-1"),  # c-1, 2: reaches silver
                redeem(10, order_id="P-1", account_id="c-1"),  # c-1, 3
                place_hold(10, "h-1", account_id="c-1", expires_in_seconds=day),  # c-1, 4
                place_hold(20, "h-2", account_id="c-1", expires_in_seconds=day),  # c-1, 5
                place_hold(5, "h-3", account_id="c-1", expires_in_seconds=day),  # c-1, 6
                place_hold(6, "h-4", account_id="c-1", expires_in_seconds=60),  # c-1, 7
                place_hold(7, "h-5", account_id="c-1", expires_in_seconds=week),  # c-1, 8: stays open
                earn(5, account_id="c-2"),  # c-2, 1
                earn(purchase=purchase("20.00"), order_id="P-3", account_id="c-3"),  # c-3, 1
                attach(claim("3333", identifier_id="card-3"), account_id="c-3"),
                place_hold(8, "h-6", account_id="c-3", expires_in_seconds=week),  # c-3, 2
                earn(30, account_id="c-4"),  # c-4, 1
                earn(purchase=purchase("12.00"), order_id="P-5", account_id="c-5"),  # c-5, 1
                place_hold(3, "h-7", account_id="c-5", expires_in_seconds=week),  # c-5, 2
                earn(40, account_id="c-6"),  # c-6, 1
                earn(1, account_id="c-7"),  # c-7, 1
                set_tier("silver", account_id="c-7", until=NOON + DAY),  # c-7, 2
            ),
        ),
        (
            NOON + HOUR,
            (
                capture("h-1", account_id="c-1"),  # c-1, 9: h-4 times out first; c-1, 10
                capture("h-2", 12, account_id="c-1"),  # c-1, 11: the rest is released; c-1, 12
                release("h-3", account_id="c-1"),  # c-1, 13
                refund("P-1", "30.00", account_id="c-1", key="refund"),  # c-1, 14 and 15
                cancel("P-2", account_id="c-1"),  # c-1, 16
                transfer(4, "c-2", account_id="c-1", key="transfer"),  # c-1, 17; c-2, 2
                merge("c-4", account_id="c-3", key="merge"),  # c-3, 3; c-4, 2
                merge("c-6", account_id="c-5"),  # c-5, 3; c-6, 2
                redeem(2, account_id="c-6"),  # c-6, 3
            ),
        ),
        (
            NOON + 2 * HOUR,
            (
                capture("h-6", 5, account_id="c-4"),  # c-4, 3 and 4
                refund("P-3", "10.00", account_id="c-3", chain=("c-4",)),  # c-4, 5: of an earn of c-3
                unmerge("c-6", account_id="c-5"),  # c-6, 4; c-5, 4
                earn(4, account_id="c-5"),  # c-5, 5
            ),
        ),
        *(
            (NOON + days * DAY, tuple(settle_due(account_id=f"c-{number}") for number in (1, 4, 7)))
            for days in (2, 4, 6)
        ),
    ]


def points_that_wait() -> Batches:
    """In WAITING: points that are freed, taken back while they wait, and that still wait."""
    return [
        (
            NOON,
            (
                earn(purchase=purchase("40.00"), order_id="W-1", account_id="w-1"),  # w-1, 1
                earn(purchase=purchase("9.00"), order_id="W-2", account_id="w-1"),  # w-1, 2
                earn(purchase=purchase("5.00"), order_id="W-3", account_id="w-1"),  # w-1, 3: waits for ever
            ),
        ),
        (
            NOON + HOUR,
            (
                confirm("W-1", account_id="w-1"),  # w-1, 4
                cancel("W-2", account_id="w-1"),  # w-1, 5
                redeem(3, account_id="w-1"),  # w-1, 6
            ),
        ),
    ]


def points_kept_by_activity() -> Batches:
    """In IDLE: every earn and redeem moves the lots, a capture too."""
    return [
        (NOON, (earn(50, account_id="i-1"),)),  # i-1, 1
        (NOON + DAY, (earn(20, account_id="i-1"), place_hold(10, "h-8", account_id="i-1"))),  # i-1, 2 and 3
        (NOON + DAY + MINUTE, (capture("h-8", account_id="i-1"),)),  # i-1, 4
        (NOON + 3 * DAY, (redeem(30, account_id="i-1"),)),  # i-1, 5
        (NOON + 4 * DAY, (reverse(5, 8, account_id="i-1"),)),  # i-1, 6
        (NOON + 400 * DAY, (settle_due(account_id="i-1"),)),  # i-1, 7
    ]


STORIES = (
    ("club", CLUB, purchases_holds_and_merges),
    ("waiting", WAITING, points_that_wait),
    ("idle", IDLE, points_kept_by_activity),
)
"""What else can happen to points: program, its settings, what is asked when."""


def write_varied_books(database: TestDatabase) -> None:
    """Five programs; in `demo` the accounts m-1 to m-4."""
    asyncio.run(_write(database))


async def _write(where: TestDatabase) -> None:
    card = claim("1111", identifier_id="card-1")
    async with Database.open(where.service_url) as database:
        journal = PostgresJournal(database)
        program_id = await create_program(database)
        other_id = await create_program(database, "other", clock=None)
        first = earn(100, order_id="A-1", key="first")
        batches: list[tuple[datetime, tuple[Command, ...]]] = [
            (
                NOON,
                (
                    open_account("m-1", identifiers=[card]),
                    first,  # m-1, 1
                    earn(50, expires_at=NOON + DAY),  # m-1, 2
                    earn(30, available_at=NOON + 2 * DAY, expires_at=NOON + 9 * DAY),  # m-1, 3
                    redeem(70, order_id="R-1"),  # m-1, 4: 50 of the expiring lot, 20 of the other
                    redeem(1000),
                    earn(100, order_id="A-1", key="repeats"),
                    earn(7, order_id="A-1"),
                    open_account("nobody", identifiers=[card]),
                ),
            ),
            (
                NOON,
                (
                    reverse(1, 40),  # m-1, 5
                    reverse(4, 10),  # m-1, 6
                    earn(20, account_id="m-2", order_id="A-2"),  # m-2, 1
                    adjust(-35, account_id="m-2", allow_negative=True),  # m-2, 2: a debt of 15
                    set_status("suspended", account_id="m-2"),
                    attach(claim("2222"), account_id="m-2"),
                ),
            ),
            (
                NOON + DAY,
                (
                    settle_due(),
                    reverse(4, 60),  # back to a lot that has expired: gone again in the same breath
                    earn(40, account_id="m-2"),  # m-2, 3: pays the debt first
                    revoke("card-1"),
                    first,
                ),
            ),
            (
                NOON + 3 * DAY,
                (
                    together(
                        earn(5, order_id="A-3"),  # m-1, 9
                        redeem(5),  # m-1, 10
                        earn(9, account_id="m-3"),  # m-3, 1
                    ),
                    together(earn(5), redeem(500, account_id="m-3")),
                    adjust(-1),  # m-1, 11
                    earn(60, account_id="m-4"),
                    reverse(1, account_id="m-4"),
                ),
            ),
        ]
        for now, commands in batches:
            await set_clock(where, program_id, now)
            await post(journal, program_id, *commands)
        await post(journal, other_id, earn(11), redeem(3))
        for slug, settings, story in STORIES:
            program_id = await create_program(database, slug, settings)
            for now, commands in story():
                await set_clock(where, program_id, now)
                await post(journal, program_id, *commands)
