"""The grants: what the roles of the service cannot do, whoever has got hold of them (reliability, 9.4)."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.database.functions.forgery import TABLES, contents, prepare
from tests.servers import TestDatabase, TestServer, cloning


@pytest.fixture(scope="module")
def prepared(postgres: TestServer, template_database: str) -> Iterator[TestDatabase]:
    """Books with a row in every table. Nothing below changes them, so that one database does for all."""
    with cloning(postgres, template_database) as clone:
        database = clone()
        asyncio.run(prepare(database))
        yield database


@pytest.fixture
async def owner(prepared: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    """The superuser."""
    connection = await asyncpg.connect(prepared.owner_url)
    yield connection
    await connection.close()


@pytest.fixture(params=["service_url", "read_url"])
async def role(prepared: TestDatabase, request: pytest.FixtureRequest) -> AsyncIterator[asyncpg.Connection]:
    """Each role that logs in."""
    connection = await asyncpg.connect(getattr(prepared, request.param))
    yield connection
    await connection.close()


REFUSED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedObjectError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)


async def test_every_table_has_a_row_to_be_attacked(owner: asyncpg.Connection):
    assert all((await contents(owner)).values())


@pytest.mark.parametrize("table", [*TABLES, "schema_version"])
async def test_no_role_changes_a_table_but_through_a_function(
    role: asyncpg.Connection, owner: asyncpg.Connection, table: str
):
    before = await contents(owner)
    name = await owner.fetchval(
        "SELECT attname FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 AND attidentity = '' LIMIT 1",
        f"ledger.{table}",
    )
    for statement in (
        f"UPDATE ledger.{table} SET {name} = {name}",
        f"DELETE FROM ledger.{table}",
        f"TRUNCATE ledger.{table}",
        f"INSERT INTO ledger.{table} ({name}) SELECT {name} FROM ledger.{table}",
        f"INSERT INTO ledger.{table} DEFAULT VALUES",
        f"MERGE INTO ledger.{table} AS t USING ledger.{table} AS s ON false WHEN NOT MATCHED THEN DO NOTHING "
        "WHEN MATCHED THEN DELETE",
        f"SELECT FROM ledger.{table} FOR UPDATE",
        f"DROP TABLE ledger.{table}",
        f"ALTER TABLE ledger.{table} ADD COLUMN mine int",
        f"CREATE INDEX mine ON ledger.{table} ({name})",
        f"CREATE TRIGGER mine BEFORE INSERT ON ledger.{table} EXECUTE FUNCTION ledger.refuse_change()",
        f"CREATE RULE mine AS ON INSERT TO ledger.{table} DO INSTEAD NOTHING",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with role.transaction():
            await role.execute(f"LOCK TABLE ledger.{table} IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await role.copy_to_table(table, schema_name="ledger", source=io.BytesIO(b"1\n"))
    assert await contents(owner) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE ledger_owner",
        "SET SESSION AUTHORIZATION ledger_owner",
        "ALTER TABLE ledger.entry DISABLE TRIGGER append_only",
        "ALTER TABLE ledger.entry DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON ledger.entry",
        "SET session_replication_role = replica",
        "CREATE TABLE ledger.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION ledger.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "ALTER FUNCTION ledger.put_program_v1 SECURITY INVOKER",
        "ALTER FUNCTION ledger.put_program_v1 SET search_path = public",
        "DROP FUNCTION ledger.refuse_change()",
        "GRANT ledger_owner TO CURRENT_USER",
        "ALTER ROLE ledger_owner LOGIN",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "CREATE EXTENSION dblink",
        "ALTER SYSTEM SET fsync = off",
        "ALTER DATABASE postgres SET synchronous_commit = off",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_export(0, '/tmp/mine')",
        "SELECT lo_import('/etc/hostname')",
        "COPY ledger.entry TO PROGRAM 'cat'",
        "COPY ledger.entry TO '/tmp/mine'",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "SELECT pg_switch_wal()",
        "CHECKPOINT",
        "SELECT ledger.claim_key_v1(1, 'mine', decode(repeat('00', 16), 'hex'), '{}')",
        "DO $$ BEGIN EXECUTE 'UPDATE ledger.account SET balance = 1'; END $$",
        "BEGIN; PREPARE TRANSACTION 'mine'",
    ],
)
async def test_no_role_gets_more_than_it_was_given(role: asyncpg.Connection, owner: asyncpg.Connection, statement: str):
    before = await contents(owner)
    with pytest.raises(REFUSED):
        await role.execute(statement)
    assert await contents(owner) == before


async def test_no_role_hands_on_what_it_was_given(role: asyncpg.Connection, owner: asyncpg.Connection):
    """Postgres only warns here, so what counts is that nobody has more afterwards."""
    grants = "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'ledger'::regnamespace ORDER BY 1"
    before = await owner.fetch(grants)
    for right in ("SELECT", "INSERT", "ALL"):
        await role.execute(f"GRANT {right} ON ledger.entry TO PUBLIC")
    assert await owner.fetch(grants) == before


async def test_reports_call_no_function_that_writes(prepared: TestDatabase, owner: asyncpg.Connection):
    may = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace "
        "AND has_function_privilege('ledger_read', oid, 'EXECUTE')"
    )
    assert may == []


async def test_the_service_calls_what_changes_the_books_and_configuration_and_nothing_else(owner: asyncpg.Connection):
    may = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace "
        "AND has_function_privilege('ledger_service', oid, 'EXECUTE') ORDER BY 1"
    )
    assert [row["proname"] for row in may] == [
        "advance_clock_v1",
        "create_key_v1",
        "create_program_v1",
        "put_program_v1",
        "refuse_call_v1",
        "revoke_key_v1",
        "write_batch_v1",
        "write_batch_v2",
        "write_batch_v3",
    ]


async def test_reports_do_not_see_keys(prepared: TestDatabase):
    connection = await asyncpg.connect(prepared.read_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT FROM ledger.api_key")
    finally:
        await connection.close()


async def test_a_table_or_function_of_the_same_name_deceives_no_function(
    prepared: TestDatabase, owner: asyncpg.Connection
):
    """Temporary objects and the caller's search path come last, or not at all, for whoever acts as the owner."""
    connection = await asyncpg.connect(prepared.service_url)
    try:
        for table in TABLES:
            await connection.execute(f"CREATE TEMPORARY TABLE {table} (LIKE ledger.{table})")
        await connection.execute(
            "CREATE FUNCTION pg_temp.claim_key_v1(bigint, text, bytea, text) RETURNS void LANGUAGE sql AS ''"
        )
        await connection.execute(
            "CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "AS $$ SELECT 'epoch'::timestamptz $$"
        )
        await connection.execute("SET search_path = pg_temp, pg_catalog")
        async with connection.transaction():
            await connection.fetchval("SELECT ledger.put_program_v1(1, 1, '{}')")
            assert await connection.fetchval("SELECT count(*) FROM pg_temp.program_version") == 0
            assert await connection.fetchval("SELECT max(version) FROM ledger.program_version") == 2
            await connection.execute("SELECT ledger.revoke_key_v1(program_id, key_id) FROM ledger.api_key")
            assert await connection.fetchval("SELECT min(revoked_at) > 'epoch' FROM ledger.api_key")
            raise Undone
    except Undone:
        pass
    finally:
        await connection.close()


class Undone(Exception):
    """Takes back what a test wrote."""


APPEND_ONLY = ("entry", "outcome", "program_version")


@pytest.mark.parametrize("who", ["the superuser", "ledger_owner"])
@pytest.mark.parametrize("replicating", ["origin", "replica"])
@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_the_books_are_append_only_even_for_their_owner(
    owner: asyncpg.Connection, table: str, replicating: str, who: str
):
    before = await contents(owner)
    await owner.execute(f"SET session_replication_role = {replicating}")
    if who == "ledger_owner":
        await owner.execute("SET ROLE ledger_owner")
    for statement in (
        f"UPDATE ledger.{table} SET program_id = program_id",
        f"DELETE FROM ledger.{table}",
        f"TRUNCATE ledger.{table}",
        f"TRUNCATE ledger.{table} CASCADE",
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await owner.execute(statement)
        assert refused.value.sqlstate == "LG002", statement
    await owner.execute("RESET ROLE")
    assert await contents(owner) == before
