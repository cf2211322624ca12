"""What a run of scale says."""

from typing import Any

from rich.table import Table

from ledger_service.cli.bench.everything_report import (
    figures_of_row,
    figures_of_target,
    table_of_rows,
    table_of_targets,
    wide_console,
)
from ledger_service.cli.bench.scale import Scale, Size
from ledger_service.cli.bench.targets import scale_target


def scale_figures(scale: Scale) -> dict[str, Any]:
    """Everything, as it is written to a file."""
    plan = scale.plan
    sizes = [figures_of_size(size, plan.seconds) for size in scale.sizes]
    return {
        "plan": {
            "sizes": list(plan.sizes),
            "seconds": plan.seconds,
            "warm_up": plan.warm_up,
            "rounds": plan.rounds,
            "accounts": plan.accounts,
            "keys": plan.keys,
        },
        "client": scale.client,
        "measured_at": scale.measured_at,
        "machine": scale.machine,
        "sizes": sizes,
        "targets": [figures_of_target(scale_target(sizes))],
        "faults": list(scale.faults),
    }


def figures_of_size(size: Size, seconds: int) -> dict[str, Any]:
    """One size: its rows, and what an entry takes on disk."""
    return {
        "entries": size.entries,
        "grown_seconds": size.grown_seconds,
        "verified_accounts": size.verified,
        "bytes": size.bytes_of,
        "bytes_per_entry": {name: held / size.entries for name, held in sorted(size.bytes_of.items()) if held},
        "rows": [figures_of_row(one, seconds) for one in size.measured],
    }


def print_scale(said: dict[str, Any]) -> None:
    """A table for each size, then what an entry takes on disk at each of them."""
    console = wide_console()
    for size in said["sizes"]:
        console.print(
            f"{size['entries']:,} entries, {size['verified_accounts']} accounts of a sample verify", highlight=False
        )
        console.print(table_of_rows(size["rows"]))
    console.print(table_of_sizes(said["sizes"]))
    console.print(table_of_targets(said["targets"]))


def table_of_sizes(sizes: list[dict[str, Any]]) -> Table:
    """Bytes for each entry, by table and index; what takes less than a byte is left out."""
    table = Table(title="Bytes on disk for each entry")
    table.add_column("")
    for size in sizes:
        table.add_column(f"{size['entries']:,} entries", justify="right")
    names = {name for name, held in sizes[-1]["bytes_per_entry"].items() if held >= 1}
    for name in sorted(names):
        table.add_row(name, *(f"{size['bytes_per_entry'].get(name, 0):,.0f}" for size in sizes))
    table.add_row("all", *(f"{sum(size['bytes_per_entry'].values()):,.0f}" for size in sizes))
    return table
