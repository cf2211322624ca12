"""Due work: which accounts have some, soonest first."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from ledger_service.ledger.lots import ALWAYS
from ledger_service.storage.database import Database, read_failures

COUNTED_MAX = 1_000_000
"""Due accounts that are counted for each program; more are told as so many."""

SWEEP_LOCK = 0x53574545
"""Names our advisory locks among those of others."""


@dataclass(frozen=True, slots=True)
class DueProgram:
    """A program with due work."""

    program_id: int
    now: datetime
    """What its clock says."""
    accounts_total: int
    """With due work; at most COUNTED_MAX."""
    oldest_due_at: datetime


@dataclass(frozen=True, slots=True)
class DueAccount:
    """An account with due work."""

    due_at: datetime
    """Since when."""
    account_id: str


# statement_timestamp, since no index can be searched for clock_timestamp, which moves on while it is searched.
SURVEY = """
SELECT p.program_id, coalesce(p.clock, statement_timestamp()) AS now, d.accounts_total, d.oldest_due_at
FROM ledger.program AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS accounts_total, min(next_due_at) AS oldest_due_at FROM (
        SELECT a.next_due_at FROM ledger.account AS a
        WHERE a.program_id = p.program_id AND a.next_due_at IS NOT NULL
            AND a.next_due_at <= coalesce(p.clock, statement_timestamp())
        ORDER BY a.next_due_at LIMIT $1
    ) AS due
) AS d
WHERE ($2::bigint IS NULL OR p.program_id = $2) AND d.accounts_total > 0
ORDER BY d.oldest_due_at, p.program_id
"""

# In the order of the index account_due. Accounts that fall due at one instant (a fixed date is one for all) stand in it
# in no order, so a page begins with the instant, not the account, at which the one before ended.
PAGE = """
SELECT next_due_at, account_id FROM ledger.account
WHERE program_id = $1 AND next_due_at IS NOT NULL AND next_due_at >= $2 AND next_due_at <= $3
ORDER BY next_due_at LIMIT $4
"""

CLAIM = "SELECT pg_try_advisory_xact_lock($1::int, hashint8($2::bigint))"


class Due:
    """Finds due work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def survey(self, program_id: int | None = None) -> Sequence[DueProgram]:
        """The programs that have due work by their own clocks, longest overdue first. Raises DatabaseUnavailable."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(SURVEY, COUNTED_MAX, program_id)
        return [DueProgram(row["program_id"], row["now"], row["accounts_total"], row["oldest_due_at"]) for row in rows]

    async def page(
        self, program_id: int, now: datetime, since: datetime = ALWAYS, size: int = 1000
    ) -> Sequence[DueAccount]:
        """Accounts that fell due at `since` or later, soonest first. Raises DatabaseUnavailable."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(PAGE, program_id, since, now, size)
        return [DueAccount(row["next_due_at"], row["account_id"]) for row in rows]

    @asynccontextmanager
    async def claim(self, program_id: int) -> AsyncIterator[bool]:
        """Whether nobody else sweeps this program; if so, nobody does before this is left.

        It spares two of them the same work, no more: whoever settles without it does no harm. Raises
        DatabaseUnavailable, at the end too."""
        async with self._database.reader() as connection:
            try:
                with read_failures():
                    async with connection.transaction():
                        yield await connection.fetchval(CLAIM, SWEEP_LOCK, program_id)
            except BaseException:
                # Whatever happened inside: a connection that may still be in the transaction is not used again.
                connection.terminate()
                raise
