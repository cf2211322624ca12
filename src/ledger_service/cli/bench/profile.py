"""`ledger-service profile`: where the time of a request goes, as a flame graph and as microseconds at each station."""

import sys
from pathlib import Path

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def profile(
    scenario: str = typer.Option("earn", help="earn, hot or balance."),
    connections: int = typer.Option(64, min=1, max=1024, help="Callers who each ask again once they are answered."),
    seconds: int = typer.Option(10, min=1, max=600, help="How long it is watched."),
    accounts: int = typer.Option(20_000, min=1, max=10_000_000, help="Accounts, opened beforehand."),
    output: Path | None = typer.Option(None, help="Where the picture goes. Default: loadtests/results/profile.svg."),
) -> None:
    """Load one process of the service and watch where its time goes.

    Draws a flame graph (py-spy, which comes with the development dependencies; as an ordinary user it may need the
    right to trace) and prints the microseconds of a request by station, as /metrics has them. Needs a checkout."""
    from ledger_service.cli.bench.checkout import loadtests_folder
    from ledger_service.cli.bench.clients import client_named
    from ledger_service.cli.bench.profiling import Watch, print_profile, watched
    from ledger_service.cli.console import people
    from ledger_service.cli.dev.postgres import forget_variables

    forget_variables()
    folder = loadtests_folder()
    picture = output or folder / "results" / "profile.svg"
    watch = Watch(scenario, connections, seconds, accounts, picture, Path(sys.executable).with_name("py-spy"))
    console = people()
    print_profile(watched(watch, client_named("", folder), console.print), console)
