"""The database: what its failures mean, and what its connections are like."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from prometheus_client import REGISTRY

from ledger_service.cli.drill.proxy import Proxy
from ledger_service.errors import (
    AccountLocked,
    DatabaseUnavailable,
    Failure,
    KeyTaken,
    OutcomeUnknown,
    ProposalRejected,
    SchemaMismatch,
)
from ledger_service.storage import connector
from ledger_service.storage import database as storage_database
from ledger_service.storage.again import asked_again
from ledger_service.storage.connector import Server
from ledger_service.storage.database import Database, Source, read_failures, write_failures
from tests.servers import TestDatabase, TestServer
from tests.storage.conftest import Storage


async def test_it_refuses_a_database_without_our_schema(postgres: TestServer, database: TestDatabase):
    url = database.service_url.replace(database.name, "postgres")
    with pytest.raises(SchemaMismatch, match="ledger-service migrate"):
        async with Database.open(url):
            pass


async def test_it_refuses_a_schema_that_is_behind(postgres: TestServer, database: TestDatabase):
    postgres.execute("UPDATE ledger.schema_version SET version_num = '0001'", database.name)
    with pytest.raises(SchemaMismatch, match="0001"):
        async with Database.open(database.service_url):
            pass


async def test_it_serves_a_schema_that_is_ahead(postgres: TestServer, database: TestDatabase):
    """Two versions run on one schema during a deploy, and the older one may have to be started again."""
    postgres.execute("UPDATE ledger.schema_version SET version_num = '9999'", database.name)
    async with Database.open(database.service_url) as opened:
        await opened.ping()


async def test_nobody_listening_is_unavailable():
    with pytest.raises(DatabaseUnavailable):
        async with Database.open("postgresql://nobody@127.0.0.1:1/none"):
            pass


async def test_a_reader_cannot_write_even_by_mistake(storage: Storage):
    async with storage.database.reader() as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.fetch("SELECT ledger.revoke_key_v1(1, 'any')")


async def test_a_writer_waits_for_the_standby_as_the_gate_demands(storage: Storage):
    async with storage.database.writer() as connection:
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        assert await connection.fetchval("SHOW statement_timeout") == "2s"


async def test_it_answers_a_ping(storage: Storage):
    await storage.database.ping()


RAISING = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    ("sqlstate", "failure"),
    [
        ("40001", DatabaseUnavailable),
        ("40P01", DatabaseUnavailable),
        ("55P03", AccountLocked),
        ("57014", DatabaseUnavailable),
        ("57P03", DatabaseUnavailable),
        ("53300", DatabaseUnavailable),
        ("25006", DatabaseUnavailable),
        ("40003", OutcomeUnknown),
        ("08006", OutcomeUnknown),
        ("57P01", OutcomeUnknown),
        ("23505", KeyTaken),
        ("LG001", ProposalRejected),
        ("23514", ProposalRejected),
        ("22003", ProposalRejected),
        ("XX000", ProposalRejected),
    ],
)
async def test_each_answer_of_a_write_that_failed_is_classified(
    storage: Storage, sqlstate: str, failure: type[Failure]
):
    async with storage.database.writer() as connection:
        with pytest.raises(failure), write_failures():
            await connection.execute(RAISING.format(sqlstate))


@pytest.mark.parametrize("sqlstate", ["40001", "57014", "57P01", "57P02", "53300"])
async def test_a_read_that_failed_may_be_tried_again(storage: Storage, sqlstate: str):
    async with storage.database.reader() as connection:
        with pytest.raises(DatabaseUnavailable), read_failures():
            await connection.execute(RAISING.format(sqlstate))


async def test_a_mistake_in_a_read_is_not_called_unavailable(storage: Storage):
    async with storage.database.reader() as connection:
        with pytest.raises(asyncpg.UndefinedTableError), read_failures():
            await connection.execute("SELECT FROM ledger.nothing")


async def test_a_value_that_cannot_be_sent_is_our_bug_and_no_lost_connection(storage: Storage):
    """The driver files it under the errors that a lost connection raises, too."""
    async with storage.database.writer() as connection:
        with pytest.raises(ProposalRejected), write_failures():
            await connection.fetchval("SELECT $1::bigint", 2**63)
        with pytest.raises(asyncpg.DataError), read_failures():
            await connection.fetchval("SELECT $1::bigint", 2**63)
        assert await connection.fetchval("SELECT 1") == 1


@asked_again
async def where_it_reads(opened: Database) -> Source:
    async with opened.reader() as connection:
        with read_failures():
            await connection.fetchval("SELECT 1")
        return opened.source_of(connection)


async def test_what_is_read_leaves_a_primary_that_stands_still(database: TestDatabase, monkeypatch: pytest.MonkeyPatch):
    """Its sockets stay open and its kernel answers for it: only the patience of the statement would end, and that of
    the next one on the next connection."""
    at = urlsplit(database.service_url)
    assert at.hostname
    assert at.port
    ask = connector._server
    async with Proxy(at.hostname, at.port, seed=1) as proxy:
        in_front = f"127.0.0.1:{proxy.port}"

        async def said(url: str, connection: asyncpg.Connection) -> Server:
            server = await ask(url, connection)
            return server if in_front in url else replace(server, is_standby=True, timeline=0)

        monkeypatch.setattr(connector, "_server", said)
        url = database.service_url.replace("@", f"@{in_front},")
        async with Database.open(url, readers=2) as opened:
            assert await asyncio.gather(where_it_reads(opened), where_it_reads(opened)) == ["primary", "primary"]
            proxy.swallow()
            assert await where_it_reads(opened) == "replica"
            proxy.let_pass()


async def test_what_is_read_while_a_write_hangs_counts_as_a_replicas(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    """Its server may have been replaced by one where another instance writes already."""
    async with storage.database.writer():
        assert await where_it_reads(storage.database) == "primary"
        monkeypatch.setattr(storage_database, "SUSPECT_SECONDS", 0.0)
        assert await where_it_reads(storage.database) == "replica"
    assert await where_it_reads(storage.database) == "primary"


async def test_who_writes_nothing_learns_of_a_new_primary_too(database: TestDatabase, monkeypatch: pytest.MonkeyPatch):
    at = urlsplit(database.service_url)
    assert at.hostname
    assert at.port
    ask, timeline = connector._server, 1
    async with Proxy(at.hostname, at.port, seed=1) as proxy:
        replaced = f"127.0.0.1:{proxy.port}"

        async def said(url: str, connection: asyncpg.Connection) -> Server:
            is_first = replaced in url
            is_standby = not is_first and timeline == 1
            server = await ask(url, connection)
            return replace(server, is_standby=is_standby, timeline=0 if is_standby else 1 if is_first else 2)

        monkeypatch.setattr(connector, "_server", said)
        monkeypatch.setattr(storage_database, "WATCH_SECONDS", 0.01)
        monkeypatch.setattr(storage_database, "IDLE_SECONDS", 0.0)
        async with Database.open(database.service_url.replace("@", f"@{replaced},")) as opened:
            assert await where_it_reads(opened) == "primary"
            assert REGISTRY.get_sample_value("ledger_db_timeline") == 1
            timeline = 2
            async with asyncio.timeout(30):
                while REGISTRY.get_sample_value("ledger_db_timeline") != 2:
                    await where_it_reads(opened)
            proxy.swallow()
            assert await where_it_reads(opened) == "primary"
            proxy.let_pass()
