"""Showing how far an import is: a bar in a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ledger_service.cli.console import people
from ledger_service.cli.purchases.posting import Tally

LINE_SECONDS = 5.0


@contextmanager
def showing(total: int, tally: Tally) -> Iterator[Callable[[], None]]:
    """A function to be called whenever the tally has changed."""
    if sys.stderr.isatty():
        with bar(total, tally) as moved:
            yield moved
    else:
        yield lines(total, tally)


@contextmanager
def bar(total: int, tally: Tally) -> Iterator[Callable[[], None]]:
    """A bar with baskets per second and the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("baskets"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=people()) as progress:
        task = progress.add_task("baskets", total=total, rate="–")
        started_at = time.perf_counter()

        def moved() -> None:
            seconds = max(time.perf_counter() - started_at, 0.001)
            progress.update(task, completed=tally.done, rate=f"{tally.done / seconds:,.0f}")

        yield moved
        moved()


def lines(total: int, tally: Tally) -> Callable[[], None]:
    """A line every few seconds."""
    console = people()
    started_at = told_at = time.perf_counter()

    def moved() -> None:
        nonlocal told_at
        now = time.perf_counter()
        if now - told_at >= LINE_SECONDS:
            told_at = now
            rate = tally.done / (now - started_at)
            console.print(f"{tally.done:,} of about {total:,} baskets, {rate:,.0f} per second")

    return moved
