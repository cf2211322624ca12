"""Who is measured: the service and the usual way, each one process, each with a database of its own on one Postgres."""

import asyncio
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from ledger_service.cli.bench.children import ChildFailed, cpu_seconds, listening, run
from ledger_service.cli.caller import Caller
from ledger_service.cli.dev.database import prepare, run_sql
from ledger_service.cli.dev.files import DATABASE, ROLE
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.ports import HOST, any_free_port
from ledger_service.storage.database import Database
from ledger_service.storage.keys import Keys
from ledger_service.storage.programs import Programs

USUAL_WAY_DATABASE = "usual_way"
PREPARE_SECONDS_MAX = 600.0
VERIFY_SECONDS_MAX = 3600.0
BULK_LENGTH_MAX = 1000
OPENING_TRIES = 50
"""A service that has too much to do refuses some operations of a bulk; the same bulk again posts what is missing."""

OPENING_POINTS = 10_000
"""More than all redeems of a benchmark take from one account."""

# All schemas happen to use the same names for what is asked here.
COUNT_ENTRIES = "SELECT count(*) FROM {schema}.entry"
COUNT_WRONG_BALANCES = """
SELECT count(*) FROM {schema}.account AS account
FULL JOIN (SELECT {key}, sum(points) AS points FROM {schema}.entry GROUP BY {key}) AS total
USING ({key})
WHERE account.balance IS DISTINCT FROM coalesce(total.points, 0)
"""


@dataclass(frozen=True, slots=True)
class Books:
    """What a database has."""

    entries: int
    """Those that came while we measured."""
    wrong_balances: int
    """Accounts whose balance is not the sum of their entries."""
    findings: str = ""
    """What is wrong by the word of whoever can verify these books; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A service that is up, with all accounts open."""

    name: str
    port: int
    token: str
    pid: int
    database_url: str
    """As the superuser."""
    schema: str
    account_key: str = "program_id, account_id"
    """What names an account there."""
    verification: tuple[str, ...] = ()
    """The program that verifies its books, told by LEDGER_READ_URL where they are. Empty: there is none."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def entries(self) -> int:
        """How many entries its database has now."""
        return int(asyncio.run(ask(self.database_url, COUNT_ENTRIES.format(schema=self.schema))))

    def books(self, entries_before: int) -> Books:
        """What its database has now, of which `entries_before` do not count."""
        statement = COUNT_WRONG_BALANCES.format(schema=self.schema, key=self.account_key)
        wrong_balances = asyncio.run(ask(self.database_url, statement))
        return Books(self.entries() - entries_before, wrong_balances, self.findings())

    def findings(self) -> str:
        """What its own verification finds; empty when that is nothing."""
        if self.verification:
            try:
                run(self.verification, {"LEDGER_READ_URL": self.database_url}, VERIFY_SECONDS_MAX)
            except ChildFailed as failed:
                return str(failed)
        return ""

    def settle(self) -> None:
        """Statistics for the planner, and no checkpoint left over for the round that comes."""
        asyncio.run(ask(self.database_url, "ANALYZE"))
        asyncio.run(ask(self.database_url, "CHECKPOINT"))

    def cpu_seconds(self) -> float | None:
        """The CPU time its process has used so far."""
        return cpu_seconds(self.pid)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The service's database, with a program in it: what each of its processes is told."""

    postgres: EmbeddedPostgres
    service_url: str
    secret: str
    token: str

    @classmethod
    def prepare(cls, postgres: EmbeddedPostgres) -> "Deployment":
        """Make the database, and the program that is posted to. Raises EmbeddedFailure."""
        password, secret = secrets.token_urlsafe(24), secrets.token_hex(32)
        prepare(postgres, password)
        service_url = postgres.url(DATABASE, ROLE, password)
        (token,) = asyncio.run(create_programs(service_url, secret, ["bench"]))
        return cls(postgres, service_url, secret, token)

    @contextmanager
    def running(self, directory: Path, name: str = "ledger-service") -> Iterator[Contender]:
        """`ledger-service serve`, as anyone would start it. Raises ChildFailed."""
        port = any_free_port()
        # Sampled or not, a log of requests is not what is compared: nobody has one.
        environment = {
            "LEDGER_DATABASE_URL": self.service_url,
            "LEDGER_SECRET": self.secret,
            "LEDGER_LOG_LEVEL": "WARNING",
        }
        arguments = [sys.executable, "-m", "ledger_service", "serve", "--host", HOST, "--port", str(port)]
        log = directory / f"{name}-{port}.log"
        with listening(arguments, environment, log, f"http://{HOST}:{port}/livez") as pid:
            verification = (sys.executable, "-m", "ledger_service", "verify")
            yield Contender(
                name, port, self.token, pid, self.postgres.url(DATABASE), "ledger", verification=verification
            )

    def more_programs(self, url: str, stem: str, programs: int, accounts: int) -> tuple[str, ...]:
        """More programs, named by a stem, with so many accounts each; their tokens. Raises ChildFailed."""
        tokens = asyncio.run(
            create_programs(self.service_url, self.secret, [f"{stem}-{number}" for number in range(1, programs + 1)])
        )
        for token in tokens:
            asyncio.run(open_accounts(url, token, accounts))
        return tokens


@contextmanager
def the_service(postgres: EmbeddedPostgres, directory: Path, accounts: int) -> Iterator[Contender]:
    """One process of the service on a database of its own. Raises ChildFailed, EmbeddedFailure."""
    with Deployment.prepare(postgres).running(directory) as service:
        asyncio.run(open_accounts(service.url, service.token, accounts))
        yield service


@contextmanager
def the_usual_way(postgres: EmbeddedPostgres, directory: Path, folder: Path, accounts: int) -> Iterator[Contender]:
    """The yardstick under uvicorn, tuned as the service is: uvloop, httptools, no access log. Raises ChildFailed."""
    token, port = secrets.token_hex(32), any_free_port()
    run_sql(postgres, "postgres", f"CREATE DATABASE {USUAL_WAY_DATABASE}")
    url = postgres.url(USUAL_WAY_DATABASE)
    environment = {
        "PYTHONPATH": str(folder),
        "USUAL_WAY_DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://", 1),
        "USUAL_WAY_API_KEY": token,
    }
    run([sys.executable, "-m", "usual_way.prepare", str(accounts)], environment, PREPARE_SECONDS_MAX)
    arguments = [
        sys.executable,
        "-m",
        "uvicorn",
        "usual_way.application:app",
        "--host",
        HOST,
        "--port",
        str(port),
    ]
    arguments += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    alive_url = f"http://{HOST}:{port}/livez"
    with listening(arguments, environment, directory / "usual-way.log", alive_url) as pid:
        yield Contender("the usual way", port, token, pid, url, "public", account_key="account_id")


async def create_programs(service_url: str, secret: str, slugs: Sequence[str]) -> tuple[str, ...]:
    """Programs that are posted to; answers their keys, which may do everything."""
    tokens = []
    async with Database.open(service_url, readers=1) as database:
        keys, programs = Keys(database, secret.encode()), Programs(database)
        for slug in slugs:
            key = keys.new("live", ("admin", "operator"), "bench", name="bench")
            await programs.create(None, slug, "live", {"auto_open": True}, None, key)
            tokens.append(key.token)
    return tuple(tokens)


async def open_accounts(url: str, token: str, accounts: int) -> None:
    """Open `m-1` to `m-N` by a first earn each. Raises ChildFailed when one cannot be."""
    async with Caller.to(url, token) as caller:
        for first in range(1, accounts + 1, BULK_LENGTH_MAX):
            ids = [f"m-{number}" for number in range(first, min(first + BULK_LENGTH_MAX, accounts + 1))]
            operations = [
                {"op": "earn", "account_id": one, "idempotency_key": f"open-{one}", "points": OPENING_POINTS}
                for one in ids
            ]
            for _ in range(OPENING_TRIES):
                response = await caller.post(
                    "/bulk", {"mode": "independent", "operations": operations}, f"open-{first}"
                )
                if response.status_code == 200 and all(one["status"] == 201 for one in response.json()["results"]):
                    break
            else:
                raise ChildFailed(f"The accounts could not be opened: {response.text[:500]}")


async def ask(url: str, statement: str, *arguments: Any) -> Any:
    """The first value of the first row; None when there is none."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()
