"""Migrations: bringing a database to the schema. What only asks for the schema does not need Alembic: `schema.py`."""

import asyncio

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ledger_service.storage.schema import driver_url, migrations_folder

ONE_AT_A_TIME = 7_305_113_001
"""Advisory lock under which migrations run, so that two of them wait for each other."""

ASKED_AGAIN_AFTER_SECONDS = 0.1
"""How long a migration waits before it looks again whether another one is done: nobody notices either."""


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("prepend_sys_path", str(migrations_folder()))
    config.set_main_option("path_separator", "newline")
    return config


def migrate(url: str) -> None:
    """Bring the database to the head revision, then analyse it. Safe to repeat, and to run twice at once.

    The URL's role must be able to create roles (the first time) and to act as `ledger_owner`.
    """
    asyncio.run(_migrate(url))


async def _migrate(url: str) -> None:
    engine = create_async_engine(driver_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await _wait_for_our_turn(connection)
            await connection.run_sync(_upgrade)
            await connection.commit()
            # A fresh schema without statistics gets plans that stay bad for hours.
            await connection.exec_driver_sql("ANALYZE")
            await connection.commit()
    finally:
        await engine.dispose()


async def _wait_for_our_turn(connection: AsyncConnection) -> None:
    # Asked again and again: who waits inside a statement holds a snapshot, and an index that is built concurrently by
    # the other one would wait for that in turn.
    while not (await connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({ONE_AT_A_TIME})")).scalar_one():
        await connection.commit()
        await asyncio.sleep(ASKED_AGAIN_AFTER_SECONDS)
    await connection.commit()


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
