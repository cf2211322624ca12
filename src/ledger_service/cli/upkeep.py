"""`ledger-service upkeep`: do the due work of accounts that nobody touches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ledger_service.cli.console import Misused, people, say_line

if TYPE_CHECKING:
    from ledger_service.settings import Settings
    from ledger_service.upkeep.sweeper import Swept

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

ACCOUNTS_BETWEEN_LINES = 10_000
"""How often progress is told when nobody looks at a terminal."""


@app.command()
def upkeep(
    once: bool = typer.Option(False, "--once", help="Do what is due now, and end. For a scheduler of your own."),
    interval: float = typer.Option(60.0, min=0.1, help="Seconds between two sweeps."),
    metrics_port: int | None = typer.Option(None, min=0, max=65535, help="Serve /metrics on this port."),
    metrics_host: str = typer.Option("127.0.0.1", help="Address of --metrics-port. The default is this machine only."),
    data_dir: Path | None = typer.Option(
        None, help="The books of the running `ledger-service dev` that keeps its data here."
    ),
) -> None:
    """Expire points, release holds that timed out and look at tiers, for accounts that nobody touches: in the books of
    [bold]LEDGER_DATABASE_URL[/bold].

    Balances are right without it: whoever reads or changes an account counts its due work as done at its instant. This
    writes it down, so that reports, events and history are complete. Run one or several; each account's work is done
    once. When none runs, nothing is lost: the next one does it all.

    [dim]ledger-service upkeep --once[/dim]

    Ends with 0; with --once 1 when something could not be done."""
    from ledger_service.cli.loop import run_to_end
    from ledger_service.logs import logging_to_stderr

    settings = _settings(data_dir)
    with logging_to_stderr(settings.log_level, readable=sys.stderr.isatty()):
        if metrics_port is not None:
            _serve_metrics(metrics_port, metrics_host)
        if once:
            swept = run_to_end(_once(settings))
            raise typer.Exit(1 if swept.failed else 0)
        run_to_end(_until_stopped(settings, interval))


def _settings(data_dir: Path | None) -> Settings:
    from ledger_service.cli.dev.files import Files
    from ledger_service.cli.options import settings_without_secret

    return settings_without_secret(database_url=None if data_dir is None else Files(data_dir).service_url())


def _serve_metrics(port: int, host: str) -> None:
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(port, host)
    except OSError as error:
        raise Misused(f"--metrics-port {port} of {host} cannot be used: {error.strerror}.") from None
    say_line(f"metrics http://{host}:{server.server_port}/metrics")


async def _once(settings: Settings) -> Swept:
    from ledger_service.app import opening_sweeper

    async with opening_sweeper(settings) as sweeper:
        with _showing() as (begun, advance):
            swept = await sweeper.sweep(begun, advance)
    say_line(summary_line(swept))
    return swept


async def _until_stopped(settings: Settings, interval: float) -> None:
    from ledger_service.app import opening_sweeper, stop_signals, until_stopped

    def tell(swept: Swept) -> None:
        if swept.settled or swept.failed:
            say_line(summary_line(swept))

    with stop_signals() as stopped:
        async with opening_sweeper(settings) as sweeper:
            say_line(f"sweeping every {interval:g} seconds")
            await until_stopped(stopped, lambda: sweeper.run(interval, tell))


def summary_line(swept: Swept) -> str:
    """What a sweep did."""
    line = f"settled {swept.settled:,} of {swept.found:,} accounts with due work"
    if swept.failed:
        line += f", {swept.failed:,} failed and are tried again: {swept.failure}"
    return line


@contextmanager
def _showing() -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Two functions to be told: how many accounts there are, and of every one that was dealt with."""
    if sys.stderr.isatty():
        with _bar() as told:
            yield told
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("accounts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=people()) as progress:
        task = progress.add_task("accounts", total=None)
        yield lambda total: progress.update(task, total=total), lambda accounts: progress.advance(task, accounts)


def _lines() -> tuple[Callable[[int], None], Callable[[int], None]]:
    console = people()
    done = total = 0

    def begun(accounts: int) -> None:
        nonlocal total
        total = accounts

    def advance(accounts: int) -> None:
        nonlocal done
        done += accounts
        if done % ACCOUNTS_BETWEEN_LINES < accounts:
            console.print(f"{done:,} of {total:,} accounts")

    return begun, advance
