"""What a run of everything says: tables for people, and figures for programs and charts."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from ledger_service.cli.bench.everything import Everything
from ledger_service.cli.bench.memory import Memory, megabytes
from ledger_service.cli.bench.rounds import Arrived, Measured
from ledger_service.cli.bench.targets import Target, others_of, spread, targets_of

PERCENTILES = ("p50_ms", "p90_ms", "p99_ms", "p999_ms")


def figures(everything: Everything) -> dict[str, Any]:
    """Everything, as it is written to a file."""
    plan = everything.plan
    said: dict[str, Any] = {
        "plan": {
            "seconds": plan.seconds,
            "warm_up": plan.warm_up,
            "rounds": plan.rounds,
            "accounts": plan.accounts,
            "programs": plan.programs,
            "keys": plan.keys,
        },
        "client": everything.client,
        "measured_at": everything.measured_at,
        "machine": everything.machine,
        "rows": [figures_of_row(one, plan.seconds) for one in everything.measured],
        "open_loop": [figures_at_rate(one, plan.warm_up + plan.seconds) for one in everything.arrived],
        "memory": figures_of_memory(everything.memory),
        "year": None,
        "faults": list(everything.faults),
    }
    if everything.year is not None:
        year = everything.year
        said["year"] = {"entries": year.entries, "seconds": year.seconds, "per_second": year.per_second}
    said["targets"] = [figures_of_target(one) for one in targets_of(said)]
    said["others"] = dict(others_of(said))
    return said


def figures_of_row(one: Measured, seconds: int) -> dict[str, Any]:
    """One line of the table with all its rounds."""
    loads = [each.load for each in one.rounds]
    busy = [each.cpu_seconds / seconds for each in one.rounds if each.cpu_seconds is not None]
    return {
        **asdict(one.row),
        "per_second": spread([each.per_second for each in one.rounds]),
        "p50_ms": spread([load.p50_ms for load in loads]),
        "p99_ms": spread([load.p99_ms for load in loads]),
        "cpu": spread(busy) if busy else None,
        "client_cpu": spread([load.client_cpu_seconds / seconds for load in loads]),
        "rounds": [asdict(each) for each in one.rounds],
        "warm_ups": [asdict(load) for load in one.warm_ups],
    }


def figures_at_rate(one: Arrived, seconds: int) -> dict[str, Any]:
    """One entrant at one rate."""
    return {
        "scenario": one.scenario,
        "entrant": one.entrant,
        "share": one.share,
        "rate": one.rate,
        "served": spread([each.served for each in one.rounds]),
        **{name: spread([getattr(each, name) for each in one.rounds]) for name in (*PERCENTILES, "most_ms")},
        "client_lag_p99_ms": spread([each.client_lag_p99_ms for each in one.rounds]),
        "client_cpu": spread([each.client_cpu_seconds / seconds for each in one.rounds]),
        "not_begun": sum(each.not_begun for each in one.rounds),
        "refused": sum(each.refused for each in one.rounds),
        "rounds": [asdict(each) for each in one.rounds],
    }


def figures_of_memory(memory: Memory | None) -> dict[str, Any] | None:
    """What one process held."""
    if memory is None or not memory.seen:
        return None
    return {
        "seconds": memory.seconds,
        "most_mb": memory.most / 1e6,
        "growth": memory.growth,
        "seen_mb": megabytes(memory.seen),
        "per_second": memory.load.acknowledged_per_second(memory.seconds),
    }


def figures_of_target(target: Target) -> dict[str, Any]:
    """One target with what came of it."""
    return {"name": target.name, "value": target.value, "target": str(target), "is_met": target.is_met}


def print_everything(said: dict[str, Any]) -> None:
    """All tables."""
    console = wide_console()
    plan = said["plan"]
    console.print(
        f"{plan['rounds']} rounds of {plan['seconds']} s in turns, {plan['accounts']:,} accounts, keys {plan['keys']}, "
        f"client {said['client']}, Postgres {said['machine'].get('postgres')}, {said['machine'].get('cores')} cores",
        highlight=False,
    )
    console.print(table_of_rows(said["rows"]))
    if said["open_loop"]:
        console.print(table_of_rates(said["open_loop"]))
    if said["memory"]:
        held = said["memory"]
        console.print(
            f"memory: at most {held['most_mb']:.0f} MB in {held['seconds']} s of {held['per_second']:,.0f} earns/s",
            highlight=False,
        )
    if said["year"]:
        year = said["year"]
        console.print(
            f"the real year of groceries: {year['entries']:,} entries in {year['seconds']:,.0f} s, "
            f"{year['per_second']:,.0f}/s with its report and verification",
            highlight=False,
        )
    for name, value in said["others"].items():
        if value is not None:
            console.print(f"{name}: {value:.2f}", highlight=False)
    measured = [one for one in said["targets"] if one["value"] is not None]
    if measured:
        console.print(table_of_targets(said["targets"] if said["open_loop"] else measured))


def wide_console() -> Console:
    """One that does not fold tables where nobody looks at a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=150)


def table_of_rows(rows: Sequence[dict[str, Any]]) -> Table:
    """The closed loops."""
    table = Table(
        title="Closed loops: callers who ask again when they are answered",
        caption="Medians of the rounds. Bulk counts entries. These latencies are for comparison only.",
    )
    for name in ("scenario", "who", "callers", "a second", "range", "p50 ms", "p99 ms", "its CPU", "client CPU"):
        table.add_column(name, justify="left" if name in ("scenario", "who") else "right")
    for one in rows:
        rate = one["per_second"]
        table.add_row(
            one["scenario"],
            one["entrant"],
            str(one["connections"]),
            f"{rate['median']:,.0f}",
            f"{rate['least']:,.0f} to {rate['most']:,.0f}",
            f"{one['p50_ms']['median']:.2f}",
            f"{one['p99_ms']['median']:.2f}",
            f"{one['cpu']['median']:.0%}" if one["cpu"] else "–",
            f"{one['client_cpu']['median']:.0%}",
        )
    return table


def table_of_rates(arrived: Sequence[dict[str, Any]]) -> Table:
    """The open loops."""
    table = Table(
        title="Open loops: callers who come at a fixed rate; ms from the instant at which they meant to ask",
        caption="Medians of the rounds. The client's lag is part of every latency.",
    )
    names = (
        "scenario",
        "who",
        "of capacity",
        "offered/s",
        "served/s",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "range of p99",
        "lag p99",
    )
    for name in (*names, "client CPU"):
        table.add_column(name, justify="left" if name in ("scenario", "who") else "right")
    for one in arrived:
        p99 = one["p99_ms"]
        table.add_row(
            one["scenario"],
            one["entrant"],
            f"{one['share']:.0%}" if one["rate"] else "most, in turns",
            f"{one['rate']:,.0f}" if one["rate"] else "–",
            f"{one['served']['median']:,.0f}",
            *(f"{one[name]['median']:.1f}" for name in PERCENTILES),
            f"{p99['least']:.1f} to {p99['most']:.1f}",
            f"{one['client_lag_p99_ms']['median']:.1f}",
            f"{one['client_cpu']['median']:.0%}",
        )
    return table


def table_of_targets(targets: Sequence[dict[str, Any]]) -> Table:
    """What it should be, and is."""
    table = Table(title="Targets, from the medians of this run")
    for name in ("", "measured", "target", ""):
        table.add_column(name, justify="left" if not name else "right")
    words = {True: "met", False: "[bold red]missed[/bold red]", None: "not measured"}
    for one in targets:
        value = "–" if one["value"] is None else f"{one['value']:,.2f}"
        table.add_row(one["name"], value, one["target"], words[one["is_met"]])
    return table
