"""`ledger-service serve`: the service against a database that is already there."""

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def serve(
    host: str | None = typer.Option(None, help="Address to listen on. [dim]LEDGER_HOST[/dim]"),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port; 0 takes a free one. [dim]LEDGER_PORT[/dim]"),
    admin_port: int | None = typer.Option(
        None,
        min=0,
        max=65535,
        help="A port of its own for probes, metrics and docs. [dim]LEDGER_ADMIN_PORT[/dim]",
    ),
) -> None:
    """Serve the books of [bold]LEDGER_DATABASE_URL[/bold] until SIGTERM or Ctrl-C.

    One process, one port: start one per core and put a proxy in front. All settings are environment variables that
    begin with LEDGER_; two have no default: LEDGER_DATABASE_URL (as the role ledger_service) and LEDGER_SECRET.

    A stop turns /readyz off, takes nothing new, finishes every request it has, and then ends with 0."""
    from ledger_service.cli.addresses import address_of, bind
    from ledger_service.cli.console import say_line
    from ledger_service.cli.loop import run_to_end
    from ledger_service.cli.options import settings_with
    from ledger_service.logs import logging_to_stderr

    settings = settings_with(host=host, port=port, admin_port=admin_port)
    listener = bind(settings.host, settings.port)
    admin_listener = None if settings.admin_port is None else bind(settings.host, settings.admin_port)

    from ledger_service.app import serve as serve_until_stopped

    async def announce() -> None:
        say_line(f"listening on {address_of(listener)}")
        if admin_listener is not None:
            say_line(f"admin on {address_of(admin_listener)}")

    with logging_to_stderr(settings.log_level, readable=False):
        run_to_end(serve_until_stopped(settings, listener, admin_listener=admin_listener, beside=announce))
