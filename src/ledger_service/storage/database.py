"""The database: connections for writing and for reading, and what their failures mean."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg

from ledger_service import metrics
from ledger_service.errors import (
    DatabaseUnavailable,
    KeyTaken,
    OutcomeUnknown,
    ProposalRejected,
)
from ledger_service.storage.pool import Pool
from ledger_service.storage.schema import plain_url, require_schema

# Every statement of the service is a lookup by index or a short range. Plans are kept from the first calls, when the
# tables may still be empty and a sequential scan looks best: rule it out. So pinned, one plan serves
# all arguments: planning anew would cost a small batch a third of its load. JIT costs more than any of them runs.
SESSION = {
    "application_name": "ledger-service",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "timezone": "UTC",
}
WRITER = SESSION | {"lock_timeout": "1s", "statement_timeout": "2s"}
READER = SESSION | {"statement_timeout": "3s", "default_transaction_read_only": "on"}

ROLLED_BACK = frozenset({"40001", "40P01", "55P03", "57014", "57P03", "53300", "25006"})
"""Answered instead of a commit: nothing was written, and another try may succeed (reliability handbook, 3.2)."""

# InternalClientError: Postgres said farewell while the connection was idle, and the driver meets that only now.
CONNECTION_LOST = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    OSError,
    TimeoutError,
)


@dataclass(frozen=True, slots=True)
class Database:
    """The books' Postgres. Open it with `Database.open`; it closes itself."""

    writers: Pool
    readers: Pool

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, lanes: int = 2, readers: int = 4, reader_wait_ms_max: int = 1000
    ) -> AsyncIterator["Database"]:
        """Connect as the role ledger_service. Raises SchemaMismatch, DatabaseUnavailable."""

        async def connect_writer() -> asyncpg.Connection:
            return await asyncpg.connect(plain_url(url), server_settings=WRITER)

        async def connect_reader() -> asyncpg.Connection:
            return await asyncpg.connect(plain_url(url), server_settings=READER, command_timeout=4)

        # One more than the lanes: configuration calls write too, and shall not wait for a full lane.
        database = cls(
            Pool("write", lanes + 1, connect_writer), Pool("read", readers, connect_reader, reader_wait_ms_max / 1000)
        )
        try:
            async with database.readers.connection() as connection:
                await require_schema(connection)
            yield database
        finally:
            await database.writers.close()
            await database.readers.close()

    def writer(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A connection for the gate and for what a decision rests on. Waits as long as it takes: lanes are few."""
        return self.writers.connection()

    def reader(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A connection for answers. Raises Overloaded when none comes free in time."""
        return self.readers.connection()

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers and can be written."""
        async with self.reader() as connection:
            with read_failures():
                if await connection.fetchval("SELECT pg_is_in_recovery()"):
                    raise DatabaseUnavailable("the database is a standby")


@contextmanager
def read_failures() -> Iterator[None]:
    """What failed here changed nothing: raises DatabaseUnavailable for whatever the database or the wire did."""
    try:
        yield
    except asyncpg.DataError:
        raise  # a value that cannot be sent: a bug of ours, though the driver files it under lost connections
    except CONNECTION_LOST as error:
        metrics.DB_ERRORS.labels(_sqlstate(error), "unavailable").inc()
        raise DatabaseUnavailable(f"the connection was lost: {type(error).__name__}") from error
    except asyncpg.PostgresError as error:
        if _sqlstate(error) not in ROLLED_BACK and not _sqlstate(error).startswith("57P"):
            raise
        metrics.DB_ERRORS.labels(_sqlstate(error), "unavailable").inc()
        raise DatabaseUnavailable(f"the database answered {_sqlstate(error)}") from error


@contextmanager
def write_failures() -> Iterator[None]:
    """What failed here may have been committed, unless the database itself says that it rolled back.

    Raises KeyTaken, ProposalRejected, DatabaseUnavailable (rolled back), OutcomeUnknown.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        sqlstate = _sqlstate(error)
        if sqlstate == "23505":
            metrics.DB_ERRORS.labels(sqlstate, "decide again").inc()
            raise KeyTaken(getattr(error, "constraint_name", None) or "unique") from error
        if sqlstate in ROLLED_BACK or isinstance(error, asyncpg.InvalidCachedStatementError):
            metrics.DB_ERRORS.labels(sqlstate, "retry").inc()
            raise DatabaseUnavailable(f"the database rolled back with {sqlstate}") from error
        if sqlstate.startswith(("08", "57P")) or sqlstate == "40003":
            metrics.DB_ERRORS.labels(sqlstate, "unknown").inc()
            raise OutcomeUnknown(f"the connection was lost at the commit ({sqlstate})") from error
        metrics.DB_ERRORS.labels(sqlstate, "reject").inc()
        if sqlstate.startswith(("LG", "23", "22")):
            metrics.INVARIANT_VIOLATIONS.labels("gate").inc()
        raise ProposalRejected(f"{sqlstate}: {error.args[0] if error.args else ''}") from error
    except asyncpg.DataError as error:
        metrics.DB_ERRORS.labels("driver", "reject").inc()
        raise ProposalRejected(f"a value cannot be sent: {type(error).__name__}") from error
    except CONNECTION_LOST as error:
        metrics.DB_ERRORS.labels("connection", "unknown").inc()
        raise OutcomeUnknown(f"the connection was lost at the commit: {type(error).__name__}") from error


def _sqlstate(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or "connection"
