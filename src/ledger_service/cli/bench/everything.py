"""Everything side by side: all entrants, all scenarios, in one run on one Postgres, rounds in turns."""

import asyncio
import secrets
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ledger_service.cli.bench.clients import Client, Load
from ledger_service.cli.bench.contenders import ask
from ledger_service.cli.bench.entrants import Entrant, Stretch
from ledger_service.cli.bench.field import POSTGRES_SETTINGS, Field, books_of, the_field
from ledger_service.cli.bench.measuring import Say, describe_machine
from ledger_service.cli.bench.memory import Memory, soak
from ledger_service.cli.bench.open_loop import arrive
from ledger_service.cli.bench.rounds import Arrived, Measured, Plan, Round
from ledger_service.cli.bench.rows import MOST, ONE_FUNCTION, SERVICE, USUAL_WAY, Row
from ledger_service.cli.bench.year import Year, live_year
from ledger_service.embedded import EmbeddedPostgres

OPEN_LOOPS = (("shop", SERVICE), ("earn", SERVICE), ("earn", USUAL_WAY), ("earn", ONE_FUNCTION))
"""Who is asked at fixed rates."""


@dataclass(frozen=True, slots=True)
class Everything:
    """A whole run."""

    plan: Plan
    client: str
    measured_at: str
    machine: dict[str, str | int]
    measured: tuple[Measured, ...]
    arrived: tuple[Arrived, ...]
    memory: Memory | None
    year: Year | None
    faults: tuple[str, ...]


def measure_everything(plan: Plan, folder: Path, client: Client, say: Say) -> Everything:
    """Start everything, measure in turns, look into all books, stop everything.

    Raises EmbeddedFailure, ChildFailed."""
    machine = describe_machine()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="ledger-bench-")))
        postgres = opened.enter_context(EmbeddedPostgres.start(directory / "data", settings=POSTGRES_SETTINGS, say=say))
        machine["postgres"] = str(postgres.version)
        measured_at = asyncio.run(ask(postgres.url(), "SELECT date_trunc('second', now())")).isoformat()
        there = opened.enter_context(the_field(plan, postgres, directory, folder, client, say))
        before = {name: one.entries() for name, one in there.contenders.items()}
        measured = in_turns(plan, there.entrants, say)
        arrived = at_fixed_rates(plan, there, say)
        memory = None
        if plan.soak_seconds:
            say(f"Full load for {plan.soak_seconds} s, watching memory.")
            memory = soak(there.entrants[SERVICE], there.contenders[SERVICE].pid, MOST, plan.soak_seconds)
        say("Verifying all books.")
        faults = faults_of(there, before, measured, arrived, memory)
        year = None
        if plan.year is not None:
            say("The real year of groceries.")
            year = live_year(there.contenders[SERVICE], plan.year, directory)
            faults += year.faults
    return Everything(
        plan, client.name, measured_at, machine, tuple(measured), tuple(arrived), memory, year, tuple(faults)
    )


def in_turns(plan: Plan, entrants: Mapping[str, Entrant], say: Say) -> list[Measured]:
    """A round of each row, again and again."""
    measured = [Measured(row) for row in plan.rows]
    stem = secrets.token_hex(4)  # keys are for ever: whoever measures the same databases again needs others
    for number in range(1, plan.rounds + 1):
        for one in measured:
            row, entrant = one.row, entrants[one.row.entrant]
            entrant.settle()
            # The same for all whose rows are alike: they draw the same accounts in the same order.
            run = f"{stem}-{number}-{row.scenario}-{row.connections}"
            if plan.warm_up:
                warm_up = Stretch(row.scenario, row.connections, plan.warm_up, f"{run}-warm-up")
                one.warm_ups.append(entrant.load(warm_up))
            before = entrant.cpu_seconds()
            load = entrant.load(Stretch(row.scenario, row.connections, plan.seconds, run))
            after = entrant.cpu_seconds()
            used = None if before is None or after is None else after - before
            one.rounds.append(Round(load, rate_of(row.scenario, load, plan.seconds), used))
            say(f"round {number} of {plan.rounds}, {row}: {one.rounds[-1].per_second:,.0f}/s")
    return measured


def rate_of(scenario: str, load: Load, seconds: int) -> float:
    """Entries of bulks, requests of everything else."""
    return load.posted_per_second(seconds) if scenario == "bulk" else load.acknowledged_per_second(seconds)


def at_fixed_rates(plan: Plan, there: Field, say: Say) -> list[Arrived]:
    """Open loops, in turns as well, at shares of the most that each entrant gives to the very same client: it costs
    more than wrk, and on one machine what it costs is not there to serve with."""
    if not plan.shares:
        return []
    wanted = [(scenario, entrant) for scenario, entrant in OPEN_LOOPS if entrant in there.contenders]
    most = [Arrived(scenario, entrant, 1.0, 0.0) for scenario, entrant in wanted]
    arrive_in_turns(plan, there, most, say)
    arrived = [
        Arrived(one.scenario, one.entrant, share, share * one.served)
        for one in most
        for share in plan.shares
        if one.served
    ]
    arrive_in_turns(plan, there, arrived, say)
    return most + arrived


def arrive_in_turns(plan: Plan, there: Field, arrived: Sequence[Arrived], say: Say) -> None:
    """A round of each, again and again."""
    stem = secrets.token_hex(4)
    for number in range(1, plan.rounds + 1):
        for one in arrived:
            there.entrants[one.entrant].settle()
            stretch = Stretch(one.scenario, MOST, plan.seconds, f"{stem}-{number}-{one.scenario}-{one.share}")
            window = there.members.window(stretch, there.contenders[one.entrant])
            came = arrive(window, one.rate, plan.warm_up, seed=number)
            one.rounds.append(came)
            say(
                f"round {number} of {plan.rounds}, {one}: {came.served:,.0f}/s, "
                f"p50 {came.p50_ms:.1f} ms, p99 {came.p99_ms:.1f} ms"
            )


def faults_of(
    there: Field,
    before: Mapping[str, int],
    measured: Sequence[Measured],
    arrived: Sequence[Arrived],
    memory: Memory | None,
) -> list[str]:
    """What must not be, a sentence for each: refusals, lost answers, books that are not what was acknowledged."""
    faults = [fault for one in measured for fault in one.faults()]
    faults += [fault for fixed in arrived for fault in fixed.faults()]
    posted = Counter[str]()
    for one in measured:
        posted[books_of(one.row.entrant)] += sum(load.posted for load in one.loads)
    for fixed in arrived:
        posted[books_of(fixed.entrant)] += sum(came.posted for came in fixed.rounds)
    if memory is not None:
        under_load = Measured(Row("full load", SERVICE, MOST), warm_ups=[memory.load])
        faults += under_load.faults()
        posted[SERVICE] += memory.load.posted
    for name, contender in there.contenders.items():
        books = contender.books(before[name])
        if books.entries != posted[name]:
            faults.append(f"{name}: {books.entries:,} entries, but {posted[name]:,} were acknowledged.")
        if books.wrong_balances:
            faults.append(f"{name}: {books.wrong_balances:,} balances are not the sum of their entries.")
        if books.findings:
            faults.append(f"{name}: its books do not verify. {books.findings}")
    return faults
