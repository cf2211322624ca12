"""What a comparison says: a table for people, figures for programs, and every fault it found."""

from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from ledger_service.cli.bench.comparing import Compared, Side, Times
from ledger_service.cli.bench.lives import LOTS_PER_REDEEM

RATIO_MAX = 3.0
"""A long life shall not make a call take longer than so many times what it takes on a new account."""

CALLS = ("redeem", "balance")
QUANTILES = {"p50": 50, "p99": 99}


def seconds_of(times: Times, call: str) -> list[float]:
    """The times of one sort of call."""
    return times.redeems if call == "redeem" else times.balances


def quantile(seconds: list[float], percent: int) -> float:
    """So many percent of the calls took no longer; in ms, 0 when there were none."""
    ordered = sorted(seconds) or [0.0]
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] * 1000


def of_rounds(side: Side, call: str, percent: int) -> list[float]:
    """A quantile, in ms, a number for each round."""
    return [quantile(seconds_of(times, call), percent) for times in side.rounds]


def ratio(compared: Compared, call: str, percent: int) -> float | None:
    """How many times as long it takes on a long-lived account, by the medians of the rounds; None: nothing measured."""
    long_lived, new = (median(of_rounds(side, call, percent)) for side in compared.sides)
    return long_lived / new if new else None


def faults_of(compared: Compared) -> list[str]:
    """What must not be, a sentence for each."""
    faults = []
    for side in compared.sides:
        failed = sum(times.failed for times in side.all_times)
        if failed:
            faults.append(f"{side.name}: {failed:,} calls were refused.")
    posted = sum(times.posted for side in compared.sides for times in side.all_times)
    if compared.entries != posted:
        faults.append(f"{compared.entries:,} entries, but {posted:,} were acknowledged.")
    shape = compared.comparison.shape
    for size in compared.sizes:
        if (size.entries_before, size.lots_before) != (shape.entries, shape.lots):
            faults.append(f"{size.account_id}: {size.entries_before:,} entries and {size.lots_before:,} lots at first.")
        # The lots of the last redeem would come back before the next one.
        if size.lots_after != shape.lots - LOTS_PER_REDEEM:
            faults.append(f"{size.account_id}: {size.lots_after:,} lots at the end.")
    if not compared.is_verified:
        faults.append(f"The books do not verify. {compared.verification}")
    return faults


def figures(compared: Compared) -> dict[str, Any]:
    """Everything, as it is written to a file."""
    return {
        "comparison": asdict(compared.comparison),
        "measured_at": compared.measured_at,
        "machine": compared.machine,
        "ratio_max": RATIO_MAX,
        "calls": {
            f"{call} {name}": {
                "ratio": ratio(compared, call, percent),
                **{side.name: _spread(of_rounds(side, call, percent)) for side in compared.sides},
            }
            for call in CALLS
            for name, percent in QUANTILES.items()
        },
        "calls_timed": {side.name: sum(len(times.redeems) for times in side.rounds) for side in compared.sides},
        "accounts": [asdict(size) for size in compared.sizes],
        "entries": compared.entries,
        "verification": compared.verification,
        "faults": faults_of(compared),
    }


def _spread(milliseconds: list[float]) -> dict[str, Any]:
    return {
        "median_ms": median(milliseconds),
        "least_ms": min(milliseconds),
        "most_ms": max(milliseconds),
        "rounds_ms": milliseconds,
    }


def print_table(compared: Compared) -> None:
    """The medians with their ranges, side by side."""
    plan = compared.comparison
    table = Table(
        title=f"{plan.shape.entries:,} entries and {plan.shape.lots:,} open lots beside a new account, "
        f"{plan.connections} connections, {plan.rounds} rounds of {plan.seconds} s",
        caption="ms: medians of the rounds, least and most in brackets. Ratios are those of the medians.",
    )
    table.add_column("")
    for side in compared.sides:
        table.add_column(side.name, justify="right")
    table.add_column("ratio", justify="right")
    for call in CALLS:
        for name, percent in QUANTILES.items():
            cells = [_cell(of_rounds(side, call, percent)) for side in compared.sides]
            times = ratio(compared, call, percent)
            table.add_row(f"{call} {name}", *cells, "unknown" if times is None else f"{times:.2f}")
    counts = [f"{sum(len(times.redeems) for times in side.rounds):,}" for side in compared.sides]
    table.add_row("calls of each", *counts, "")
    console = Console()
    console.print(table)
    console.print(compared.verification, highlight=False, markup=False)


def _cell(milliseconds: list[float]) -> str:
    return f"{median(milliseconds):.2f} ({min(milliseconds):.2f} to {max(milliseconds):.2f})"
