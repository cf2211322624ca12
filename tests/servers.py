"""The real Postgres that tests run on, and a database of its own for each test that wants one."""

import asyncio
import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import asyncpg

from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.binaries import find_binaries

OUTSIDE_SERVER = "LEDGER_TEST_DATABASE_URL"
ROLE_PASSWORD = "ledger"
ROLES = ("ledger_service", "ledger_read")

# Autovacuum off: it would come and go between two runs of the same test. Everything else as it is served.
SETTINGS = {"max_connections": "200", "autovacuum": "off"}


class Superuser:
    """A connection that is kept, in a thread of its own: to start psql takes as long as to make a database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def execute(self, statement: str) -> None:
        """Run one statement. Works inside a running event loop too."""
        self._run(self._execute(statement))

    def close(self) -> None:
        if self._connection is not None:
            self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _execute(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url)
        await self._connection.execute(statement)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()


@dataclass(frozen=True, slots=True)
class TestServer:
    """A Postgres whose superuser we are: the embedded one, or one that LEDGER_TEST_DATABASE_URL names."""

    __test__: ClassVar[bool] = False

    superuser_url: str
    bin_dir: Path
    superuser: Superuser
    embedded: EmbeddedPostgres | None = None

    def url(self, database: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """Where to connect; by default as the superuser."""
        parts = urlsplit(self.superuser_url)
        name = quote(unquote(parts.username or "") if user is None else user, safe="")
        secret = quote(unquote(parts.password or "") if password is None else password, safe="")
        place = parts.netloc.rpartition("@")[2]
        query = f"?{parts.query}" if parts.query else ""
        return f"postgresql://{name}:{secret}@{place}/{quote(database, safe='')}{query}"

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run one statement as the superuser; its rows as text, a line each. Works inside a running event loop too."""
        return run_sql(self.bin_dir, self.url(database), statement)


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A migrated database that nobody else uses, as the superuser and as each of the service's roles."""

    __test__: ClassVar[bool] = False

    name: str
    owner_url: str
    service_url: str
    read_url: str


def enterable_directory() -> str:
    """Where temporary files go, if every account may enter it; else /tmp."""
    chosen = Path(tempfile.gettempdir()).resolve()
    is_open = all(path.stat().st_mode & stat.S_IXOTH for path in (chosen, *chosen.parents))
    return str(chosen) if is_open else "/tmp"


def run_sql(bin_dir: Path, url: str, statement: str) -> str:
    arguments = [bin_dir / "psql", "--no-psqlrc", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
    ended = subprocess.run([*arguments, "--command", statement, url], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise AssertionError(f"{statement!r} failed: {ended.stderr}")
    return ended.stdout.rstrip("\n")


def ask(postgres: EmbeddedPostgres, statement: str, database: str = "postgres") -> str:
    """Run one statement as the superuser of an embedded Postgres."""
    return run_sql(postgres.bin_dir, postgres.url(database), statement)


@contextmanager
def open_server(data_dir: Path) -> Iterator[TestServer]:
    """The outside server if one is named, else an embedded one on `data_dir`, stopped at the end."""
    if outside := os.environ.get(OUTSIDE_SERVER):
        with closing(Superuser(outside)) as superuser:
            yield TestServer(outside, find_binaries().bin_dir, superuser)
        return
    with (
        EmbeddedPostgres.start(data_dir, settings=SETTINGS) as postgres,
        closing(Superuser(postgres.url())) as superuser,
    ):
        yield TestServer(postgres.url(), postgres.bin_dir, superuser, postgres)


@contextmanager
def open_template(server: TestServer) -> Iterator[str]:
    """A database with our schema that nobody connects to, so that it can be cloned."""
    from ledger_service.storage.migrations import migrate

    name = f"ledger_template_{uuid4().hex[:12]}"
    server.execute(f'CREATE DATABASE "{name}"')
    try:
        migrate(server.url(name))
        for role in ROLES:
            server.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{ROLE_PASSWORD}'")
        yield name
    finally:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def cloning(server: TestServer, template: str) -> Iterator[Callable[[], TestDatabase]]:
    """A function that makes fresh clones of `template`, all of them dropped at the end."""
    names: list[str] = []

    def clone() -> TestDatabase:
        name = f"ledger_test_{uuid4().hex[:12]}"
        names.append(name)
        server.superuser.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        service_url, read_url = (server.url(name, role, ROLE_PASSWORD) for role in ROLES)
        return TestDatabase(name, server.url(name), service_url, read_url)

    try:
        yield clone
    finally:
        for name in names:
            server.superuser.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
