"""Bringing the cluster's primary to where the service can use it, and a demo program to where people can."""

import os
import subprocess
from pathlib import Path

from ledger_service.cli.caller import Caller
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.cluster.files import ClusterFiles
from ledger_service.cli.cluster.state import ClusterState
from ledger_service.cli.dev import demo
from ledger_service.cli.dev.database import CREATE, LET_IN, connection_variables
from ledger_service.cli.dev.files import DATABASE, ROLE
from ledger_service.cli.loop import run_to_end


def prepare(files: ClusterFiles, bin_dir: Path, port: int) -> None:
    """Create the database on the primary's port, bring it to our schema, let the service log in, and make the demo
    program and its API key. Safe to repeat. Raises ClusterFailure when Postgres refuses."""
    from ledger_service.storage.migrations import migrate

    run_sql(bin_dir, files.superuser_url(port, "postgres"), CREATE, name=DATABASE)
    migrate(files.superuser_url(port, DATABASE))
    run_sql(bin_dir, files.superuser_url(port, DATABASE), LET_IN, role=ROLE, password=files.service_password())
    run_to_end(demo.prepare(files, None))


def open_account(state: ClusterState) -> None:
    """Open the account of the calls that are printed, unless it is there. Raises CallFailed."""

    async def open_it() -> None:
        async with Caller.to(state.url, state.api_key) as caller:
            await demo.open_account(caller)

    run_to_end(open_it())


def run_sql(bin_dir: Path, url: str, script: str, **variables: str) -> str:
    """Run a script with its variables and answer what it says. The passwords stay out of the arguments, which everyone
    on the machine may see. Raises ClusterFailure."""
    ended = subprocess.run(
        [bin_dir / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"],
        input="".join(f"\\set {name} '{value}'\n" for name, value in variables.items()) + script,
        env={**os.environ, **connection_variables(url)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise ClusterFailure(f"Postgres refused: {ended.stderr.strip()}")
    return ended.stdout.strip()
