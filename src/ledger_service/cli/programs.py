"""`ledger-service programs`: the loyalty programs of a database."""

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

SLUG = re.compile(r"[a-z0-9-]{1,40}")
DATA_DIR = typer.Option(None, help="That of a running `dev`. Default: the database of LEDGER_DATABASE_URL.")


class Mode(StrEnum):
    """Whether a program is for customers, or for tests with a clock of its own."""

    LIVE = "live"
    TEST = "test"


@app.callback()
def programs() -> None:
    """Create and list loyalty programs. Needs LEDGER_DATABASE_URL and LEDGER_SECRET, or --data-dir."""


@app.command()
def create(
    slug: str = typer.Argument(help="Its name in logs and lists: 1 to 40 of a-z 0-9 -"),
    mode: Mode = typer.Option(Mode.LIVE, help="Test programs have a clock that you move."),
    source: str = typer.Option("head-office", help="Who posts with its first key."),
    data_dir: Path | None = DATA_DIR,
) -> None:
    """Create a program and print its first key, which has scope admin. The key is shown this once.

    [dim]ledger-service programs create coffee-club[/dim]"""
    from ledger_service.cli.console import Misused, say_line

    if not SLUG.fullmatch(slug):
        raise Misused(f"{slug!r} is no slug: 1 to 40 of a-z 0-9 and -")

    from ledger_service.cli.books import opened_books
    from ledger_service.cli.loop import run_to_end
    from ledger_service.ledger.outcomes import Refused

    async def work() -> str:
        async with opened_books(data_dir) as books:
            key = books.keys.new(mode.value, ("admin",), source, name="first key")
            outcome = await books.programs.create(None, slug, mode.value, {}, None, key)
            if isinstance(outcome, Refused):
                raise Misused(f"There is a program {slug!r} already.")
            return key.token

    say_line(f"api key {run_to_end(work())}")


@app.command(name="list")
def list_programs(data_dir: Path | None = DATA_DIR) -> None:
    """List all programs, oldest first."""
    from ledger_service.cli.books import opened_books
    from ledger_service.cli.loop import run_to_end
    from ledger_service.cli.tables import show
    from ledger_service.storage.programs import Program

    async def work() -> Sequence[Program]:
        async with opened_books(data_dir) as books:
            return await books.programs.list()

    rows = [(one.slug, one.mode, str(one.version)) for one in run_to_end(work())]
    show(("program", "mode", "version"), rows)
