"""Reads: what callers are shown of an account. Due work that nobody did yet is counted here on the fly."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Select, Table, Text, literal_column, select
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.explaining import Trace, TracedLot
from ledger_service.ledger.lots import Lot
from ledger_service.ledger.membership import account_view, identifier_view
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.settling import settle
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import progress
from ledger_service.storage.again import asked_again
from ledger_service.storage.balances import Balances, BalanceView, balance_view, settled_at
from ledger_service.storage.database import Database, read_failures
from ledger_service.storage.earlier import account_at
from ledger_service.storage.reports import Reports
from ledger_service.storage.rows import ENTRY_COLUMNS, IDENTIFIER_COLUMNS, entry_of, identifier_of
from ledger_service.storage.urgency import Urgency
from ledger_service.storage.whole_accounts import WholeAccounts


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the points of an account came from and went."""

    account: AccountState
    """Its due work done."""
    settings: ProgramSettings
    as_of: datetime
    lots: tuple[TracedLot, ...]
    entries: tuple[Entry, ...]
    """The last ones, newest first."""


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


EXPLANATIONS_AT_ONCE = 2
"""Of the connections for reading; the others stay free for tills, however many entries an account has."""

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

# Entries never change: read page by page they are of one moment, as long as none is newer than the account.
ONWARDS = f"""
SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e
WHERE e.program_id = $1 AND e.account_id = $2 AND e.seq > $3 AND e.seq <= $4 ORDER BY e.seq LIMIT 500
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
        self._whole = WholeAccounts()
        self.balances = Balances(database, self._whole)
        """Answers what accounts have now, many in one statement."""
        self._explaining = asyncio.Semaphore(EXPLANATIONS_AT_ONCE)
        self.reports = Reports(database)
        """Answers about a whole program."""

    @asked_again
    async def balance(self, program_id: int, account_id: str, at: datetime | None = None) -> BalanceView | None:
        """The points of an account now, or at an instant in the past or the future, due work up to it counted as done.

        The future is what comes when nothing else happens. A tier of the past is shown by today's settings.
        """
        async with self._database.reader() as connection:
            with read_failures():
                found = await self._whole.find(connection, program_id, account_id, at)
                if found is None:
                    return None
                account = found.account
                if at is not None and at < found.now:
                    account = await account_at(connection, program_id, account, at)
            source = self._database.source_of(connection)
        as_of = found.now if at is None else at
        return balance_view(settled_at(account, found.settings, as_of), found, as_of, source)

    @asked_again
    async def account(self, program_id: int, account_id: str) -> dict[str, Any] | None:
        """The account's view (`ledger.membership.account_view`): status, tier, counters, identifiers, version."""
        async with self._database.reader() as connection:
            with read_failures():
                found = await self._whole.find(connection, program_id, account_id)
                if found is None:
                    return None
                held = await connection.fetch(IDENTIFIERS_OF, program_id, account_id)
        identifiers = [identifier_of(identifier) for identifier in held]
        views = tuple(identifier_view(identifier.claim, identifier.attached_at) for identifier in identifiers)
        account = settled_at(found.account, found.settings, found.now)
        return account_view(account, views, progress(found.settings, account, found.now))

    @asked_again
    async def find(self, program_id: int, type: str, digest: bytes) -> str | None:
        """The account that a card, phone, e-mail or external id finds."""
        async with self._database.reader() as connection:
            with read_failures():
                found: str | None = await connection.fetchval(FIND, program_id, type, digest)
                return found

    @asked_again
    async def entry(self, program_id: int, account_id: str, seq: int) -> Entry | None:
        async with self._database.reader(Urgency.HISTORY) as connection:
            with read_failures():
                row = await connection.fetchrow(ONE_ENTRY, program_id, account_id, seq)
        return None if row is None else entry_of(row)

    @asked_again
    async def entries(self, program_id: int, account_id: str, query: EntryQuery, limit: int) -> list[Entry] | None:
        """The newest entries that fit the query, newest first, at most `limit`."""
        sql, arguments = _entries_sql(program_id, account_id, query, limit)
        async with self._database.reader(Urgency.HISTORY) as connection:
            with read_failures():
                rows = await connection.fetch(sql, *arguments)
                if not rows and not await connection.fetchval(EXISTS, program_id, account_id):
                    return None
        return [entry_of(row) for row in rows]

    @asked_again
    async def lots(self, program_id: int, account_id: str) -> list[Lot] | None:
        """The open lots, soonest expiry first."""
        async with self._database.reader(Urgency.HISTORY) as connection:
            with read_failures():
                found = await self._whole.find(connection, program_id, account_id)
        return None if found is None else list(settled_at(found.account, found.settings, found.now).lots)

    @asked_again
    async def explanation(self, program_id: int, account_id: str, limit: int) -> Explanation | None:
        """Where the points of an account came from and went, with its last entries, at most `limit`.

        Costs a look at every entry of the account.
        """
        trace = Trace(limit)
        async with self._explaining, self._database.reader(Urgency.HISTORY) as connection:
            with read_failures():
                found = await self._whole.find(connection, program_id, account_id)
                if found is None:
                    return None
                seq = 0
                while rows := await connection.fetch(ONWARDS, program_id, account_id, seq, found.account.seq):
                    for entry in map(entry_of, rows):
                        trace.read(entry)
                    seq = rows[-1]["seq"]
        due = settle(found.account, ProgramState(program_id, found.settings), found.now)
        for entry in due.entries:
            trace.follow(entry)
        return Explanation(due.account, found.settings, found.now, trace.lots(), tuple(reversed(trace.newest)))


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
