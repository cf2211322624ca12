"""Pools: a fixed number of connections, opened when first needed, handed out last-in first-out."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter

import asyncpg

from ledger_service import metrics
from ledger_service.errors import DatabaseUnavailable, Failure, Overloaded
from ledger_service.storage.places import Places
from ledger_service.storage.urgency import Urgency

Connect = Callable[[], Awaitable[asyncpg.Connection]]

CONNECT_SECONDS_MAX = 3.0


class Pool:
    """Connections without ceremony: no ping before and no reset after, each of which is a round trip.

    A connection is used by one task at a time and for single statements only, so there is nothing to reset. One that
    was lost is replaced when its place is next needed.
    """

    def __init__(self, name: str, size: int, connect: Connect, wait_seconds_max: float | None = None) -> None:
        self._connect = connect
        self._idle: deque[asyncpg.Connection] = deque()
        self._places = Places(size)
        self._wait_seconds_max = wait_seconds_max
        self._in_use = metrics.POOL_IN_USE.labels(name)
        self._waiting = metrics.POOL_WAIT.labels(name)
        self._shed = [metrics.SHED.labels("pool", urgency.label) for urgency in Urgency]
        metrics.POOL_SIZE.labels(name).set(size)

    @asynccontextmanager
    async def connection(self, urgency: Urgency = Urgency.BALANCE) -> AsyncIterator[asyncpg.Connection]:
        """A connection for a moment. Raises Overloaded when none comes free in time, DatabaseUnavailable."""
        await self._take_place(urgency)
        connection = None
        try:
            self._in_use.inc()
            connection = self._live() or await self._open()
            yield connection
        except Failure as failure:
            # The driver no longer knows what its next answer belongs to, and does not call the connection closed.
            if connection is not None and isinstance(failure.__cause__, asyncpg.InternalClientError):
                connection.terminate()
            raise
        finally:
            self._in_use.dec()
            # The connection goes back before the place: who gets the place finds it.
            if connection is not None and not connection.is_closed():
                self._idle.append(connection)
            self._places.give_back(urgency)

    async def _take_place(self, urgency: Urgency) -> None:
        if self._places.take_at_once(urgency):
            return
        since = perf_counter()
        try:
            await self._places.take(urgency, self._wait_seconds_max)
        except TimeoutError:
            self._shed[urgency].inc()
            raise Overloaded("no database connection came free in time") from None
        finally:
            self._waiting.observe(perf_counter() - since)

    def _live(self) -> asyncpg.Connection | None:
        """An idle connection that was not lost meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _open(self) -> asyncpg.Connection:
        try:
            return await asyncio.wait_for(self._connect(), CONNECT_SECONDS_MAX)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            metrics.DB_ERRORS.labels(getattr(error, "sqlstate", None) or "connect", "unavailable").inc()
            raise DatabaseUnavailable(f"no connection to the database: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close what is idle. What is in use is closed by whoever has it."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                await connection.close()
