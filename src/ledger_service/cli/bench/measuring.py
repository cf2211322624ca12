"""Measuring: rounds in turns, so that whatever else happens on the machine happens to both."""

import asyncio
import os
import platform
import secrets
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ledger_service.cli.bench.clients import Client, Load, Window
from ledger_service.cli.bench.contenders import Books, Contender, ask, the_service, the_usual_way
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.ports import HOST

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how long."""

    scenario: str
    connections: int
    seconds: int
    warm_up: int
    rounds: int
    accounts: int

    def window(self, contender: Contender, run: str, seconds: int) -> Window:
        """A stretch of load of this plan."""
        return Window(
            host=HOST,
            port=contender.port,
            token=contender.token,
            scenario="balance" if self.scenario == "balance" else "earn",
            accounts=1 if self.scenario == "hot" else self.accounts,
            run=run,
            connections=self.connections,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True)
class Round:
    """One measured window of one contender."""

    load: Load
    requests_per_second: float
    service_cpu_seconds: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of one contender."""

    name: str
    rounds: tuple[Round, ...]
    warm_ups: tuple[Load, ...]
    books: Books
    """What its database has of them."""

    @property
    def loads(self) -> list[Load]:
        """Everything that was asked, warm-ups too."""
        return [*self.warm_ups, *(one.load for one in self.rounds)]


@dataclass(frozen=True, slots=True)
class Results:
    """A whole benchmark."""

    plan: Plan
    client: str
    measured_at: str
    machine: dict[str, str | int]
    contenders: tuple[Result, ...]


def measure(plan: Plan, folder: Path, client: Client, say: Say) -> Results:
    """Start everything, measure in turns, count what is in the databases, stop everything.

    Raises EmbeddedFailure, ChildFailed."""
    machine = describe_machine()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="ledger-bench-")))
        postgres = opened.enter_context(EmbeddedPostgres.start(directory / "data", say=say))
        say(
            f"Opening {plan.accounts:,} accounts on Postgres {postgres.version}, for the service and for the usual way."
        )
        contenders = (
            opened.enter_context(the_service(postgres, directory, plan.accounts)),
            opened.enter_context(the_usual_way(postgres, directory, folder, plan.accounts)),
        )
        measured_at = asyncio.run(ask(postgres.url(), "SELECT date_trunc('second', now())")).isoformat()
        machine["postgres"] = str(postgres.version)
        return Results(plan, client.name, measured_at, machine, in_turns(plan, client, contenders, say))


def in_turns(plan: Plan, client: Client, contenders: Sequence[Contender], say: Say) -> tuple[Result, ...]:
    """A round of each, again and again. What each database has at the end is counted there."""
    results = [Result(contender.name, (), (), Books(0, 0)) for contender in contenders]
    at_first = [contender.entries() for contender in contenders]
    stem = secrets.token_hex(4)  # keys are for ever: whoever measures the same databases again needs others
    for number in range(1, plan.rounds + 1):
        for place, contender in enumerate(contenders):
            contender.settle()
            before = results[place]
            warm_ups = before.warm_ups
            if plan.warm_up:
                warm_ups += (client.load(plan.window(contender, f"{stem}-warm-up-{number}", plan.warm_up)),)
            measured = one_round(plan, client, contender, f"{stem}-{number}")
            say(f"round {number} of {plan.rounds}, {contender.name}: {measured.requests_per_second:,.0f} requests/s")
            results[place] = replace(before, rounds=(*before.rounds, measured), warm_ups=warm_ups)
    return tuple(
        replace(result, books=contender.books(first))
        for result, contender, first in zip(results, contenders, at_first, strict=True)
    )


def one_round(plan: Plan, client: Client, contender: Contender, run: str) -> Round:
    """One measured window."""
    window = plan.window(contender, run, plan.seconds)
    before = contender.cpu_seconds()
    load = client.load(window)
    after = contender.cpu_seconds()
    used = None if before is None or after is None else after - before
    return Round(load, load.acknowledged_per_second(window.seconds), used)


def describe_machine() -> dict[str, str | int]:
    """What the figures are measured on, and how busy it was before."""
    return {
        "cores": os.cpu_count() or 0,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average_before": f"{os.getloadavg()[0]:.2f}",
    }
