"""Reports: what all accounts of a program have together, at any instant, and what changed it.

Added up by the database, in one snapshot. Due work that nobody did yet counts as done at its instant: lots past their
date drop out of the sums; the few accounts with a hold whose time is over are settled one by one, by the same rules as
everywhere.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import asyncpg

from ledger_service.ledger.lots import MICROSECOND, NEVER, instant, microseconds
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.reckoning import (
    Liability,
    Moment,
    Position,
    RollForward,
    TrialBalance,
    begin_of,
    counters_of,
    end_of,
    instant_of,
    lines_of,
    month_of,
    position_of,
)
from ledger_service.ledger.settling import settled
from ledger_service.ledger.states import AccountState
from ledger_service.storage.database import Database, read_failures
from ledger_service.storage.urgency import Urgency
from ledger_service.storage.whole_accounts import LOTS_OF_ACCOUNT, WholeAccounts, whole, whole_account_of

SECONDS_MAX: Final = 12
"""A report may read a whole program: more than other reads, and a little more than any caller waits."""

REPORTS_AT_ONCE: Final = 2
"""Of the connections for reading; the others stay free for tills."""

ROWS_AT_ONCE: Final = 200
"""Rows fetched at once of the accounts that are settled one by one."""

BEGINNING: Final = datetime(1000, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Before and after everything that can be entered."""

# What the session of a reader is pinned to is for lookups by index; a report reads whole tables.
FOR_REPORTS = f"""
SET LOCAL statement_timeout = '{SECONDS_MAX}s'; SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
"""

PROGRAM = "SELECT version, coalesce(clock, clock_timestamp()) AS now FROM ledger.program WHERE program_id = $1"

# The instant from which on an entry counts (`ledger.rewinding.effective_at`).
_EFFECTIVE = "CASE WHEN e.idempotency_key IS NULL THEN e.occurred_at ELSE e.recorded_at END"

# Lots as they were at $2: as they are, less what later entries moved. Added up by quarters of an hour, since every
# month of every time zone begins with one; $4: $2 in microseconds, as movements have it; $3: now.
LOTS = f"""
SELECT (gone_at - 1) / {15 * 60 * 1_000_000} AS quarter, gone_at <= $4 AS is_gone, is_pending,
    sum(points)::bigint AS points
FROM (
    SELECT CASE WHEN isfinite(l.expires_at) THEN (extract(epoch FROM l.expires_at) * 1000000)::bigint END AS gone_at,
        l.available_at > $2 AS is_pending, l.remaining AS points
    FROM ledger.lot AS l WHERE l.program_id = $1
    UNION ALL
    SELECT (m.movement ->> 0)::bigint, coalesce((m.movement ->> 1)::bigint > $4, false), -(m.movement ->> 2)::bigint
    FROM ledger.entry AS e CROSS JOIN LATERAL json_array_elements(e.movements) AS m (movement)
    WHERE $2::timestamptz < $3::timestamptz AND e.program_id = $1 AND {_EFFECTIVE} > $2
) AS moved (gone_at, is_pending, points)
GROUP BY 1, 2, 3
"""

# The balances at $2: those of the last entries up to it.
BALANCES = f"""
WITH later AS MATERIALIZED (
    SELECT e.account_id, min(e.seq) AS seq FROM ledger.entry AS e
    WHERE $2::timestamptz < $3::timestamptz AND e.program_id = $1 AND {_EFFECTIVE} > $2
    GROUP BY e.account_id
)
SELECT coalesce(sum(a.balance) FILTER (WHERE later.seq IS NULL), 0)::bigint
        + coalesce(sum(before.balance_after), 0)::bigint AS balance,
    coalesce(sum(a.held) FILTER (WHERE later.seq IS NULL), 0)::bigint
        + coalesce(sum(before.held_after), 0)::bigint AS held
FROM ledger.account AS a
LEFT JOIN later ON later.account_id = a.account_id
LEFT JOIN ledger.entry AS before
    ON before.program_id = $1 AND before.account_id = later.account_id AND before.seq = later.seq - 1
WHERE a.program_id = $1
"""

# Since an account's due work is done before anything else is entered, these have had no entry since.
TIMED_OUT = f"""
SELECT {whole("a.account_id", "false", "current_date")}
FROM (
    SELECT DISTINCT account_id FROM ledger.hold WHERE program_id = $1 AND status = 'open' AND expires_at <= $2
) AS due
JOIN ledger.account AS a ON a.program_id = $1 AND a.account_id = due.account_id
{LOTS_OF_ACCOUNT}
ORDER BY a.account_id
"""

KINDS = f"""
SELECT e.kind, sum(e.points)::bigint AS points, sum(e.written_off)::bigint AS written_off FROM ledger.entry AS e
WHERE e.program_id = $1 AND {_EFFECTIVE} >= $2 AND {_EFFECTIVE} < $3
GROUP BY e.kind
"""

EXPIRING = """
SELECT coalesce(sum(remaining), 0)::bigint FROM ledger.lot
WHERE program_id = $1 AND expires_at >= $2 AND expires_at < $3
"""


class Reports:
    """Adds up programs. Raises Overloaded and DatabaseUnavailable; the caller's deadline ends it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._whole = WholeAccounts()
        self._places = asyncio.Semaphore(REPORTS_AT_ONCE)

    async def liability(self, program_id: int, as_of: Moment = None) -> Liability:
        """What a program owes its members, in the past, now, or in the future when nothing else happens."""
        async with self._books(program_id) as books:
            at = instant_of(as_of, books.now, books.settings.zone)
            return Liability(at, await books.position(at))

    async def roll_forward(self, program_id: int, from_: date | datetime, to: date | datetime) -> RollForward | None:
        """How the points came from the begin of a day, or an instant, to the end of a day, or another instant. None:
        that is no later than this."""
        async with self._books(program_id) as books:
            begin, end = begin_of(from_, books.settings.zone), end_of(to, books.settings.zone)
            if begin >= end:
                return None
            points, written_off = await books.moved(begin, end)
            return RollForward(
                opening=(await books.position(begin - MICROSECOND)).total,
                lines=lines_of(points),
                closing=(await books.position(end - MICROSECOND)).total,
                written_off=written_off,
            )

    async def trial_balance(self, program_id: int) -> TrialBalance:
        """What members have now, and what the counter accounts owe for it."""
        async with self._books(program_id) as books:
            points, _ = await books.moved(BEGINNING, books.now + MICROSECOND)
            members = (await books.position(books.now)).total
            return TrialBalance(books.now, members, counters_of(points))

    @asynccontextmanager
    async def _books(self, program_id: int) -> AsyncIterator["_Books"]:
        async with self._places, self._database.reader(Urgency.REPORT) as connection:
            try:
                with read_failures():
                    async with connection.transaction(isolation="repeatable_read", readonly=True):
                        await connection.execute(FOR_REPORTS)
                        program = await connection.fetchrow(PROGRAM, program_id)
                        settings = await self._whole.settings(connection, program_id, program["version"])
                        yield _Books(connection, program_id, settings, program["now"])
            finally:
                # Broken off twice: whoever gets the connection next must not find itself in our transaction.
                if connection.is_in_transaction():
                    connection.terminate()


@dataclass(frozen=True, slots=True)
class _Books:
    """One program in one snapshot."""

    connection: asyncpg.Connection
    program_id: int
    settings: ProgramSettings
    now: datetime

    async def position(self, at: datetime) -> Position:
        """What all accounts have at this instant."""
        zone = self.settings.zone
        position = self._added_up(await self._rows(LOTS, at, self.now, microseconds(at)), await self._balances(at))
        async for account in self._timed_out(at):
            position += position_of(settled(account, self.settings, at), at, zone) - position_of(account, at, zone)
        return position

    async def moved(self, begin: datetime, end: datetime) -> tuple[Counter[str], int]:
        """The points that entries of each kind moved in [begin, end), and those that were written off."""
        # Whatever is in the books has happened, even if the clock was put back since.
        rows = await self._rows(KINDS, begin, END if end > self.now else end)
        points = Counter({row["kind"]: row["points"] for row in rows})
        ((expiring,),) = await self._rows(EXPIRING, begin, end)
        points["expire"] -= expiring
        async for account in self._timed_out(end - MICROSECOND):
            points["expire"] += self._lost(account, begin - MICROSECOND) - self._lost(account, end - MICROSECOND)
            points["expire"] += sum(lot.remaining for lot in account.lots if begin <= lot.expires_at < end)
        return points, sum(row["written_off"] for row in rows)

    def _lost(self, account: AccountState, at: datetime) -> int:
        """The points that expire by this instant, in due work that nobody did yet."""
        return account.balance - settled(account, self.settings, at).balance

    def _added_up(self, rows: list[Any], balances: Any) -> Position:
        months: Counter[str | None] = Counter()
        sums: Counter[str] = Counter()
        for row in rows:
            state = "gone" if row["is_gone"] else "pending" if row["is_pending"] else "usable"
            sums[state] += row["points"]
            if not row["is_gone"]:
                months[self._month(row["quarter"])] += row["points"]
        # What the balances lack of lots and held points is owed.
        debt = sums.total() + balances["held"] - balances["balance"]
        return Position(
            available=sums["usable"] - debt,
            pending=sums["pending"],
            held=balances["held"],
            debt=debt,
            by_month={month: points for month, points in months.items() if points},
        )

    def _month(self, quarter: int | None) -> str | None:
        last_instants = NEVER if quarter is None else instant((quarter * 15 * 60 + 1) * 1_000_000)
        return month_of(last_instants, self.settings.zone)

    async def _balances(self, at: datetime) -> Any:
        return (await self._rows(BALANCES, at, self.now))[0]

    async def _timed_out(self, at: datetime) -> AsyncIterator[AccountState]:
        """Accounts with an open hold whose time is over at this instant."""
        async for row in self.connection.cursor(
            TIMED_OUT, self.program_id, at, prefetch=ROWS_AT_ONCE, timeout=SECONDS_MAX
        ):
            yield whole_account_of(row)

    async def _rows(self, statement: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = await self.connection.fetch(statement, self.program_id, *arguments, timeout=SECONDS_MAX)
        return rows
