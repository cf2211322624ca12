"""Real instances of the service: operating system processes that run `ledger-service serve` as in production."""

import asyncio
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeVar

import asyncpg

from ledger_service.storage.database import Database
from ledger_service.storage.keys import Keys
from ledger_service.storage.programs import Programs
from tests import warm

SECRET = "a pepper that only tests know, 32 bytes and more"
SOURCE = "shop-berlin"
LISTENING = "listening on "
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
LOG_SHOWN = 4000
"""Characters of an instance's log that a failure shows."""

Value = TypeVar("Value")


@dataclass(slots=True)
class Instance:
    """One running instance. Its port stays the same when it is started again."""

    url: str
    process: warm.Program
    printed: IO[bytes]
    log: Path
    environment: Mapping[str, str]

    def kill(self) -> None:
        """End it on the spot, as a power cut would. Waits until it is gone."""
        self.process.kill()
        self.process.wait()
        self.printed.close()

    def start_again(self) -> None:
        """A new one in the place of the one that was killed. Waits until it listens."""
        self.process, self.printed, self.url = _started(self.environment, self.log, self.url.rpartition(":")[2])

    def stop(self) -> None:
        """End it in good order, if it still runs; fails the test when it does not end well."""
        self.process.terminate()  # does nothing to one that has ended
        try:
            status = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"an instance did not stop on SIGTERM:\n{self.log_end()}") from None
        self.printed.close()
        assert status in (0, -signal.SIGKILL), f"an instance ended with {status}:\n{self.log_end()}"

    def log_end(self) -> str:
        """The end of what it wrote to standard error."""
        return self.log.read_text(errors="replace")[-LOG_SHOWN:]

    def bugs(self) -> list[str]:
        """The lines with which it reported faults of its own."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if '"level":"error"' in line.replace(" ", "") or "Traceback" in line]


@contextmanager
def starting_instances(service_url: str, log_dir: Path) -> Iterator[Callable[..., Instance]]:
    """A function that starts an instance on this database; its arguments are settings. It may be called by several
    threads. All instances are stopped at the end."""
    instances: list[Instance] = []
    numbers = count(1)

    def start(**settings: str | int | float) -> Instance:
        given = {f"LEDGER_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "LEDGER_DATABASE_URL": service_url,
            "LEDGER_SECRET": SECRET,
            **given,
        }
        log = log_dir / f"instance-{next(numbers)}.log"
        process, printed, url = _started(environment, log, "0")
        instance = Instance(url, process, printed, log, environment)
        instances.append(instance)
        return instance

    try:
        yield start
    finally:
        with ThreadPoolExecutor() as threads:
            stopping = [threads.submit(instance.stop) for instance in instances]
        for stopped in stopping:
            stopped.result()


@dataclass(frozen=True, slots=True)
class Program:
    """A program and an API key of it."""

    program_id: int
    slug: str
    token: str

    def headers(self, key: str | None = None) -> dict[str, str]:
        """Those of a request with this API key."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return headers if key is None else headers | {"Idempotency-Key": key}


async def make_program(
    service_url: str, slug: str = "demo", settings: Mapping[str, Any] | None = None, *scopes: str
) -> Program:
    """A new live program in a database, and an API key of it, by default an admin's."""
    async with Database.open(service_url, readers=1) as database:
        keys, programs = Keys(database, SECRET.encode()), Programs(database)
        new = keys.new("live", scopes or ("admin",), SOURCE)
        await programs.create(None, slug, "live", dict(settings or {}), None, new)
        program = await programs.find(slug)
        assert program is not None
        return Program(program.program_id, slug, new.token)


async def rows(url: str, query: str, *arguments: object) -> list[dict[str, Any]]:
    """What a query finds, whatever the instances say."""
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """Run it to the end, for fixtures that live longer than the event loop of one test."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


def _started(environment: Mapping[str, str], log: Path, port: str) -> tuple[warm.Program, IO[bytes], str]:
    reading, writing = os.pipe()
    printed = os.fdopen(reading, "rb")
    try:
        with log.open("ab") as written:
            process = warm.start(["serve", "--port", port], environment, writing, written.fileno(), cwd=os.getcwd())
    finally:
        os.close(writing)
    line = _first_line(printed)
    if not line.startswith(LISTENING):
        process.kill()
        process.wait()
        printed.close()
        raise AssertionError(f"an instance did not start: {line!r}\n{log.read_text(errors='replace')[-LOG_SHOWN:]}")
    return process, printed, line.removeprefix(LISTENING)


def _first_line(printed: IO[bytes]) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(printed, selectors.EVENT_READ)
        if not selector.select(START_SECONDS_MAX):
            return ""
    return printed.readline().decode().strip()
