"""The connector: which of several servers is the primary now, and connections to it or, for reading, to a standby."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from weakref import WeakKeyDictionary, WeakSet

import asyncpg

from ledger_service import metrics
from ledger_service.errors import DatabaseUnavailable
from ledger_service.storage.hosts import address_of, tell_when_gone, urls_of_hosts

CONNECT_SECONDS_MAX = 1.0
"""How long one server may take to answer. A black hole must not eat the time in which another one would answer."""

OTHERS_SECONDS_MAX = 0.25
"""How long the other servers may still take once one said that it is the primary: after a failover there may be an old
one that has not noticed, and the highest timeline wins."""

LOOK_SECONDS_MIN = 0.05
LOOK_SECONDS_MAX = 0.15
"""Pause between two looks at servers none of which is the primary. All who wait share one look."""

LOOK_KEPT_SECONDS = 1.5
"""How long readers go straight to a standby once a look found no primary. Whoever wants to write looks all the time
then, so they hear of a new one with that; else each of them would wait a second for a server that stands still."""

# Asked of every server that may become ours. A standby has no timeline of its own to tell.
STANDING = """
SELECT pg_is_in_recovery() AS is_standby, CASE WHEN pg_is_in_recovery() THEN 0
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
    CASE WHEN pg_is_in_recovery()
        THEN (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn)::bigint END AS received
"""

UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True)
class Session:
    """What a connection is like."""

    settings: Mapping[str, str]
    command_timeout: float | None = None
    """Seconds after which the driver cancels a statement. None, never, for whatever may commit."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server said of itself."""

    url: str
    is_standby: bool
    timeline: int
    """Counts promotions; 0 of a standby."""
    received: int = 0
    """Bytes of the log that a standby has."""


class Connector:
    """Connections for one role. With a single host it connects and asks nothing more than whether it can be written."""

    def __init__(self, url: str) -> None:
        self._urls = urls_of_hosts(url)
        self._primary: Server | None = None
        """The one that was found last."""
        self._standbys: tuple[Server, ...] = ()
        self._silent: dict[str, str] = {}
        """Why a server was no use at the last look, by URL."""
        self._stuck: frozenset[str] = frozenset()
        """Servers that said nothing at all at the last look, by URL."""
        self._looked_at = -inf
        """When the last look ended, on the loop's clock."""
        self._looking: asyncio.Task[None] | None = None
        self._made: WeakKeyDictionary[asyncpg.Connection, Server] = WeakKeyDictionary()
        self._reading: WeakSet[asyncpg.Connection] = WeakSet()
        """Those that only read."""

    async def to_primary(self, session: Session) -> asyncpg.Connection:
        """A connection to the server that takes writes. Raises DatabaseUnavailable when there is none now."""
        if self._primary is None:
            await self._look_with_others()
        server = self._primary
        if server is not None:
            try:
                return await self._connect(server.url, session)
            except UNREACHABLE as error:
                _count(error)
            # It is gone, or no longer what it was. Perhaps another one is by now.
            await self._look_with_others()
        if self._primary is None:
            raise DatabaseUnavailable(self._nobody())
        try:
            return await self._connect(self._primary.url, session)
        except UNREACHABLE as error:
            _count(error)
            raise DatabaseUnavailable(f"{address_of(self._primary.url)}: {_said(error)}") from error

    async def to_any(self, session: Session) -> asyncpg.Connection:
        """A connection for reading: to the primary, else to the standby that has least of its log. Raises
        DatabaseUnavailable: nobody answers.

        Of several only the synchronous one is sure to be promoted. Another may be ahead of it, and would show what was
        never acknowledged and is undone; whoever has least shows nothing that the others lack."""
        connection = await self._to_any(session)
        self._reading.add(connection)
        return connection

    async def _to_any(self, session: Session) -> asyncpg.Connection:
        if not self._has_just_seen_only_standbys():
            try:
                return await self.to_primary(session)
            except DatabaseUnavailable:
                if not self._standbys:
                    raise
        for server in sorted(self._standbys, key=lambda one: one.received):
            try:
                return await self._connect(server.url, session, takes_standby=True)
            except UNREACHABLE as error:
                _count(error)
        raise DatabaseUnavailable(self._nobody())

    def _has_just_seen_only_standbys(self) -> bool:
        is_fresh = asyncio.get_running_loop().time() < self._looked_at + LOOK_KEPT_SECONDS
        return self._primary is None and bool(self._standbys) and is_fresh

    def is_to_standby(self, connection: asyncpg.Connection) -> bool:
        """Whether what is read there may be behind the primary."""
        server = self._made.get(connection)
        return server is not None and server.is_standby

    def has_choice(self) -> bool:
        """Whether another server may become the primary."""
        return len(self._urls) > 1

    def has_primary(self) -> bool:
        """Whether one was found, and nothing contradicted that yet."""
        return self._primary is not None

    async def look(self) -> None:
        """Ask all servers at once, and break off what is under way at one that was a primary and no longer is: it
        sends no cancel, and nobody can know what became of it. Also what is only read at one that stands still, since
        another can answer that. Never raises."""
        found = await self._answers()
        self._looked_at = asyncio.get_running_loop().time()
        writable = [server for server in found if not server.is_standby]
        self._standbys = tuple(server for server in found if server.is_standby)
        before, self._primary = self._primary, max(writable, key=lambda server: server.timeline, default=None)
        now = self._primary
        if now is not None:
            metrics.DB_TIMELINE.set(now.timeline)
            if before is not None and (before.url, before.timeline) != (now.url, now.timeline):
                metrics.DB_PRIMARY_CHANGES.inc()
        for connection, server in tuple(self._made.items()):
            is_stuck = bool(found) and server.url in self._stuck and connection in self._reading
            if (is_stuck or _is_of_the_past(server, now)) and not connection.is_closed():
                connection.terminate()

    async def _look_with_others(self) -> None:
        """One look for all who need one now."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_and_rest())
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    async def _look_and_rest(self) -> None:
        await self.look()
        if self._primary is None:
            await asyncio.sleep(random.uniform(LOOK_SECONDS_MIN, LOOK_SECONDS_MAX))  # noqa: S311 - spread, not secrecy

    def _looked(self, _: asyncio.Task[None]) -> None:
        self._looking = None

    async def _answers(self) -> list[Server]:
        """Those that answer in time; what the others said is kept for people."""
        loop = asyncio.get_running_loop()
        end = loop.time() + CONNECT_SECONDS_MAX
        # By number: a URL holds a password, and a task's name gets into logs.
        asking = {asyncio.create_task(_ask(url), name=str(place)) for place, url in enumerate(self._urls)}
        silent = dict.fromkeys(self._urls, "no answer")
        stuck = set(self._urls)
        found: list[Server] = []
        has_primary = False
        while asking and (seconds := end - loop.time()) > 0:
            done, asking = await asyncio.wait(asking, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                url, answer = self._urls[int(task.get_name())], task.result()
                if isinstance(answer, Server):
                    found.append(answer)
                    del silent[url]
                else:
                    silent[url] = _said(answer)
                if not isinstance(answer, TimeoutError):
                    stuck.discard(url)
            if not has_primary and any(not server.is_standby for server in found):
                has_primary = True
                end = min(end, loop.time() + OTHERS_SECONDS_MAX)
        for task in asking:
            task.cancel()
        # At the end: others may be looking at the same time.
        self._silent, self._stuck = silent, frozenset(stuck)
        return found

    async def _connect(self, url: str, session: Session, *, takes_standby: bool = False) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            url,
            server_settings=dict(session.settings),
            command_timeout=session.command_timeout,
            timeout=CONNECT_SECONDS_MAX,
        )
        try:
            tell_when_gone(connection)
            server = await asyncio.wait_for(_server(url, connection), CONNECT_SECONDS_MAX)
            known = self._primary
            if server.is_standby and not takes_standby:
                raise ConnectionError("it is a standby")
            if not server.is_standby and known is not None and server.timeline < known.timeline:
                raise ConnectionError("it is a primary of the past")
        except BaseException:
            connection.terminate()
            raise
        self._made[connection] = server
        return connection

    def _nobody(self) -> str:
        silent = [f"{address_of(url)}: {said}" for url, said in self._silent.items()]
        standbys = [f"{address_of(server.url)}: a standby" for server in self._standbys]
        return f"no connection to the database: {'; '.join([*silent, *standbys])}"


async def _server(url: str, connection: asyncpg.Connection) -> Server:
    row = await connection.fetchrow(STANDING)
    return Server(url, row["is_standby"], row["timeline"], row["received"] or 0)


def _is_of_the_past(server: Server, now: Server | None) -> bool:
    """Whether it was a primary and another one is by now."""
    if now is None or server.is_standby:
        return False
    return server.url != now.url or server.timeline < now.timeline


async def _ask(url: str) -> Server | Exception:
    """What the server at this URL says of itself, else why it says nothing."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS_MAX)
    except UNREACHABLE as error:
        _count(error)
        return error
    try:
        return await asyncio.wait_for(_server(url, connection), CONNECT_SECONDS_MAX)
    except UNREACHABLE as error:
        _count(error)
        return error
    finally:
        connection.terminate()


def _count(error: BaseException) -> None:
    metrics.DB_ERRORS.labels(getattr(error, "sqlstate", None) or "connect", "unavailable").inc()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
