"""The schema: bringing a database to it, and refusing one that is not there."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from ledger_service.errors import SchemaMismatch

ONE_AT_A_TIME = 7_305_113_001
"""Advisory lock under which migrations run, so that two of them wait for each other."""


def migrations_folder() -> Path:
    """Where the migrations are: inside the installed package, or beside `src` in a checkout."""
    installed = Path(__file__).parents[1] / "_migrations"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "migrations"


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("prepend_sys_path", str(migrations_folder()))
    config.set_main_option("path_separator", "newline")
    return config


def head_revision() -> str:
    """The revision that this version of the service needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise SchemaMismatch("this installation has no migrations")
    return head


def migrate(url: str) -> None:
    """Bring the database to the head revision, then analyse it. Safe to repeat, and to run twice at once.

    The URL's role must be able to create roles (the first time) and to act as `ledger_owner`.
    """
    asyncio.run(_migrate(url))


async def _migrate(url: str) -> None:
    engine = create_async_engine(driver_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_lock({ONE_AT_A_TIME})")
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.commit()
            # A fresh schema without statistics gets plans that stay bad for hours.
            await connection.exec_driver_sql("ANALYZE")
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    roles = (migrations_folder() / "sql" / "roles.sql").read_text()
    connection.exec_driver_sql("SET lock_timeout = '2s'")
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101 - the connection is open
    raw.run_async(lambda driver: driver.execute(roles))
    connection.exec_driver_sql("SET ROLE ledger_owner")
    connection.commit()
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.exec_driver_sql("GRANT SELECT ON ledger.schema_version TO ledger_service, ledger_read")
    connection.exec_driver_sql("RESET ROLE")


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
    """Refuse a database whose schema is not the one this version serves. Raises SchemaMismatch."""
    head = head_revision()
    try:
        revisions = await connection.fetch("SELECT version_num FROM ledger.schema_version")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError):
        raise SchemaMismatch("this database has no ledger yet: run `ledger-service migrate`") from None
    found = [row["version_num"] for row in revisions]
    if found != [head]:
        raise SchemaMismatch(
            f"the database is at revision {found}, this version needs {head}: run `ledger-service migrate`"
        )
