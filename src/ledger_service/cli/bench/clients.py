"""Clients: whoever asks. Each is a program of its own, so that it costs the service nothing but what it asks."""

import json
import math
import resource
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.console import Misused

TIMEOUT_SECONDS = 10
"""How long an answer may take, and so how long a client waits, at most, for the last ones of a window."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of load: who is asked for what, by how many, how long."""

    host: str
    port: int
    token: str
    scenario: str
    """`earn`, `balance`, `shop` or `bulk`."""
    accounts: int
    run: str
    """Part of every idempotency key, and the seed of the accounts."""
    connections: int
    seconds: int
    more_tokens: tuple[str, ...] = ()
    """Of the other programs that are asked, each with as many accounts."""
    keys: str = "in-order"
    """How idempotency keys come: `in-order` or `random`."""

    def environment(self) -> dict[str, str]:
        """What both clients read. Tokens go here because everyone may see arguments."""
        return {
            "LOAD_SCENARIO": self.scenario,
            "LOAD_ACCOUNTS": str(self.accounts),
            "LOAD_CONNECTIONS": str(self.connections),
            "LOAD_RUN": self.run,
            "LOAD_SECONDS": str(self.seconds),
            "LOAD_TOKENS": "\n".join((self.token, *self.more_tokens)),
            "LOAD_KEYS": self.keys,
        }


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a window."""

    sent: int
    answered: int
    refused: int
    """Answers of status 400 and above."""
    broken: int
    """Connections that failed, and answers that took longer than TIMEOUT_SECONDS."""
    p50_ms: float
    p99_ms: float
    client_cpu_seconds: float
    late: int = 0
    """Answers that came after the end of the window: each connection waits for its last one. They would flatter
    whoever is slow."""
    posted: int = 0
    """Entries that were acknowledged."""
    posted_late: int = 0
    unposted: int = 0
    """Operations of bulks that were answered with anything but success."""

    @property
    def acknowledged(self) -> int:
        """Requests that were answered with success."""
        return self.answered - self.refused

    def acknowledged_per_second(self, seconds: float) -> float:
        """What was acknowledged inside the window."""
        return max(0, self.acknowledged - self.late) / seconds

    def posted_per_second(self, seconds: float) -> float:
        """The entries that were acknowledged inside the window."""
        return max(0, self.posted - self.posted_late) / seconds


@dataclass(frozen=True, slots=True)
class Client:
    """A program that makes load."""

    name: str
    load: Callable[[Window], Load]
    """Raises ChildFailed when the client itself fails."""


def client_named(name: str, folder: Path) -> Client:
    """`wrk`, `own`, or, for no name, wrk where it is installed. Raises Misused."""
    wrk = shutil.which("wrk")
    match name:
        case "own":
            return own_client(folder)
        case "wrk" if wrk is None:
            raise Misused("wrk is not installed (Debian: apt-get install wrk). Without it: --client own.")
        case "wrk" | "":
            return wrk_client(wrk, folder) if wrk else own_client(folder)
    raise Misused(f"There is no client {name!r}: wrk or own.")


def wrk_client(wrk: str, folder: Path) -> Client:
    """wrk with one thread, which asks far more than one service process can answer."""

    def load(window: Window) -> Load:
        arguments = [wrk, "--threads", "1", "--connections", str(window.connections)]
        arguments += ["--duration", f"{window.seconds + TIMEOUT_SECONDS}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
        arguments += ["--script", str(folder / "wrk" / "load.lua"), f"http://{window.host}:{window.port}"]
        return loaded(arguments, window, lambda said: said[1])

    return Client("wrk", load)


def own_client(folder: Path) -> Client:
    """Our own, where there is no wrk. It costs several times the CPU, which it takes from the service."""

    def load(window: Window) -> Load:
        arguments = [sys.executable, str(folder / "load_client.py"), window.host, str(window.port)]
        return loaded(arguments, window, lambda said: said[0])

    return Client("own", load)


def loaded(arguments: list[str], window: Window, where: Callable[[tuple[str, str]], str]) -> Load:
    """Run a client for a window and read its last line. Raises ChildFailed."""
    before = children_cpu_seconds()
    ended = run(arguments, window.environment(), seconds_max=math.ceil(window.seconds) + 60)
    cpu = children_cpu_seconds() - before
    lines = where((ended.stdout, ended.stderr)).strip().splitlines()
    try:
        figures: Mapping[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise ChildFailed(
            f"{arguments[0]} said nothing we understand: {ended.stdout[-500:]} {ended.stderr[-500:]}"
        ) from None
    return Load(**figures, client_cpu_seconds=cpu)


def children_cpu_seconds() -> float:
    """The CPU time of all programs we started that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
