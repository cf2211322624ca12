"""The schema: bringing a database to it is safe to repeat and to run twice at once."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from ledger_service.storage.migrations import alembic_config, migrate
from ledger_service.storage.schema import driver_url, head_revision, plain_url
from tests.servers import TestDatabase, TestServer


def test_a_migration_repeated_changes_nothing(postgres: TestServer, database: TestDatabase):
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'ledger'"
    before = postgres.execute(columns, database.name)
    migrate(database.owner_url)
    assert postgres.execute(columns, database.name) == before
    assert postgres.execute("SELECT version_num FROM ledger.schema_version", database.name) == head_revision()


async def test_migrations_started_at_once_wait_for_each_other(postgres: TestServer):
    name = f"ledger_test_{uuid4().hex[:12]}"
    postgres.execute(f'CREATE DATABASE "{name}"')
    try:
        await asyncio.gather(*(asyncio.to_thread(migrate, postgres.url(name)) for _ in range(3)))
        assert postgres.execute("SELECT count(*) FROM ledger.schema_version", name) == "1"
    finally:
        postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_the_tables_are_analysed(database: TestDatabase):
    connection = await asyncpg.connect(database.owner_url)
    try:
        never = await connection.fetch(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'r' AND reltuples < 0"
        )
        assert never == []
    finally:
        await connection.close()


def test_the_last_file_is_the_head_that_alembic_would_choose():
    assert head_revision() == ScriptDirectory.from_config(alembic_config()).get_current_head()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_form_of_a_url_is_understood(scheme: str):
    assert driver_url(f"{scheme}://ledger@host/db?x=1") == "postgresql+asyncpg://ledger@host/db?x=1"
    assert plain_url(f"{scheme}://ledger@host/db") == "postgresql://ledger@host/db"


@pytest.mark.parametrize("url", ["mysql://host/db", "host/db", ""])
def test_another_kind_of_url_is_refused(url: str):
    with pytest.raises(ValueError, match="postgresql://"):
        plain_url(url)
