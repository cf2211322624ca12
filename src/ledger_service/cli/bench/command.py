"""`ledger-service bench`: how many requests a second this machine gives, and whether each of them is in the books."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import typer

app = typer.Typer(rich_markup_mode="rich")

Figures = TypeVar("Figures")


class Scenario(StrEnum):
    """What is asked for."""

    EARN = "earn"
    BALANCE = "balance"
    HOT = "hot"
    SHOP = "shop"
    PROGRAMS = "programs"
    BULK = "bulk"


class Keys(StrEnum):
    """How idempotency keys come."""

    IN_ORDER = "in-order"
    RANDOM = "random"


@app.command()
def bench(
    scenario: Scenario = typer.Option(
        Scenario.EARN,
        help="earn: spread over all accounts. hot: all on one account. balance: reads. shop: 70 % balance, 20 % earn, "
        "8 % redeem, 2 % hold and capture. programs: earns of 1,000 programs. bulk: 1,000 earns a call. The last three "
        "are asked of the service alone.",
    ),
    everything: bool = typer.Option(
        False,
        "--all",
        help="Instead: all scenarios, everyone side by side, open loops, memory and charts, with the ratios beside "
        "their targets. About 45 minutes.",
    ),
    scale: str | None = typer.Option(
        None, help="Instead: the service with so many entries in its books: 1000000,10000000,50000000."
    ),
    long_lived: bool = typer.Option(
        False,
        "--long-lived",
        help="Instead: an account of 100,000 entries and 400 open lots beside new ones, redeem and balance.",
    ),
    connections: int | None = typer.Option(
        None,
        min=1,
        max=1024,
        help="Callers who each ask again once they are answered. Default: 64; of bulks 4; with --long-lived 1. "
        "--all and --scale have several.",
    ),
    processes: int = typer.Option(1, min=1, max=2, help="2: two processes of the service beside one."),
    seconds: int = typer.Option(5, min=1, max=600, help="Length of a round, in seconds."),
    warm_up: int = typer.Option(1, min=0, max=60, help="Seconds before each round that do not count."),
    rounds: int | None = typer.Option(
        None, min=1, max=100, help="Rounds of each, in turns. Default: 3; with --all, --scale and --long-lived 5."
    ),
    accounts: int | None = typer.Option(
        None,
        min=1,
        max=10_000_000,
        help="Accounts, opened beforehand. Default: 20,000; with --all and --scale 200,000.",
    ),
    programs: int = typer.Option(1000, min=1, max=10_000, help="Programs of the scenario of that name."),
    keys: Keys = typer.Option(
        Keys.IN_ORDER,
        help="How idempotency keys come: in the order in which they are made, as UUIDs of version 7 do, or random. Not "
        "for earn, hot and balance beside the usual way.",
    ),
    soak: int = typer.Option(300, min=0, max=86_400, help="With --all: seconds of full load to watch the memory for."),
    year: Path | None = typer.Option(
        None, help="With --all: a year of baskets as CSV, lived once, as `ledger-service year --file` takes it."
    ),
    year_lines: Path | None = typer.Option(None, help="With --year: lines of some of the baskets."),
    year_limit: int | None = typer.Option(None, min=1, help="With --year: about so many baskets of it."),
    client: str = typer.Option("", help="wrk or own. Default: wrk where it is installed."),
    output: Path | None = typer.Option(
        None,
        help="Where the figures go; charts go beside them. Default: in loadtests/results, latest.json of --all, "
        "scale.json, long-lived.json, or the scenario's name.",
    ),
) -> None:
    """Measure the service beside the usual way (FastAPI and a SQLAlchemy session per request) on a Postgres of its own;
    with --all beside one SQL function per request and pgbench too.

    Needs a checkout, where the others are: loadtests. All are on the same Postgres with fsync on, in turns, asked by
    the same client. Let nothing else run beside it.

    Ends with 1 when a request was refused or lost, when the books do not have exactly what was acknowledged, or when
    they do not verify. It is the figures that say how fast it was, never the exit code."""
    if long_lived:
        compare_lives(connections or 1, seconds, warm_up, rounds or 5, output)
    elif scale is not None:
        from ledger_service.cli.bench.whole_runs import scaled

        scaled(scale, seconds, warm_up, rounds or 5, accounts or 200_000, keys.value, client, output)
    elif everything:
        from ledger_service.cli.bench.rounds import Plan
        from ledger_service.cli.bench.whole_runs import side_by_side
        from ledger_service.cli.bench.year import YearFiles

        files = None if year is None else YearFiles(year, year_lines, year_limit)
        plan = Plan(
            seconds=seconds,
            warm_up=warm_up,
            rounds=rounds or 5,
            accounts=accounts or 200_000,
            programs=programs,
            keys=keys.value,
            soak_seconds=soak,
            year=files,
        )
        side_by_side(plan, client, output, "latest.json")
    elif processes == 2 or scenario in (Scenario.SHOP, Scenario.PROGRAMS, Scenario.BULK):
        from ledger_service.cli.bench.rounds import Plan
        from ledger_service.cli.bench.rows import rows_of
        from ledger_service.cli.bench.whole_runs import side_by_side

        plan = Plan(
            rows=rows_of(scenario.value, connections, processes),
            shares=(),
            seconds=seconds,
            warm_up=warm_up,
            rounds=rounds or 3,
            accounts=accounts or 20_000,
            programs=programs,
            keys=keys.value,
            soak_seconds=0,
        )
        side_by_side(plan, client, output, f"{scenario.value}.json")
    else:
        race(scenario, connections or 64, seconds, warm_up, rounds or 3, accounts or 20_000, client, output)


def race(
    scenario: Scenario,
    connections: int,
    seconds: int,
    warm_up: int,
    rounds: int,
    accounts: int,
    client: str,
    output: Path | None,
) -> None:
    """The service beside the usual way."""
    from ledger_service.cli.bench.checkout import loadtests_folder
    from ledger_service.cli.bench.clients import client_named
    from ledger_service.cli.bench.measuring import Plan, measure
    from ledger_service.cli.bench.report import faults_of, figures, print_table, write_figures

    folder = loadtests_folder()
    plan = Plan(scenario, connections, seconds, warm_up, rounds, accounts)
    results = measured(lambda say: measure(plan, folder, client_named(client, folder), say))
    path = output or folder / "results" / f"{scenario.value}.json"
    write_figures(path, figures(results))
    print_table(results)
    tell(path, faults_of(results))


def compare_lives(connections: int, seconds: int, warm_up: int, rounds: int, output: Path | None) -> None:
    """Accounts with a long life behind them beside new ones."""
    from ledger_service.cli.bench.checkout import loadtests_folder
    from ledger_service.cli.bench.comparing import Comparison, compare
    from ledger_service.cli.bench.comparison_report import faults_of, figures, print_table
    from ledger_service.cli.bench.lives import Shape
    from ledger_service.cli.bench.report import write_figures

    path = output or loadtests_folder() / "results" / "long-lived.json"
    comparison = Comparison(connections, seconds, warm_up, rounds, Shape())
    compared = measured(lambda say: compare(comparison, say))
    write_figures(path, figures(compared))
    print_table(compared)
    tell(path, faults_of(compared))


def measured(measure: Callable[[Callable[[str], None]], Figures]) -> Figures:
    """Measure, and stop everything when we are asked to."""
    from ledger_service.cli.console import people
    from ledger_service.cli.dev.command import terminating_like_ctrl_c
    from ledger_service.cli.dev.postgres import forget_variables

    console = people()
    forget_variables()
    with terminating_like_ctrl_c():
        try:
            return measure(console.print)
        except KeyboardInterrupt:
            console.print("Stopped before the end.")
            raise typer.Exit(130) from None


def tell(path: Path, faults: list[str]) -> None:
    """Where the figures are, and every fault; a fault ends with 1."""
    from ledger_service.cli.console import people, say_line

    say_line(f"figures: {path}")
    for fault in faults:
        people().print(f"[bold red]fault:[/bold red] {fault}")
    if faults:
        raise typer.Exit(1)
