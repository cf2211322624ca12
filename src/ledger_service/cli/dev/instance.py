"""One `dev` instance, from a running Postgres to the last word it prints."""

import socket

from rich.panel import Panel

from ledger_service.app import serve
from ledger_service.cli.addresses import address_of
from ledger_service.cli.caller import Caller, CallFailed
from ledger_service.cli.console import is_terminal, people, say_line
from ledger_service.cli.dev import demo, seed
from ledger_service.cli.dev.database import prepare
from ledger_service.cli.dev.files import Files
from ledger_service.cli.dev.postgres import KeptPostgres
from ledger_service.cli.loop import run_to_end
from ledger_service.cli.options import settings_with

SWEEP_SECONDS = 10.0
"""How often due work is done that nobody else did; elsewhere `ledger-service upkeep` does it."""


def run(files: Files, postgres: KeptPostgres, listener: socket.socket, api_key: str | None, *, is_seeded: bool) -> None:
    """Serve until told to stop."""
    prepare(postgres.current, files.service_password())
    run_to_end(serve_demo(files, postgres, listener, api_key, is_seeded=is_seeded))


async def serve_demo(
    files: Files, postgres: KeptPostgres, listener: socket.socket, api_key: str | None, *, is_seeded: bool
) -> None:
    """Serve the demo program, and say how to call it as soon as it can be called."""
    token = await demo.prepare(files, api_key)
    url = address_of(listener)

    async def beside() -> None:
        welcome(files, url, token)
        await show_calls(url, token, is_seeded=is_seeded)
        await postgres.keep()

    settings = settings_with(database_url=files.service_url(), secret=files.secret())
    await serve(settings, listener, beside=beside, sweep_seconds=SWEEP_SECONDS)


def welcome(files: Files, url: str, token: str) -> None:
    """Where everything is: a panel for people, and lines that programs can read."""
    if is_terminal():
        lines = (
            f"API      {url}/v1",
            f"Docs     {url}/docs",
            f"Metrics  {url}/metrics",
            f"Data     {files.directory}",
            f"Postgres {files.service_url()}",
        )
        people().print(Panel("\n".join(lines), title="ledger-service dev", subtitle="Ctrl-C stops it", expand=False))
    say_line(f"listening on {url}")
    say_line(f"api key {token}")
    say_line(f"docs {url}/docs")
    say_line(f"metrics {url}/metrics")


async def show_calls(url: str, token: str, *, is_seeded: bool) -> None:
    """Print calls to paste, once the account they are about is there."""
    account_id = demo.ACCOUNT
    try:
        async with Caller.to(url, token) as caller:
            if is_seeded:
                account_id = await post_seed(caller)
            else:
                await demo.open_account(caller)
    except CallFailed as failure:
        people().print(f"The demo data is not complete: {failure} Start again with --seed to go on.")
    for line in demo.curl_lines(url, token, account_id):
        say_line(line)


async def post_seed(caller: Caller) -> str:
    """Post the sample, saying so; answer the account to play with."""
    people().print("Posting the sample: 12 weeks of purchases of 40 households.")
    tally = await seed.post_sample(caller)
    people().print(f"The sample has {tally.posted + tally.already} purchases, {tally.posted} of them posted now.")
    return seed.FAVOURITE
