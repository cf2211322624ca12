"""Entrants: whoever is measured, however it is asked: over HTTP, by several clients at once, or by pgbench."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ledger_service.cli.bench.clients import Client, Load, Window, children_cpu_seconds
from ledger_service.cli.bench.contenders import Contender, ask
from ledger_service.cli.bench.pgbench import Pgbench
from ledger_service.embedded.ports import HOST


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of load, whoever answers it."""

    scenario: str
    """earn, hot, balance, shop, programs or bulk."""
    connections: int
    seconds: int
    run: str


@dataclass(frozen=True, slots=True)
class Members:
    """Who is asked about."""

    accounts: int
    programs: tuple[str, ...] = ()
    """Tokens of many programs, for the scenario of that name."""
    accounts_per_program: int = 0
    keys: str = "in-order"

    def window(self, stretch: Stretch, contender: Contender) -> Window:
        """The stretch as a client of one process is told it."""
        window = Window(
            host=HOST,
            port=contender.port,
            token=contender.token,
            scenario=stretch.scenario,
            accounts=self.accounts,
            run=stretch.run,
            connections=stretch.connections,
            seconds=stretch.seconds,
            keys=self.keys,
        )
        match stretch.scenario:
            case "hot":
                return replace(window, scenario="earn", accounts=1)
            case "programs":
                first, *others = self.programs
                accounts = self.accounts_per_program
                return replace(window, scenario="earn", token=first, more_tokens=tuple(others), accounts=accounts)
        return window


@dataclass(frozen=True, slots=True)
class Entrant:
    """One who is measured."""

    name: str
    load: Callable[[Stretch], Load]
    """Raises ChildFailed."""
    settle: Callable[[], None]
    """Statistics for the planner, and no checkpoint left over for the round that comes."""
    cpu_seconds: Callable[[], float | None]
    """The CPU time its processes have used so far, without Postgres."""


def over_http(name: str, contenders: Sequence[Contender], members: Members, client: Client) -> Entrant:
    """One or several processes of the same service, each asked by a client of its own with its share of the
    connections."""

    def load(stretch: Stretch) -> Load:
        windows = [
            members.window(
                replace(
                    stretch,
                    connections=max(1, stretch.connections // len(contenders)),
                    # Processes of one service share their books, where no key may come twice.
                    run=stretch.run if len(contenders) == 1 else f"{stretch.run}-of-{place}",
                ),
                contender,
            )
            for place, contender in enumerate(contenders)
        ]
        before = children_cpu_seconds()
        with ThreadPoolExecutor(len(windows)) as together:
            loads = list(together.map(client.load, windows))
        return added(loads, children_cpu_seconds() - before)

    def cpu_seconds() -> float | None:
        used = [contender.cpu_seconds() for contender in contenders]
        known = [one for one in used if one is not None]
        return sum(known) if len(known) == len(used) else None

    return Entrant(name, load, contenders[0].settle, cpu_seconds)


def added(loads: Sequence[Load], client_cpu_seconds: float) -> Load:
    """The loads of clients who asked at the same time as one. A latency is that of the worst of them."""
    return Load(
        sent=sum(one.sent for one in loads),
        answered=sum(one.answered for one in loads),
        refused=sum(one.refused for one in loads),
        broken=sum(one.broken for one in loads),
        p50_ms=max(one.p50_ms for one in loads),
        p99_ms=max(one.p99_ms for one in loads),
        client_cpu_seconds=client_cpu_seconds,
        late=sum(one.late for one in loads),
        posted=sum(one.posted for one in loads),
        posted_late=sum(one.posted_late for one in loads),
        unposted=sum(one.unposted for one in loads),
    )


def by_pgbench(name: str, pgbench: Pgbench, members: Members) -> Entrant:
    """Postgres alone."""

    def load(stretch: Stretch) -> Load:
        accounts = 1 if stretch.scenario == "hot" else members.accounts
        return pgbench.load(stretch.connections, stretch.seconds, accounts, stretch.run, members.keys == "random")

    def settle() -> None:
        asyncio.run(ask(pgbench.url, "ANALYZE"))
        asyncio.run(ask(pgbench.url, "CHECKPOINT"))

    return Entrant(name, load, settle, lambda: None)
