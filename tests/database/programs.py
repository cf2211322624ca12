"""Running `ledger-service` as its users do: as a program of its own, with signals and pipes."""

import http.client
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

LEDGER_SERVICE = Path(sys.executable).with_name("ledger-service")
SECRET = "0123456789abcdef0123456789abcdef"
LINE_SECONDS_MAX = 120.0
"""Nothing waits that long unless something is broken: it ends a test that would hang."""


class Running:
    """A program that runs until it is stopped, and the lines it prints."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.environment = environment
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [LEDGER_SERVICE, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env=clean_environment(environment),
                cwd="/",
                text=True,
            )
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
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
def running(arguments: list[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A running program, ended by force if the test has not ended it."""
    program = Running(arguments, environment or {}, log)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


def run(
    arguments: list[str], environment: Mapping[str, str] | None = None, expected: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which has to be the expected one."""
    ended = subprocess.run(
        [LEDGER_SERVICE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=clean_environment(environment or {}),
        timeout=LINE_SECONDS_MAX,
    )
    assert ended.returncode == expected, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended


def clean_environment(wanted: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LEDGER_")} | dict(wanted)


def serve_environment(database_url: str, **more: str) -> dict[str, str]:
    """The settings of an instance on a database."""
    return {"LEDGER_DATABASE_URL": database_url, "LEDGER_SECRET": SECRET, "LEDGER_PORT": "0", **more}


def made_program(environment: Mapping[str, str], slug: str = "shop") -> str:
    """A new program; its API key."""
    return run(["programs", "create", slug], environment).stdout.splitlines()[-1].removeprefix("api key ")


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
        json={"account_id": account_id},
        headers={"Authorization": f"Bearer {api_key}", "Idempotency-Key": f"open-{account_id}"},
    )
    assert response.status_code == 201, response.text


def balance_of(url: str, api_key: str, account_id: str) -> Any:
    """What GET …/balance says, asked again while the answer is "later"."""
    question, headers = f"{url}/v1/accounts/{account_id}/balance", {"Authorization": f"Bearer {api_key}"}
    while (response := httpx2.get(question, headers=headers)).status_code == 503:
        assert response.json()["retryable"]
    assert response.status_code == 200, response.text
    return response.json()
