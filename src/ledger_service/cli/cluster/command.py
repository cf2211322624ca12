"""`ledger-service cluster`: a highly available service on one machine, to be tried and to be broken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ledger_service.cli.cluster.cluster import Cluster

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

FOLDER = typer.Option(
    None,
    help="Where everything is kept. Default: /var/lib/ledger-service/cluster for root, else in your data directory.",
)


@app.callback()
def cluster() -> None:
    """Three Postgres under Patroni with etcd, two instances of the service, and HAProxy before both: on this machine
    alone, on loopback ports, in the settings that deploy/ha has for machines of their own.

    Needs [bold]apt-get install etcd-server haproxy[/bold] and [bold]pip install 'ledger-service[cluster]'[/bold]."""


@app.command()
def check() -> None:
    """Say whether a cluster can run on this machine, and what is missing if not. Ends with 1 then."""
    import tempfile

    from ledger_service.cli.cluster.installed import find_installed
    from ledger_service.cli.console import people

    with tempfile.TemporaryDirectory(prefix="ledger-check-") as folder:
        Path(folder).chmod(0o755)
        find_installed(Path(folder))
    people().print("A cluster can run here.")


@app.command()
def up(folder: Path | None = FOLDER) -> None:
    """Start the cluster, or what does not run of it, and leave it running.

    Prints where the API is, the API key, a call to paste, and where the logs are."""
    from ledger_service.cli.cluster.cluster import Cluster
    from ledger_service.cli.cluster.layout import folder_of
    from ledger_service.cli.cluster.state import FILE
    from ledger_service.cli.cluster.status import is_well
    from ledger_service.cli.console import people

    folder = folder_of(folder)
    if (folder / FILE).exists() and is_well(running := Cluster.load(folder)):
        people().print("The cluster is running already.")
    else:
        running = Cluster.start(folder, people().print)
    welcome(running)


@app.command()
def status(folder: Path | None = FOLDER) -> None:
    """Show every node, instance and the proxy. Ends with 1 when anything is not well."""
    from ledger_service.cli.cluster.cluster import Cluster
    from ledger_service.cli.cluster.layout import folder_of
    from ledger_service.cli.cluster.status import HEADER, is_well, rows
    from ledger_service.cli.tables import show

    shown = Cluster.load(folder_of(folder))
    show(HEADER, rows(shown.state))
    raise typer.Exit(0 if is_well(shown) else 1)


@app.command()
def down(
    folder: Path | None = FOLDER,
    wipe: bool = typer.Option(False, "--wipe", help="Delete everything too: books, keys and logs."),
) -> None:
    """Stop the cluster in good order. Its books stay, and `up` goes on with them."""
    from ledger_service.cli.cluster.cluster import Cluster
    from ledger_service.cli.cluster.layout import folder_of
    from ledger_service.cli.cluster.layout import wipe as wipe_folder
    from ledger_service.cli.console import people

    stopping = Cluster.load(folder_of(folder))
    stopping.stop(people().print)
    if wipe:
        wipe_folder(stopping.state)
    people().print("Stopped and deleted." if wipe else f"Stopped. The books are in {stopping.state.folder}.")


def welcome(running: Cluster) -> None:
    """Where everything is, in lines that programs can read."""
    from ledger_service.cli.console import say_line
    from ledger_service.cli.dev import demo

    state = running.state
    say_line(f"listening on {state.url}")
    say_line(f"api key {state.api_key}")
    say_line(f"database rw port {state.rw_port}, ro port {state.ro_port}")
    say_line(f"logs {state.logs}")
    for line in demo.curl_lines(state.url, state.api_key, demo.ACCOUNT):
        say_line(line)
