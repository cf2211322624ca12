"""Whole runs of the command: measure, tell, write the figures, draw the charts."""

from pathlib import Path

from ledger_service.cli.bench import charts
from ledger_service.cli.bench.checkout import loadtests_folder
from ledger_service.cli.bench.clients import client_named
from ledger_service.cli.bench.command import measured, tell
from ledger_service.cli.bench.everything import measure_everything
from ledger_service.cli.bench.everything_report import figures, print_everything
from ledger_service.cli.bench.report import write_figures
from ledger_service.cli.bench.rounds import Plan
from ledger_service.cli.bench.scale import Scale, ScalePlan, measure_scale
from ledger_service.cli.bench.scale_report import print_scale, scale_figures
from ledger_service.cli.console import Misused, say_line


def side_by_side(plan: Plan, client: str, output: Path | None, name: str) -> None:
    """Everything of a plan. Raises Misused, EmbeddedFailure, ChildFailed, and Exit for faults."""
    folder = loadtests_folder()
    if plan.shares:
        charts.drawable()
    everything = measured(lambda say: measure_everything(plan, folder, client_named(client, folder), say))
    path = output or folder / "results" / name
    said = figures(everything)
    write_figures(path, said)
    if plan.shares:
        for drawn in charts.draw(said, path.parent):
            say_line(f"chart: {drawn}")
    print_everything(said)
    tell(path, said["faults"])


def scaled(
    sizes: str,
    seconds: int,
    warm_up: int,
    rounds: int,
    accounts: int,
    keys: str,
    client: str,
    output: Path | None,
) -> None:
    """The service with more and more in its books. Raises as `side_by_side` does."""
    try:
        entries = tuple(sorted({int(size.replace("_", "")) for size in sizes.split(",")}))
    except ValueError:
        raise Misused(f"--scale: numbers of entries with commas between them, not {sizes!r}.") from None
    if entries[0] < accounts:
        raise Misused(f"--scale: each of {accounts:,} accounts begins with an entry; ask for more, or --accounts less.")
    charts.drawable()
    folder = loadtests_folder()
    plan = ScalePlan(entries, seconds, warm_up, rounds, accounts, keys)
    path = output or folder / "results" / "scale.json"

    def keep(scale: Scale) -> None:
        write_figures(path, scale_figures(scale))

    said = scale_figures(measured(lambda say: measure_scale(plan, folder, client_named(client, folder), say, keep)))
    say_line(f"chart: {charts.draw_scale(said['sizes'], path.parent / charts.SCALE)}")
    print_scale(said)
    tell(path, said["faults"])
