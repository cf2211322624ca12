"""Bringing the cluster's primary to where the service can use it, and a demo program to where people can."""

from pathlib import Path

from ledger_service.cli.caller import Caller
from ledger_service.cli.cluster.files import ClusterFiles
from ledger_service.cli.cluster.state import ClusterState
from ledger_service.cli.dev import demo
from ledger_service.cli.dev.database import CREATE, LET_IN
from ledger_service.cli.dev.files import DATABASE, ROLE
from ledger_service.cli.loop import run_to_end
from ledger_service.cli.psql import Psql


def prepare(files: ClusterFiles, bin_dir: Path, port: int) -> None:
    """Create the database on the primary's port, bring it to our schema, let the service log in, and make the demo
    program and its API key. Safe to repeat. Raises PsqlFailed when Postgres refuses."""
    from ledger_service.storage.migrations import migrate

    url = files.superuser_url(port, DATABASE)
    Psql(bin_dir, files.superuser_url(port, "postgres")).run(CREATE, name=DATABASE)
    migrate(url)
    Psql(bin_dir, url).run(LET_IN, role=ROLE, password=files.service_password())
    run_to_end(demo.prepare(files, None))


def open_account(state: ClusterState) -> None:
    """Open the account of the calls that are printed, unless it is there. Raises CallFailed."""

    async def open_it() -> None:
        async with Caller.to(state.url, state.api_key) as caller:
            await demo.open_account(caller)

    run_to_end(open_it())
