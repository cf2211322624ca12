"""Reads: what callers are shown of an account. Due work that nobody did yet is counted here on the fly."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Select, Table, Text, literal_column, select
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from ledger_service.ledger.commands import Status
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import NEVER, Lot, pending, usable
from ledger_service.ledger.membership import account_view, identifier_view
from ledger_service.storage.database import Database, read_failures
from ledger_service.storage.rows import (
    ACCOUNT_COLUMNS,
    ENTRY_COLUMNS,
    IDENTIFIER_COLUMNS,
    account_of,
    entry_of,
    identifier_of,
    instant,
    lot_of,
)


@dataclass(frozen=True, slots=True)
class BalanceView:
    """An account's points at an instant. balance = available + pending + held."""

    account_id: str
    status: Status
    version: int
    seq: int
    balance: int
    available: int
    """Below 0 while there is debt."""
    pending: int
    held: int
    as_of: datetime
    next_expiry: tuple[datetime, int] | None
    """The next instant at which points expire, and how many."""


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """Which entries of an account are asked for; None: no condition."""

    kind: str | None = None
    order_id: str | None = None
    from_at: datetime | None = None
    """Recorded at this instant or later."""
    to_at: datetime | None = None
    """Recorded before this instant."""
    before_seq: int | None = None


# An account with all of its lots, soonest expiry first; the clock of its program.
BALANCE = """
SELECT a.account_id, a.status, a.version, a.seq, a.balance, a.held, a.debt,
    (SELECT coalesce(p.clock, clock_timestamp()) FROM ledger.program AS p WHERE p.program_id = $1) AS now,
    l.expires_at, l.available_at, l.remaining
FROM ledger.account AS a
LEFT JOIN ledger.lot AS l ON l.program_id = $1 AND l.account_id = a.account_id
WHERE a.program_id = $1 AND a.account_id = $2
ORDER BY l.expires_at, l.available_at
"""

ACCOUNT = f"SELECT {ACCOUNT_COLUMNS} FROM ledger.account AS a WHERE a.program_id = $1 AND a.account_id = $2"

IDENTIFIERS_OF = f"""
SELECT {IDENTIFIER_COLUMNS} FROM ledger.identifier AS i
WHERE i.program_id = $1 AND i.account_id = $2 AND i.account_id > '' AND i.revoked_at IS NULL
ORDER BY i.attached_at, i.identifier_id
"""

FIND = """
SELECT account_id FROM ledger.identifier
WHERE program_id = $1 AND type = $2 AND digest = $3 AND revoked_at IS NULL
"""

ONE_ENTRY = f"""
SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e WHERE e.program_id = $1 AND e.account_id = $2 AND e.seq = $3
"""

EXISTS = "SELECT 1 FROM ledger.account WHERE program_id = $1 AND account_id = $2"

_ENTRY = Table(
    "entry",
    MetaData(),
    Column("program_id", BigInteger),
    Column("account_id", Text),
    Column("seq", BigInteger),
    Column("kind", Text),
    Column("order_id", Text),
    Column("recorded_at", DateTime(timezone=True)),
    schema="ledger",
).alias("e")

_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


class Reads:
    """Answers about accounts. Each answers None when the account is not in the books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def balance(self, program_id: int, account_id: str) -> BalanceView | None:
        """The points of an account now. A lot past its date does not count, swept or not."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(BALANCE, program_id, account_id)
        if not rows:
            return None
        account, now = rows[0], rows[0]["now"]
        lots = [lot_of(row) for row in rows if row["remaining"] is not None]
        live = [lot for lot in lots if lot.expires_at > now]
        expired = sum(lot.remaining for lot in lots) - sum(lot.remaining for lot in live)
        return BalanceView(
            account_id=account["account_id"],
            status=account["status"],
            version=account["version"],
            seq=account["seq"],
            balance=account["balance"] - expired,
            available=usable(live, now) - account["debt"],
            pending=pending(live, now),
            held=account["held"],
            as_of=now,
            next_expiry=_next_expiry(live),
        )

    async def account(self, program_id: int, account_id: str) -> dict[str, Any] | None:
        """The account's view (`ledger.membership.account_view`): status, counters, identifiers, version."""
        async with self._database.reader() as connection:
            with read_failures():
                row = await connection.fetchrow(ACCOUNT, program_id, account_id)
                if row is None:
                    return None
                held = await connection.fetch(IDENTIFIERS_OF, program_id, account_id)
        identifiers = [identifier_of(identifier) for identifier in held]
        views = tuple(identifier_view(identifier.claim, identifier.attached_at) for identifier in identifiers)
        return account_view(account_of(row, ()), views)

    async def find(self, program_id: int, type: str, digest: bytes) -> str | None:
        """The account that a card, phone, e-mail or external id finds."""
        async with self._database.reader() as connection:
            with read_failures():
                found: str | None = await connection.fetchval(FIND, program_id, type, digest)
                return found

    async def entry(self, program_id: int, account_id: str, seq: int) -> Entry | None:
        async with self._database.reader() as connection:
            with read_failures():
                row = await connection.fetchrow(ONE_ENTRY, program_id, account_id, seq)
        return None if row is None else entry_of(row)

    async def entries(self, program_id: int, account_id: str, query: EntryQuery, limit: int) -> list[Entry] | None:
        """The newest entries that fit the query, newest first, at most `limit`."""
        sql, arguments = _entries_sql(program_id, account_id, query, limit)
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(sql, *arguments)
                if not rows and not await connection.fetchval(EXISTS, program_id, account_id):
                    return None
        return [entry_of(row) for row in rows]

    async def lots(self, program_id: int, account_id: str) -> list[Lot] | None:
        """The open lots, soonest expiry first."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(BALANCE, program_id, account_id)
        if not rows:
            return None
        now = rows[0]["now"]
        return [lot_of(row) for row in rows if row["remaining"] is not None and instant(row["expires_at"]) > now]


def _next_expiry(live: list[Lot]) -> tuple[datetime, int] | None:
    if not live or live[0].expires_at == NEVER:
        return None
    at = live[0].expires_at
    return at, sum(lot.remaining for lot in live if lot.expires_at == at)


def _entries_sql(program_id: int, account_id: str, query: EntryQuery, limit: int) -> tuple[str, list[Any]]:
    entry = _ENTRY.c
    statement: Select[Any] = (
        select(literal_column(ENTRY_COLUMNS))
        .select_from(_ENTRY)
        .where(entry.program_id == program_id, entry.account_id == account_id)
        .order_by(entry.seq.desc())
        .limit(limit)
    )
    if query.kind is not None:
        statement = statement.where(entry.kind == query.kind)
    if query.order_id is not None:
        statement = statement.where(entry.order_id == query.order_id)
    if query.from_at is not None:
        statement = statement.where(entry.recorded_at >= query.from_at)
    if query.to_at is not None:
        statement = statement.where(entry.recorded_at < query.to_at)
    if query.before_seq is not None:
        statement = statement.where(entry.seq < query.before_seq)
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]
