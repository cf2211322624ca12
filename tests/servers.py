"""The real Postgres that tests run on, and a database of its own for each test that wants one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.binaries import find_binaries

OUTSIDE_SERVER = "LEDGER_TEST_DATABASE_URL"
ROLE_PASSWORD = "ledger"
ROLES = ("ledger_service", "ledger_read")

# Autovacuum off: it would come and go between two runs of the same test. Everything else as it is served.
SETTINGS = {"max_connections": "200", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class TestServer:
    """A Postgres whose superuser we are: the embedded one, or one that LEDGER_TEST_DATABASE_URL names."""

    __test__: ClassVar[bool] = False

    superuser_url: str
    bin_dir: Path
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
        yield TestServer(outside, find_binaries().bin_dir)
        return
    with EmbeddedPostgres.start(data_dir, settings=SETTINGS) as postgres:
        yield TestServer(postgres.url(), postgres.bin_dir, postgres)


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
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        service_url, read_url = (server.url(name, role, ROLE_PASSWORD) for role in ROLES)
        return TestDatabase(name, server.url(name), service_url, read_url)

    try:
        yield clone
    finally:
        for name in names:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
