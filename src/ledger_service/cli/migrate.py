"""`ledger-service migrate`: bring a database to the schema of this version."""

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def migrate(
    url: str = typer.Option(
        ...,
        envvar="LEDGER_MIGRATION_URL",
        show_envvar=True,
        help="The database, as a role that may create roles the first time and owns the schema after.",
    ),
) -> None:
    """Bring a database to the schema of this version. Safe to repeat, and to run twice at once.

    Instances of the last version may run meanwhile: migrate first, then deploy. The first time, let the service's role
    log in afterwards: [bold]ALTER ROLE ledger_service LOGIN PASSWORD '…'[/bold]"""
    from ledger_service.cli.console import Misused, say_line
    from ledger_service.storage.migrations import migrate as bring_to_head
    from ledger_service.storage.schema import head_revision

    try:
        bring_to_head(url)
    except (OSError, ValueError) as error:
        raise Misused(f"The database of LEDGER_MIGRATION_URL cannot be reached: {error}.") from error
    say_line(f"the database is at revision {head_revision()}")
