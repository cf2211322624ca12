"""The database: connections for writing and for reading, and what their failures mean."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import inf
from typing import Literal
from weakref import WeakKeyDictionary, WeakSet

import asyncpg

from ledger_service import metrics
from ledger_service.errors import (
    AccountLocked,
    DatabaseUnavailable,
    Failure,
    KeyTaken,
    OutcomeUnknown,
    ProposalRejected,
)
from ledger_service.storage.connector import Connector, Session
from ledger_service.storage.pool import Pool
from ledger_service.storage.schema import require_schema
from ledger_service.storage.sqlstates import SESSION_ENDED, Action, action_of
from ledger_service.storage.urgency import Urgency

Source = Literal["primary", "replica"]
"""Where an answer comes from; what a replica answers may be a moment old."""

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
# Whoever writes here holds a row for milliseconds. Who holds it longer, a person or a commit that waits for its
# standby, makes this account wait and not those that travel with it.
WRITER = Session(SESSION | {"lock_timeout": "300ms", "statement_timeout": "2s"})
READER = Session(
    SESSION | {"statement_timeout": "3s", "default_transaction_read_only": "on"},
    command_timeout=4,
)

STALL_SECONDS = 1.0
"""A call that takes longer makes us look whether the primary is still the primary."""
WATCH_SECONDS = 0.5
IDLE_SECONDS = 2.0
"""Who writes nothing meets no stall: so long after the last write, and as often, it looks all the same."""
SUSPECT_SECONDS = 0.5
"""While a write takes longer, what is read counts as a replica's: its commit may wait for a standby that was promoted.
Less than STALL_SECONDS, before which no instance looks for another primary and writes there; more than a writer waits
for a row."""

STANDBY_SECONDS_MAX = 2.0
"""How long a connection to a standby is kept for reading before the primary is tried again."""

logger = logging.getLogger(__name__)

CANCELLED_WAIT = "wait for synchronous replication"
"""In the warnings of a commit that was not replicated, though it reports success."""

# InternalClientError: Postgres said farewell while the connection was idle, and the driver meets that only now.
CONNECTION_LOST = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    OSError,
    TimeoutError,
)


class Database:
    """The books' Postgres, however many servers it has. Open it with `Database.open`; it closes itself."""

    def __init__(self, connector: Connector, lanes: int, readers: int, reader_wait_ms_max: int) -> None:
        self._connector = connector
        # One more than the lanes: configuration calls write too, and shall not wait for a full lane.
        self.writers = Pool("write", lanes + 1, self._connect_writer)
        self.readers = Pool("read", readers, self._connect_reader, reader_wait_ms_max / 1000)
        self._unreplicated: WeakSet[asyncpg.Connection] = WeakSet()
        """Connections on which Postgres gave up waiting for the standby."""
        self._calling: dict[asyncpg.Connection, float] = {}
        """Since when, on the loop's clock, each connection is in use."""
        self._writing: dict[asyncpg.Connection, float] = {}
        """The same of those that write."""
        self._wrote_at = -inf
        """When a write last came to its end, on the loop's clock."""
        self._standby_until: WeakKeyDictionary[asyncpg.Connection, float] = WeakKeyDictionary()
        self._is_halted = False
        """The books may be damaged."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, lanes: int = 3, readers: int = 4, reader_wait_ms_max: int = 1000
    ) -> AsyncIterator["Database"]:
        """Connect as the role ledger_service. Raises SchemaMismatch, DatabaseUnavailable."""
        database = cls(Connector(url), lanes, readers, reader_wait_ms_max)
        watching = asyncio.create_task(database._watch(), name="watch the primary")
        try:
            async with database.reader() as connection:
                await require_schema(connection)
            yield database
        finally:
            watching.cancel()
            await database.writers.close()
            await database.readers.close()

    @asynccontextmanager
    async def writer(self, give_up_at: float | None = None) -> AsyncIterator[asyncpg.Connection]:
        """A connection for the gate and for what a decision rests on. Waits as long as it takes: lanes are few.

        At `give_up_at`, an instant of the loop's clock, its socket is closed under whatever is on the way: no cancel
        is sent, so a commit that still waits for its standby is not told that it need not. Raises DatabaseUnavailable.
        """
        if self._is_halted:
            raise DatabaseUnavailable("the books may be damaged: nothing is written until this instance is restarted")
        loop = asyncio.get_running_loop()
        async with self.writers.connection() as connection:
            self._calling[connection] = self._writing[connection] = loop.time()
            giving_up = None if give_up_at is None else loop.call_at(give_up_at, connection.terminate)
            try:
                yield connection
            except Failure as failure:
                self._learn_from(failure, connection)
                raise
            finally:
                if giving_up is not None:
                    giving_up.cancel()
                del self._calling[connection], self._writing[connection]
            self._wrote_at = loop.time()

    @asynccontextmanager
    async def reader(self, urgency: Urgency = Urgency.BALANCE) -> AsyncIterator[asyncpg.Connection]:
        """A connection for answers: to a standby while there is no primary. Raises Overloaded when none comes free in
        time, DatabaseUnavailable."""
        loop = asyncio.get_running_loop()
        async with self.readers.connection(urgency) as connection:
            self._calling[connection] = loop.time()
            try:
                yield connection
            except Failure as failure:
                self._learn_from(failure, connection)
                raise
            finally:
                del self._calling[connection]
            if loop.time() > self._standby_until.get(connection, inf):
                connection.terminate()

    def source_of(self, connection: asyncpg.Connection) -> Source:
        """Where what was just read on a reader's connection comes from. A primary whose writes hang may have been
        replaced by one that this instance has not seen yet: it counts as a replica, which may be behind."""
        since = min(self._writing.values(), default=inf)
        is_suspect = since < asyncio.get_running_loop().time() - SUSPECT_SECONDS
        return "replica" if is_suspect or self._connector.is_to_standby(connection) else "primary"

    def require_primary(self, connection: asyncpg.Connection) -> None:
        """To be asked before something is decided by what is read. Raises DatabaseUnavailable: there is no primary."""
        if self._connector.is_to_standby(connection):
            connection.terminate()
            raise DatabaseUnavailable("only a standby answers")

    def require_replicated(self, connection: asyncpg.Connection) -> None:
        """To be asked after a commit. Raises OutcomeUnknown when Postgres stopped waiting for the standby: it reports
        success then, and one lost server would take the entries with it."""
        if connection in self._unreplicated:
            connection.terminate()
            raise OutcomeUnknown("Postgres gave up waiting for the synchronous standby")

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless a server of the database answers."""
        async with self.reader() as connection:
            with read_failures():
                await connection.fetchval("SELECT 1")

    async def _connect_writer(self) -> asyncpg.Connection:
        connection = await self._connector.to_primary(WRITER)
        connection.add_log_listener(self._hear)
        return connection

    async def _connect_reader(self) -> asyncpg.Connection:
        connection = await self._connector.to_any(READER)
        if self._connector.is_to_standby(connection):
            self._standby_until[connection] = asyncio.get_running_loop().time() + STANDBY_SECONDS_MAX
        return connection

    def _hear(self, connection: asyncpg.Connection, message: asyncpg.PostgresLogMessage) -> None:
        if message.message is not None and CANCELLED_WAIT in message.message:
            metrics.SYNCREP_CANCELLED.inc()
            self._unreplicated.add(connection)

    def _learn_from(self, failure: Failure, connection: asyncpg.Connection) -> None:
        action = action_of(_sqlstate(failure.__cause__))
        if action in SESSION_ENDED:
            connection.terminate()
        if action is Action.HALT:
            self._is_halted = True

    async def _watch(self) -> None:
        """While a call takes long, or nothing is written, look whether the primary is another by now: its server may be
        frozen, cut off, or replaced, and the socket alone would not tell."""
        clock = asyncio.get_running_loop().time
        looked_at = clock()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            is_stalled = min(self._calling.values(), default=inf) < clock() - STALL_SECONDS
            is_idle = self._connector.has_choice() and max(self._wrote_at, looked_at) < clock() - IDLE_SECONDS
            if is_stalled or is_idle:
                looked_at = clock()
                try:
                    await self._connector.look()
                except Exception:  # a bug of ours: told, and no reason to stop watching
                    logger.exception("looking for the primary failed")


@contextmanager
def read_failures() -> Iterator[None]:
    """What failed here changed nothing: raises DatabaseUnavailable for whatever the database or the wire did."""
    try:
        yield
    except asyncpg.DataError:
        raise  # a value that cannot be sent: a bug of ours, though the driver files it under lost connections
    except AttributeError as error:
        require_lost(error)
        raise DatabaseUnavailable("the connection was closed while it was used") from error
    except CONNECTION_LOST as error:
        metrics.DB_ERRORS.labels(_sqlstate(error), "unavailable").inc()
        raise DatabaseUnavailable(f"the connection was lost: {type(error).__name__}") from error
    except asyncpg.PostgresError as error:
        action = action_of(_sqlstate(error))
        metrics.DB_ERRORS.labels(_sqlstate(error), action).inc()
        if action in (Action.REJECT, Action.DECIDE_AGAIN):
            raise
        raise DatabaseUnavailable(f"the database answered {_sqlstate(error)}") from error


@contextmanager
def write_failures() -> Iterator[None]:
    """What failed here may have been committed, unless the database itself says that it rolled back.

    Raises KeyTaken, AccountLocked, ProposalRejected, DatabaseUnavailable (all rolled back), OutcomeUnknown.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        sqlstate = _sqlstate(error)
        action = action_of(sqlstate)
        metrics.DB_ERRORS.labels(sqlstate, action).inc()
        match action:
            case Action.DECIDE_AGAIN:
                raise KeyTaken(getattr(error, "constraint_name", None) or "unique") from error
            case Action.WAIT:
                raise AccountLocked("someone outside holds an account of the batch") from error
            case Action.UNKNOWN:
                raise OutcomeUnknown(f"the connection was lost at the commit ({sqlstate})") from error
            case Action.REJECT:
                if sqlstate.startswith(("LG", "23", "22")):
                    metrics.INVARIANT_VIOLATIONS.labels("gate").inc()
                raise ProposalRejected(f"{sqlstate}: {error.args[0] if error.args else ''}") from error
            case _:
                raise DatabaseUnavailable(f"the database rolled back with {sqlstate}") from error
    except AttributeError as error:
        require_lost(error)
        raise OutcomeUnknown("the connection was closed while it was used") from error
    except asyncpg.DataError as error:
        metrics.DB_ERRORS.labels("driver", "reject").inc()
        raise ProposalRejected(f"a value cannot be sent: {type(error).__name__}") from error
    except CONNECTION_LOST as error:
        metrics.DB_ERRORS.labels("connection", "unknown").inc()
        raise OutcomeUnknown(f"the connection was lost at the commit: {type(error).__name__}") from error


def require_lost(error: AttributeError) -> None:
    """Raise the error again unless it is the driver's way to say that a connection was closed under it: it has put
    None where its protocol was."""
    if error.obj is not None:
        raise error
    metrics.DB_ERRORS.labels("connection", "unknown").inc()


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or "connection"
