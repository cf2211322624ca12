"""`ledger-service dev`: everything on this machine, with one command."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import typer

API_KEY_LENGTHS = range(8, 257)
"""At least what nobody guesses by accident; at most what the service reads of a header."""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@app.command()
def dev(
    port: int = typer.Option(8080, min=0, max=65535, help="Port of the service; 0 takes a free one."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on. The default is this machine only."),
    data_dir: Path | None = typer.Option(
        None,
        help="Where the data is kept. Default: /var/lib/ledger-service for root, else your data directory.",
    ),
    api_key: str | None = typer.Option(
        None, help="Becomes the API key: 8 or more visible ASCII characters. Default: one is made and kept."
    ),
    seed: bool = typer.Option(False, "--seed", help="Post sample data: 12 weeks of purchases of 40 households."),
    database_port: int | None = typer.Option(
        None, min=1, max=65535, help="Port of Postgres. Default: the last one, or any."
    ),
    log_level: LogLevel = typer.Option(LogLevel.WARNING, help="INFO shows every request."),
) -> None:
    """Start a real Postgres, a demo program and the service, on this machine alone and without a network.

    Prints where it listens, the API key, and calls to paste into another terminal. Ctrl-C stops it; the data stays,
    and the next start goes on with it and with the same key. To start afresh, delete the data directory.

    [dim]ledger-service dev --seed[/dim]"""
    from ledger_service.cli.addresses import bind
    from ledger_service.cli.console import people
    from ledger_service.cli.dev.files import Files, default_directory
    from ledger_service.cli.dev.postgres import KeptPostgres
    from ledger_service.logs import logging_to_stderr

    check_api_key(api_key)
    files = Files((data_dir or default_directory()).expanduser().absolute())
    console = people()
    postgres: KeptPostgres | None = None
    with terminating_like_ctrl_c(), logging_to_stderr(log_level.value, readable=True):
        try:
            with bind(host, port) as listener:
                # The rest of the program takes as long to import as Postgres takes to start.
                importing = threading.Thread(target=import_module, args=("ledger_service.cli.dev.instance",))
                importing.start()
                try:
                    postgres = KeptPostgres(files.directory, database_port, console.print)
                finally:
                    importing.join()
                from ledger_service.cli.dev.instance import run

                run(files, postgres, listener, api_key, is_seeded=seed)
        except KeyboardInterrupt:
            console.print("Stopped while it was starting.")
        finally:
            ignore_signals()
            if postgres is not None:
                postgres.stop()
    console.print(f"Stopped. The data is in {files.directory}.")


def check_api_key(api_key: str | None) -> None:
    """Raises Misused for a key that could not be sent in a header."""
    from ledger_service.cli.console import Misused

    if api_key is not None and not (
        len(api_key) in API_KEY_LENGTHS and all("!" <= character <= "~" for character in api_key)
    ):
        raise Misused("--api-key needs 8 to 256 visible ASCII characters, without spaces.")


@contextmanager
def terminating_like_ctrl_c() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as SIGINT does, until the service has handlers of its own."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    # A shell that starts us in the background has SIGINT ignored, and then Python leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ignore_signals() -> None:
    """From now on we are stopping anyway, and Postgres shall write everything down."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
