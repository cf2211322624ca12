"""What a benchmark says: a table for people, figures for programs, and every fault it found."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from ledger_service.cli.bench.measuring import Plan, Result, Results

LABELS = (
    "requests/s",
    "range of the rounds",
    "p50",
    "p99",
    "CPU of its process",
    "CPU of the client",
    "acknowledged, with warm-ups",
    "entries in its database",
    "refused or broken",
)


def rates(result: Result) -> list[float]:
    """Requests a second, a number for each round."""
    return [one.requests_per_second for one in result.rounds]


def ratio(results: Results) -> float | None:
    """How many times the median of the second the median of the first is; None when nothing was answered."""
    first, second = (median(rates(result)) for result in results.contenders)
    return first / second if second else None


def acknowledged(result: Result) -> int:
    """Requests that were answered with success, in all windows."""
    return sum(load.acknowledged for load in result.loads)


def failed(result: Result) -> int:
    """Requests that were refused or broken, in all windows."""
    return sum(load.refused + load.broken for load in result.loads)


def entries_expected(plan: Plan, result: Result) -> int:
    """How many entries its database should have: one for each acknowledged earn, none for a read."""
    return 0 if plan.scenario == "balance" else acknowledged(result)


def faults_of(results: Results) -> list[str]:
    """What must not be, a sentence for each."""
    faults = []
    for result in results.contenders:
        if failed(result):
            faults.append(f"{result.name}: {failed(result):,} requests were refused or broken.")
        unanswered = sum(load.sent - load.answered for load in result.loads)
        if unanswered:
            faults.append(f"{result.name}: {unanswered:,} requests were never answered.")
        expected = entries_expected(results.plan, result)
        if result.books.entries != expected:
            faults.append(f"{result.name}: {result.books.entries:,} entries, but {expected:,} were acknowledged.")
        if result.books.findings:
            faults.append(f"{result.name}: its books do not verify. {result.books.findings}")
        if result.books.wrong_balances:
            wrong = result.books.wrong_balances
            faults.append(f"{result.name}: {wrong:,} balances are not the sum of their entries.")
    return faults


def figures(results: Results) -> dict[str, Any]:
    """Everything, as it is written to a file."""
    return {
        "plan": asdict(results.plan),
        "client": results.client,
        "measured_at": results.measured_at,
        "machine": results.machine,
        "ratio": ratio(results),
        "contenders": [
            {
                "name": result.name,
                "requests_per_second": {
                    "median": median(rates(result)),
                    "least": min(rates(result)),
                    "most": max(rates(result)),
                },
                "acknowledged": acknowledged(result),
                "failed": failed(result),
                "entries": result.books.entries,
                "wrong_balances": result.books.wrong_balances,
                "findings": result.books.findings,
                "rounds": [asdict(one) for one in result.rounds],
                "warm_ups": [asdict(load) for load in result.warm_ups],
            }
            for result in results.contenders
        ],
        "faults": faults_of(results),
    }


def write_figures(path: Path, said: dict[str, Any]) -> None:
    """Write all of them or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(json.dumps(said, indent=2) + "\n")
    os.replace(unfinished, path)


def print_table(results: Results) -> None:
    """The medians with their ranges, side by side."""
    plan = results.plan
    table = Table(
        title=f"{plan.scenario}, {plan.connections} connections, {plan.rounds} rounds of {plan.seconds} s, "
        f"client {results.client}",
        caption="Medians of the rounds. Latencies are those of callers who wait before they ask again, so they are "
        "for comparison only.",
    )
    table.add_column("")
    for result in results.contenders:
        table.add_column(result.name, justify="right")
    for cells in zip(LABELS, *(column(plan, result) for result in results.contenders), strict=True):
        table.add_row(*cells)
    console = Console()
    console.print(table)
    times = ratio(results)
    console.print("nothing was answered" if times is None else f"ratio of the medians: {times:.1f}")


def column(plan: Plan, result: Result) -> list[str]:
    """One contender as cells, in the order of LABELS."""
    loads = [one.load for one in result.rounds]
    busy = [one.service_cpu_seconds for one in result.rounds if one.service_cpu_seconds is not None]
    return [
        f"{median(rates(result)):,.0f}",
        f"{min(rates(result)):,.0f} to {max(rates(result)):,.0f}",
        f"{median(load.p50_ms for load in loads):.1f} ms",
        f"{median(load.p99_ms for load in loads):.1f} ms",
        f"{median(busy) / plan.seconds:.0%}" if busy else "unknown",
        f"{median(load.client_cpu_seconds for load in loads) / plan.seconds:.0%}",
        f"{acknowledged(result):,}",
        f"{result.books.entries:,}",
        f"{failed(result):,}",
    ]
