"""Bringing the embedded Postgres to where the service can use it."""

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ledger_service.cli.dev.files import DATABASE, ROLE
from ledger_service.embedded import EmbeddedFailure, EmbeddedPostgres

# psql runs what the query answers: there is no CREATE DATABASE IF NOT EXISTS.
CREATE = r"""
SELECT format('CREATE DATABASE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
"""
LET_IN = "ALTER ROLE :\"role\" LOGIN PASSWORD :'password';"


def prepare(postgres: EmbeddedPostgres, password: str) -> None:
    """Create the database, bring it to our schema, and let the service log in. Safe to repeat.

    Raises EmbeddedFailure when Postgres refuses."""
    from ledger_service.storage.migrations import migrate

    run_sql(postgres, "postgres", CREATE, name=DATABASE)
    migrate(postgres.url(DATABASE))
    run_sql(postgres, DATABASE, LET_IN, role=ROLE, password=password)


def run_sql(postgres: EmbeddedPostgres, database: str, script: str, **variables: str) -> None:
    """Run a script as the superuser, with its variables. They and the password stay out of the arguments, which
    everyone on the machine may see."""
    ended = subprocess.run(
        [Path(postgres.bin_dir) / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1"],
        input="".join(f"\\set {name} '{value}'\n" for name, value in variables.items()) + script,
        env={**os.environ, **connection_variables(postgres.url(database))},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise EmbeddedFailure(f"Postgres refused to be prepared: {ended.stderr.strip()}")


def connection_variables(url: str) -> dict[str, str]:
    """A URL as the environment of a Postgres program."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }
