"""Running `ledger-service` as its users do: as a program of its own, with signals and pipes.

Most runs start warm (`tests/warm.py`). What is started as it is typed, once for each command, says so.
"""

import http.client
import os
import queue
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests import warm

LEDGER_SERVICE = Path(sys.executable).with_name("ledger-service")
SECRET = "0123456789abcdef0123456789abcdef"
LINE_SECONDS_MAX = 120.0
"""Nothing waits that long unless something is broken: it ends a test that would hang."""


Started = subprocess.Popen[bytes] | warm.Program
Start = Callable[[list[str], Mapping[str, str], int, int], Started]
"""From arguments, a whole environment, and two descriptors to write to."""


def as_typed(arguments: list[str], environment: Mapping[str, str], stdout: int, stderr: int) -> Started:
    """Start it as a shell would: everything is imported anew, which takes a second or two."""
    return subprocess.Popen(
        [LEDGER_SERVICE, *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, cwd="/"
    )


class Running:
    """A program that runs until it is stopped, and the lines it prints."""

    def __init__(
        self, arguments: list[str], environment: Mapping[str, str], log: Path, start: Start = warm.start
    ) -> None:
        self.log = log
        self.environment = environment
        reading, writing = os.pipe()
        self._printed = os.fdopen(reading, encoding="utf-8")
        try:
            with log.open("ab") as errors:
                self.process = start(arguments, clean_environment(environment), writing, errors.fileno())
        finally:
            os.close(writing)
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._printed:
            for line in self._printed:
                self._fresh.put(line.rstrip("\n"))
        self._fresh.put(None)

    def line(self, start: str) -> str:
        """The rest of the next line that begins so, once it is printed."""
        while (line := self._fresh.get(timeout=LINE_SECONDS_MAX)) is not None:
            self.lines.append(line)
            if line.startswith(start):
                return line.removeprefix(start).strip()
        raise AssertionError(f"{start!r} was never printed.\n{self.lines}\n{self.log.read_text()}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(LINE_SECONDS_MAX)

    def stop(self) -> int:
        """Stop it as an operator would; its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()


@contextmanager
def running(
    arguments: list[str], log: Path, environment: Mapping[str, str] | None = None, start: Start = warm.start
) -> Iterator[Running]:
    """A running program, ended by force if the test has not ended it."""
    program = Running(arguments, environment or {}, log, start)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


def run(
    arguments: list[str], environment: Mapping[str, str] | None = None, expected: int = 0, start: Start = warm.start
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which has to be the expected one."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        process = start(arguments, clean_environment(environment or {}), printed.fileno(), errors.fileno())
        try:
            status = process.wait(LINE_SECONDS_MAX)
        finally:
            process.kill()
        printed.seek(0)
        errors.seek(0)
        stdout, stderr = printed.read().decode(), errors.read().decode()
    assert status == expected, f"{arguments}: {status}\n{stdout}\n{stderr}"
    return subprocess.CompletedProcess(arguments, status, stdout, stderr)


def clean_environment(wanted: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LEDGER_")} | dict(wanted)


def serve_environment(database_url: str, **more: str) -> dict[str, str]:
    """The settings of an instance on a database."""
    return {"LEDGER_DATABASE_URL": database_url, "LEDGER_SECRET": SECRET, "LEDGER_PORT": "0", **more}


def made_program(environment: Mapping[str, str], slug: str = "shop") -> str:
    """A new program; its API key."""
    return run(["programs", "create", slug], environment).stdout.splitlines()[-1].removeprefix("api key ")


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Ours speak plain HTTP. Without it every call would read all certificates of the system."""


def get(url: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    """One call on a connection of its own."""
    return httpx2.get(url, headers=headers, verify=NO_TLS)


class Till:
    """One keep-alive connection that posts."""

    def __init__(self, url: str, api_key: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=LINE_SECONDS_MAX)
        self.api_key = api_key

    def earn(self, account_id: str, points: int, key: str) -> http.client.HTTPResponse:
        """Earn points. The answer is read to its end."""
        self.connection.request(
            "POST",
            f"/v1/accounts/{account_id}/earn",
            body=b'{"points":%d}' % points,
            headers={
                "Authorization": f"Bearer {self.api_key}",
                "Idempotency-Key": key,
                "Content-Type": "application/json",
            },
        )
        response = self.connection.getresponse()
        response.read()
        return response


def open_account(url: str, api_key: str, account_id: str) -> None:
    response = httpx2.post(
        f"{url}/v1/accounts",
        verify=NO_TLS,
        json={"account_id": account_id},
        headers={"Authorization": f"Bearer {api_key}", "Idempotency-Key": f"open-{account_id}"},
    )
    assert response.status_code == 201, response.text


def balance_of(url: str, api_key: str, account_id: str) -> Any:
    """What GET …/balance says, asked again while the answer is "later"."""
    question, headers = f"{url}/v1/accounts/{account_id}/balance", {"Authorization": f"Bearer {api_key}"}
    while (response := get(question, headers)).status_code == 503:
        assert response.json()["retryable"]
    assert response.status_code == 200, response.text
    return response.json()
