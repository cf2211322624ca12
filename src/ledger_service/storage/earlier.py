"""Earlier: an account as it was at an instant in the past, found by going back from what it is now."""

from datetime import datetime
from typing import Any

import asyncpg

from ledger_service.ledger.details import detail_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.rewinding import Rewinding, effective_at
from ledger_service.ledger.standing import Floor, Tier, tier_of
from ledger_service.ledger.states import AccountState
from ledger_service.storage.rows import ENTRY_COLUMNS, HOLD_COLUMNS, entry_of, hold_of

ENTRIES_AT_ONCE = 500

# Entries never change: read page by page they are of one moment, as long as none is newer than the account.
BACKWARDS = f"""
SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e
WHERE e.program_id = $1 AND e.account_id = $2 AND e.seq <= $3 ORDER BY e.seq DESC LIMIT $4
"""

HOLDS = f"""
SELECT {HOLD_COLUMNS} FROM unnest($2::text[]) AS wanted (hold_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.hold AS one WHERE one.program_id = $1 AND one.hold_id = wanted.hold_id OFFSET 0
) AS h
"""

# Of the last entry by which the tier changed.
TIER = f"""
SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e
WHERE e.program_id = $1 AND e.account_id = $2 AND e.seq <= $3 AND e.detail -> 'tier' IS NOT NULL
ORDER BY e.seq DESC LIMIT 1
"""


async def account_at(
    connection: asyncpg.Connection, program_id: int, account: AccountState, at: datetime
) -> AccountState:
    """The account as the last entry that counted at this instant left it; due work after that is not done.

    Its status is today's. Before it was opened it has nothing. Costs a look at every entry since.
    """
    rewinding, last = Rewinding(account), None
    seq = account.seq
    while seq and last is None:
        rows = await connection.fetch(BACKWARDS, program_id, account.account_id, seq, ENTRIES_AT_ONCE)
        for entry in map(entry_of, rows):
            if effective_at(entry) <= at:
                last = entry
                break
            rewinding.undo(entry)
            seq = entry.seq - 1
    if last is not None and last.seq == account.seq:
        return account
    tier, floor = account.standing.tier, account.standing.floor
    if rewinding.tier_has_changed:
        tier, floor = await _tier(connection, program_id, account.account_id, last)
    holds = await _holds(connection, program_id, list(rewinding.hold_ids))
    return rewinding.account(last, holds, tier, floor)


async def _tier(
    connection: asyncpg.Connection, program_id: int, account_id: str, last: Entry | None
) -> tuple[Tier | None, Floor | None]:
    row = None if last is None else await connection.fetchrow(TIER, program_id, account_id, last.seq)
    return (None, None) if row is None else tier_of(detail_of(entry_of(row)))


async def _holds(connection: asyncpg.Connection, program_id: int, hold_ids: list[str]) -> list[Hold]:
    rows: list[Any] = await connection.fetch(HOLDS, program_id, hold_ids) if hold_ids else []
    return [hold_of(row).hold for row in rows]
