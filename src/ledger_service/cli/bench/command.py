"""`ledger-service bench`: how many requests a second this machine gives, and whether each of them is in the books."""

from enum import StrEnum
from pathlib import Path

import typer

app = typer.Typer(rich_markup_mode="rich")


class Scenario(StrEnum):
    """What is asked for."""

    EARN = "earn"
    BALANCE = "balance"
    HOT = "hot"


@app.command()
def bench(
    scenario: Scenario = typer.Option(
        Scenario.EARN, help="earn: spread over all accounts. hot: all on one account. balance: reads."
    ),
    connections: int = typer.Option(64, min=1, max=1024, help="Callers who each ask again once they are answered."),
    seconds: int = typer.Option(5, min=1, max=600, help="Length of a round, in seconds."),
    warm_up: int = typer.Option(1, min=0, max=60, help="Seconds before each round that do not count."),
    rounds: int = typer.Option(3, min=1, max=100, help="Rounds of each, in turns."),
    accounts: int = typer.Option(20_000, min=1, max=10_000_000, help="Accounts, opened beforehand."),
    client: str = typer.Option("", help="wrk or own. Default: wrk where it is installed."),
    output: Path | None = typer.Option(None, help="Where the figures go. Default: loadtests/results/latest.json."),
) -> None:
    """Measure the service beside the usual way (FastAPI and a SQLAlchemy session per request) on a Postgres of its own.

    Needs a checkout, where the usual way is: loadtests/usual_way. Both are one process, on the same Postgres with fsync
    on, in turns, asked by the same client. Let nothing else run beside it.

    Ends with 1 when a request was refused or lost, when the books do not have exactly what was acknowledged, or when
    they do not verify. It is the figures that say how fast it was, never the exit code."""
    from ledger_service.cli.bench.checkout import loadtests_folder
    from ledger_service.cli.bench.clients import client_named
    from ledger_service.cli.bench.measuring import Plan, measure
    from ledger_service.cli.bench.report import faults_of, print_table, write_figures
    from ledger_service.cli.console import people, say_line
    from ledger_service.cli.dev.command import terminating_like_ctrl_c
    from ledger_service.cli.dev.postgres import forget_variables

    folder = loadtests_folder()
    plan = Plan(scenario, connections, seconds, warm_up, rounds, accounts)
    console = people()
    forget_variables()
    with terminating_like_ctrl_c():
        try:
            results = measure(plan, folder, client_named(client, folder), console.print)
        except KeyboardInterrupt:
            console.print("Stopped; nothing was measured.")
            raise typer.Exit(130) from None
    path = output or folder / "results" / "latest.json"
    write_figures(path, results)
    print_table(results)
    say_line(f"figures: {path}")
    faults = faults_of(results)
    for fault in faults:
        console.print(f"[bold red]fault:[/bold red] {fault}")
    if faults:
        raise typer.Exit(1)
