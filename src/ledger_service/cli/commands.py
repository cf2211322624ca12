"""The commands of `ledger-service`, and what happens when one of them cannot do what it was asked."""

import sys
from typing import ClassVar

import typer

from ledger_service.cli.lazy import LazyGroup, Place
from ledger_service.errors import Failure

START = "Start here"
OPERATE = "Operate"


class Commands(LazyGroup):
    """All commands, in the order in which they are listed."""

    places: ClassVar[dict[str, Place]] = {
        "dev": Place(
            "ledger_service.cli.dev.command",
            "Everything on this machine: Postgres, a demo program, the service.",
            START,
        ),
        "import": Place("ledger_service.cli.purchases.command", "Post purchases from a CSV file.", START),
        "year": Place("ledger_service.cli.year.command", "Live a year of real purchases, and check the books.", START),
        "serve": Place("ledger_service.cli.serve", "Serve the books of LEDGER_DATABASE_URL.", OPERATE),
        "upkeep": Place("ledger_service.cli.upkeep", "Do the due work of accounts that nobody touches.", OPERATE),
        "migrate": Place("ledger_service.cli.migrate", "Bring a database to the schema of this version.", OPERATE),
        "verify": Place("ledger_service.cli.verify", "Recompute all books and say exactly what is wrong.", OPERATE),
        "cluster": Place(
            "ledger_service.cli.cluster.command", "A service of three Postgres on this machine, to be broken.", OPERATE
        ),
        "drill": Place("ledger_service.cli.drill.command", "Break things under load: is anything lost?", OPERATE),
        "bench": Place("ledger_service.cli.bench.command", "Measure the service on this machine.", OPERATE),
        "profile": Place("ledger_service.cli.bench.profile", "Where the time of a request goes.", OPERATE),
        "programs": Place("ledger_service.cli.programs", "Create and list loyalty programs.", OPERATE),
        "keys": Place("ledger_service.cli.keys", "Create, list and revoke API keys.", OPERATE),
    }


app = typer.Typer(
    cls=Commands,
    name="ledger-service",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Try it: [bold]ledger-service dev --seed[/bold], then paste one of the curl lines it prints.",
)


def print_version(wanted: bool) -> None:
    """Print the version and end, if wanted."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ledger-service {version('ledger-service')}")
        raise typer.Exit


@app.callback()
def ledger_service(
    version: bool = typer.Option(
        False, "--version", callback=print_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """The points ledger that loyalty programs run on: earn, redeem and balance, exactly once, on Postgres."""


def run() -> None:
    """Run the command line. A failure is one line that says what to do next, and exit code 1."""
    try:
        app()
    except Failure as failure:
        from rich.console import Console

        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/bold red] {escaped(failure)}", highlight=False)
        sys.exit(1)


def escaped(failure: Failure) -> str:
    """The failure's text, with nothing in it that would be taken for markup."""
    from rich.markup import escape

    return escape(str(failure) or type(failure).__name__)
