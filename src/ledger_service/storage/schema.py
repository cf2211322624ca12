"""The schema: which one this version of the service needs, and refusing a database that is not there yet."""

from pathlib import Path

import asyncpg

from ledger_service.errors import SchemaMismatch


def migrations_folder() -> Path:
    """Where the migrations are: inside the installed package, or beside `src` in a checkout."""
    installed = Path(__file__).parents[1] / "_migrations"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "migrations"


def head_revision() -> str:
    """The revision that this version of the service needs: that of the last file in `migrations/versions`.

    Raises SchemaMismatch when this installation has none.
    """
    names = sorted(path.name for path in (migrations_folder() / "versions").glob("[0-9]*.py"))
    if not names:
        raise SchemaMismatch("this installation has no migrations")
    return names[-1].split("_", 1)[0]


def driver_url(url: str) -> str:
    """A plain `postgresql://` URL as SQLAlchemy wants it for asyncpg."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("a database URL begins with postgresql://")
    return f"postgresql+asyncpg://{rest}"


def plain_url(url: str) -> str:
    """Any accepted form of a database URL as asyncpg itself wants it."""
    return driver_url(url).replace("postgresql+asyncpg", "postgresql", 1)


async def require_schema(connection: asyncpg.Connection) -> None:
    """Refuse a database whose schema is older than the one this version was written for. Raises SchemaMismatch.

    A newer one is served: migrations only add what older versions do not ask for, until no older version runs (expand,
    then contract), so that a deploy can take its time and be taken back.
    """
    head = head_revision()
    try:
        revisions = await connection.fetch("SELECT version_num FROM ledger.schema_version")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError):
        raise SchemaMismatch("this database has no ledger yet: run `ledger-service migrate`") from None
    found = [row["version_num"] for row in revisions]
    if len(found) != 1 or found[0] < head:
        raise SchemaMismatch(
            f"the database is at revision {found}, this version needs {head}: run `ledger-service migrate`"
        )
