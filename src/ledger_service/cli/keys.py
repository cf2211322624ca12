"""`ledger-service keys`: the API keys of a program."""

from datetime import UTC, datetime
from pathlib import Path

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

PROGRAM = typer.Option(..., help="The program's slug.")
DATA_DIR = typer.Option(None, help="That of a running `dev`. Default: the database of LEDGER_DATABASE_URL.")


@app.callback()
def keys() -> None:
    """Create, list and revoke API keys. Needs LEDGER_DATABASE_URL and LEDGER_SECRET, or --data-dir."""


@app.command()
def create(
    program: str = PROGRAM,
    source: str = typer.Option(..., help="Who posts with it: a shop chain, a partner, a web shop."),
    scope: list[str] = typer.Option(
        ..., help="What it may do; repeat it: read, earn, redeem, adjust, accounts, admin, operator."
    ),
    expires: str | None = typer.Option(None, help="The first instant at which it is gone: 2027-01-01. Default: never."),
    name: str = typer.Option("", help="What to call it in lists."),
    data_dir: Path | None = DATA_DIR,
) -> None:
    """Create a key and print it. It is shown this once: only a keyed hash of it is stored.

    [dim]ledger-service keys create --program demo --source shop-berlin --scope earn --scope redeem[/dim]"""
    from ledger_service.cli.books import opened_books
    from ledger_service.cli.console import Misused, say_line
    from ledger_service.cli.loop import run_to_end
    from ledger_service.storage.keys import SCOPES

    if unknown := [one for one in scope if one not in SCOPES]:
        raise Misused(f"There is no scope {unknown[0]!r}. There are: {', '.join(SCOPES)}.")
    expires_at = None if expires is None else instant_of(expires)

    async def work() -> tuple[str, str]:
        async with opened_books(data_dir) as books:
            found = await books.program(program)
            key = books.keys.new(found.mode, sorted(set(scope)), source, name, expires_at)
            await books.keys.create(None, found.program_id, key)
            return key.key_id, key.token

    key_id, token = run_to_end(work())
    say_line(f"key id {key_id}")
    say_line(f"api key {token}")


@app.command(name="list")
def list_keys(program: str = PROGRAM, data_dir: Path | None = DATA_DIR) -> None:
    """List a program's keys, oldest first, ended ones too. The keys themselves cannot be shown."""
    from typing import Any

    from ledger_service.cli.books import opened_books
    from ledger_service.cli.loop import run_to_end
    from ledger_service.cli.tables import show

    async def work() -> list[dict[str, Any]]:
        async with opened_books(data_dir) as books:
            return await books.keys.list((await books.program(program)).program_id)

    columns = ("key_id", "name", "source", "scopes", "masked", "created_at", "expires_at", "revoked_at")
    show(columns, [[cell(row[column]) for column in columns] for row in run_to_end(work())])


@app.command()
def revoke(
    key_id: str = typer.Argument(help="As `keys list` shows it."),
    program: str = PROGRAM,
    data_dir: Path | None = DATA_DIR,
) -> None:
    """End a key. Instances that know it still take it for LEDGER_KEY_CACHE_SECONDS, at most 30."""
    from ledger_service.cli.books import opened_books
    from ledger_service.cli.console import Misused, say_line
    from ledger_service.cli.loop import run_to_end

    async def work() -> bool:
        async with opened_books(data_dir) as books:
            return await books.keys.revoke((await books.program(program)).program_id, key_id)

    if not run_to_end(work()):
        raise Misused(f"The program {program!r} has no key {key_id!r}. To see them: keys list --program {program}")
    say_line(f"revoked {key_id}")


def instant_of(text: str) -> datetime:
    """A date or an instant; without an offset it is UTC. Raises Misused."""
    from ledger_service.cli.console import Misused

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Misused(f"--expires: {text!r} is not a date. Write 2027-01-01 or 2027-01-01T12:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def cell(value: object) -> str:
    """A value in a list."""
    if isinstance(value, list | tuple):
        return ",".join(str(one) for one in value)
    return "–" if value in (None, "") else str(value)
