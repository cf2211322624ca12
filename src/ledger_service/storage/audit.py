"""The audit: all that a proof of the books reads, in one snapshot, each stream in the order in which it is compared."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from ledger_service.errors import DatabaseUnavailable
from ledger_service.ledger.commands import Status
from ledger_service.ledger.entries import GENESIS, Entry
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.lots import Lot
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.storage.database import CONNECTION_LOST, read_failures
from ledger_service.storage.mismatches import MISMATCHES
from ledger_service.storage.rows import DAY_COLUMNS, ENTRY_COLUMNS, HOLD_COLUMNS, day_of, entry_of, hold_of, lot_of
from ledger_service.storage.schema import plain_url, require_schema

# However long it takes: the limits of a role are for its short statements.
SESSION = {
    "application_name": "ledger-service verify",
    "jit": "off",
    "timezone": "UTC",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

CONNECT_SECONDS_MAX = 10.0
ROWS_AT_ONCE = 2000
"""Rows fetched at once from each stream: about 2 MB of entries. More is not faster."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose books are audited; None: everybody's."""

    program_id: int | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account's row: what its entries must come to."""

    program_id: int
    account_id: str
    seq: int
    balance: int
    held: int
    debt: int
    lifetime_points: int
    next_due_at: datetime | None
    head_hash: bytes
    status: Status = "active"
    merged_into: str | None = None
    standing: str | None = None
    """As stored, a JSON text."""


@dataclass(frozen=True, slots=True)
class StoredLot:
    """A lot's row."""

    program_id: int
    account_id: str
    lot: Lot


@dataclass(frozen=True, slots=True)
class StoredHold:
    """The row of an open hold."""

    program_id: int
    account_id: str
    hold: Hold


@dataclass(frozen=True, slots=True)
class StoredDay:
    """A qualifying day's row."""

    program_id: int
    account_id: str
    day: QualifyingDay


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry whose columns make no entry."""

    program_id: int
    account_id: str
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two tables that disagree about one thing."""

    program_id: int
    account_id: str | None
    seq: int | None
    check: str
    expected: str
    found: str


_SCOPE = "($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR account_id = $2)"

ENTRIES = f"SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e WHERE {_SCOPE} ORDER BY program_id, account_id, seq"
ACCOUNTS = f"""
SELECT program_id, account_id, seq, balance, held, debt, lifetime_points, next_due_at, head_hash, status, merged_into,
    standing
FROM ledger.account WHERE {_SCOPE} ORDER BY program_id, account_id
"""
LOTS = f"""
SELECT program_id, account_id, expires_at, available_at, remaining
FROM ledger.lot WHERE {_SCOPE} ORDER BY program_id, account_id, expires_at, available_at
"""
# As the condition of their index says it: closed ones are held against their entries by a statement of their own.
OPEN_HOLDS = f"""
SELECT h.program_id, {HOLD_COLUMNS}
FROM ledger.hold AS h WHERE status = 'open' AND {_SCOPE} ORDER BY program_id, account_id
"""
HOLDS = f"SELECT {HOLD_COLUMNS} FROM ledger.hold AS h WHERE program_id = $1 AND hold_id = ANY($2::text[])"
QUALIFYING_DAYS = f"""
SELECT d.program_id, d.account_id, {DAY_COLUMNS}
FROM ledger.qualifying_day AS d WHERE {_SCOPE} ORDER BY program_id, account_id, day
"""
ENTRIES_TOTAL = f"SELECT coalesce(sum(seq), 0)::bigint FROM ledger.account WHERE {_SCOPE}"

# The streams come in the order of their primary keys. Sorting would write a second copy of the books to the disk first.
IN_KEY_ORDER = "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
ANY_ORDER = "SET LOCAL enable_sort = on; SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on"


class Audit:
    """One consistent picture of the books, while traffic goes on. The grants of ledger_read are enough."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        # The streams share the connection, which does one thing at a time.
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["Audit"]:
        """Take the snapshot; it lasts until this is left. Raises DatabaseUnavailable, SchemaMismatch, ValueError."""
        try:
            connection = await asyncpg.connect(plain_url(url), server_settings=SESSION, timeout=CONNECT_SECONDS_MAX)
        except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
            raise DatabaseUnavailable(f"no connection to the database: {type(error).__name__}: {error}") from error
        try:
            with read_failures():
                await require_schema(connection)
                # The snapshot holds back no writer, but dead rows stay until it ends.
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield cls(connection)
        finally:
            await connection.close()

    async def programs(self) -> dict[int, str]:
        """The slugs of all programs, by program_id."""
        rows = await self._connection.fetch("SELECT program_id, slug FROM ledger.program")
        return {row["program_id"]: row["slug"] for row in rows}

    async def rule_versions(self) -> frozenset[tuple[int, int]]:
        """(program_id, version) of every settings document."""
        rows = await self._connection.fetch("SELECT program_id, version FROM ledger.program_version")
        return frozenset((row["program_id"], row["version"]) for row in rows)

    async def entries_total(self, scope: Scope) -> int:
        """How many entries there should be, by the account rows."""
        total: int = await self._connection.fetchval(ENTRIES_TOTAL, scope.program_id, scope.account_id)
        return total

    async def entries(self, scope: Scope) -> AsyncGenerator[list[Entry | Unreadable], None]:
        """All entries by program, account and seq, a few thousand at once.

        Each has the stored hash of the one before it as its previous hash."""
        place: tuple[int, str] | None = None
        previous_hash = GENESIS
        async with aclosing(self._stream(ENTRIES, scope)) as portions:
            async for rows in portions:
                entries = []
                for row in rows:
                    if place != (row[0], row[1]):
                        place = row[0], row[1]
                        previous_hash = GENESIS
                    entries.append(_readable(row, previous_hash))
                    previous_hash = row["hash"]
                yield entries

    async def accounts(self, scope: Scope) -> AsyncGenerator[list[StoredAccount], None]:
        """All account rows by program and account."""
        async with aclosing(self._stream(ACCOUNTS, scope)) as portions:
            async for rows in portions:
                yield [StoredAccount(*row) for row in rows]

    async def lots(self, scope: Scope) -> AsyncGenerator[list[StoredLot], None]:
        """All lots by program, account and dates."""
        async with aclosing(self._stream(LOTS, scope)) as portions:
            async for rows in portions:
                yield [StoredLot(row["program_id"], row["account_id"], lot_of(row)) for row in rows]

    async def open_holds(self, scope: Scope) -> AsyncGenerator[list[StoredHold], None]:
        """All open holds by program and account."""
        async with aclosing(self._stream(OPEN_HOLDS, scope)) as portions:
            async for rows in portions:
                yield [StoredHold(row["program_id"], row["account_id"], _hold_of(row)) for row in rows]

    async def holds(self, program_id: int, hold_ids: Sequence[str]) -> dict[str, Hold]:
        """Holds as they are stored, open or not, by hold_id."""
        async with self._one_at_a_time:
            rows = await self._connection.fetch(HOLDS, program_id, hold_ids)
        return {row["hold_id"]: _hold_of(row) for row in rows}

    async def qualifying_days(self, scope: Scope) -> AsyncGenerator[list[StoredDay], None]:
        """All qualifying days by program, account and day."""
        async with aclosing(self._stream(QUALIFYING_DAYS, scope)) as portions:
            async for rows in portions:
                yield [StoredDay(row["program_id"], row["account_id"], day_of(row)) for row in rows]

    async def mismatches(self, scope: Scope) -> AsyncGenerator[list[Mismatch], None]:
        """What one table says and another one does not. One statement each; the database does the joining."""
        await self._connection.execute(ANY_ORDER)
        for check, statement in MISMATCHES:
            cursor = await self._connection.cursor(statement, scope.program_id, scope.account_id)
            while rows := await cursor.fetch(ROWS_AT_ONCE):
                yield [
                    Mismatch(row["program_id"], row["account_id"], row["seq"], check, row["expected"], row["found"])
                    for row in rows
                ]

    async def _stream(self, statement: str, scope: Scope) -> AsyncGenerator[Sequence[Any], None]:
        async with self._one_at_a_time:
            await self._connection.execute(IN_KEY_ORDER)
            cursor = await self._connection.cursor(statement, scope.program_id, scope.account_id)
        coming = asyncio.create_task(self._fetch(cursor))
        try:
            while rows := await coming:
                # The database fetches the next rows while these are looked at.
                coming = asyncio.create_task(self._fetch(cursor))
                await asyncio.sleep(0)
                yield rows
        finally:
            coming.cancel()

    async def _fetch(self, cursor: Any) -> Sequence[Any]:
        async with self._one_at_a_time:
            rows: Sequence[Any] = await cursor.fetch(ROWS_AT_ONCE)
            return rows


def _readable(row: Any, previous_hash: bytes) -> Entry | Unreadable:
    try:
        return entry_of(row, previous_hash)
    except (ValueError, TypeError, OverflowError) as error:
        return Unreadable(row["program_id"], row["account_id"], row["seq"], f"{type(error).__name__}: {error}")


def _hold_of(row: Any) -> Hold:
    try:
        return hold_of(row).hold
    except (ValueError, TypeError, OverflowError):
        # A hold always took something: that it took nothing is told as what is wrong with it.
        return hold_of({**row, "movements": "[]"}).hold
