"""A database whose books have seen everything that can happen to points."""

import asyncio
from datetime import datetime
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
    claim,
    earn,
    open_account,
    redeem,
    reverse,
    revoke,
    set_status,
    settle_due,
    together,
)
from tests.servers import TestDatabase

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
    assert not await journal.write_batch(proposal)
    return proposal.outcomes


async def set_clock(database: TestDatabase, program_id: int, now: datetime) -> None:
    """Move a test program's clock."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("UPDATE ledger.program SET clock = $2 WHERE program_id = $1", program_id, now)
    finally:
        await connection.close()


def write_varied_books(database: TestDatabase) -> None:
    """Two programs; in `demo` the accounts m-1 to m-4."""
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
