"""Bringing the embedded Postgres to where the service can use it."""

from ledger_service.cli.dev.files import DATABASE, ROLE
from ledger_service.cli.psql import Psql
from ledger_service.embedded import EmbeddedPostgres

# psql runs what the query answers: there is no CREATE DATABASE IF NOT EXISTS.
CREATE = r"""
SELECT format('CREATE DATABASE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
"""
LET_IN = "ALTER ROLE :\"role\" LOGIN PASSWORD :'password';"


def prepare(postgres: EmbeddedPostgres, password: str) -> None:
    """Create the database, bring it to our schema, and let the service log in. Safe to repeat.

    Raises PsqlFailed when Postgres refuses."""
    from ledger_service.storage.migrations import migrate

    run_sql(postgres, "postgres", CREATE, name=DATABASE)
    migrate(postgres.url(DATABASE))
    run_sql(postgres, DATABASE, LET_IN, role=ROLE, password=password)


def run_sql(postgres: EmbeddedPostgres, database: str, script: str, **variables: str) -> str:
    """Run a script as the superuser of an embedded Postgres. Raises PsqlFailed."""
    return Psql(postgres.bin_dir, postgres.url(database)).run(script, **variables)
