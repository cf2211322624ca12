"""The connector: which of several servers is asked, and what becomes of connections to one that is no more."""

import asyncio
import socket
from collections.abc import Iterator

import asyncpg
import pytest

from ledger_service.errors import DatabaseUnavailable
from ledger_service.storage.connector import Connector, Server, Session
from ledger_service.storage.hosts import address_of, urls_of_hosts
from tests.servers import TestDatabase

PLAIN = Session({"application_name": "connector"})


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def with_hosts(url: str, *others: str) -> str:
    """The same database, behind others that are named first."""
    credentials, _, rest = url.partition("@")
    return f"{credentials}@{','.join(others)},{rest}"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p@one/books", ["postgresql://u:p@one/books"]),
        ("postgres://u:p@one:1,two:2/books", ["postgresql://u:p@one:1/books", "postgresql://u:p@two:2/books"]),
        (
            "postgresql+asyncpg://u:p@one,two/books?target_session_attrs=primary&sslmode=require",
            ["postgresql://u:p@one/books?sslmode=require", "postgresql://u:p@two/books?sslmode=require"],
        ),
        ("postgresql://u@/books?host=/run/pg", ["postgresql://u@/books?host=/run/pg"]),
    ],
)
def test_a_url_may_name_several_hosts(url: str, hosts: list[str]):
    assert list(urls_of_hosts(url)) == hosts


def test_an_address_has_no_credentials():
    assert address_of("postgresql://user:secret@one:5432/books") == "one:5432"


async def test_servers_that_are_down_or_silent_do_not_keep_it_from_the_primary(database: TestDatabase, black_hole: str):
    connector = Connector(with_hosts(database.service_url, "127.0.0.1:1", black_hole))
    connection = await connector.to_primary(PLAIN)
    assert await connection.fetchval("SHOW application_name") == "connector"
    assert not connector.is_to_standby(connection)
    await connection.close()


async def test_all_who_need_a_primary_share_one_look(database: TestDatabase, black_hole: str):
    connector = Connector(with_hosts(database.service_url, black_hole))
    looks = 0
    look = connector.look

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await look()

    connector.look = counted  # type: ignore[method-assign]
    connections = await asyncio.gather(*(connector.to_primary(PLAIN) for _ in range(8)))
    assert looks == 1
    for connection in connections:
        await connection.close()


async def test_two_may_look_at_the_same_time(database: TestDatabase, black_hole: str):
    connector = Connector(with_hosts(database.service_url, black_hole))
    await asyncio.gather(connector.look(), connector.look())
    assert connector.has_primary()


async def test_when_nobody_answers_it_says_what_each_did(black_hole: str):
    connector = Connector(f"postgresql://user:secret@127.0.0.1:1,{black_hole}/books")
    with pytest.raises(DatabaseUnavailable) as raised:
        await connector.to_primary(PLAIN)
    assert "127.0.0.1:1: ConnectionRefusedError" in str(raised.value)
    assert f"{black_hole}: " in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_primary_of_the_past_gets_no_writes_and_loses_what_is_under_way(database: TestDatabase):
    """After a promotion elsewhere it may not have noticed: it still takes connections, and would take writes."""
    connector = Connector(database.service_url)
    connection = await connector.to_primary(PLAIN)
    sleeping = asyncio.create_task(connection.fetchval("SELECT pg_sleep(30)"))
    while not await _is_asleep(database):
        pass
    promoted = Server("postgresql://elsewhere/books", is_standby=False, timeline=7)

    async def found() -> list[Server]:
        return [promoted]

    connector._answers = found  # type: ignore[method-assign]
    await connector.look()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await sleeping
    assert connection.is_closed()
    connector._primary = Server(database.service_url, is_standby=False, timeline=7)
    with pytest.raises(ConnectionError, match="of the past"):
        await connector._connect(database.service_url, PLAIN)


async def _is_asleep(database: TestDatabase) -> bool:
    watching = await asyncpg.connect(database.owner_url)
    try:
        return bool(await watching.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
    finally:
        await watching.close()


async def test_a_silent_peer_is_noticed_by_the_system(database: TestDatabase):
    connection = await Connector(database.service_url).to_primary(PLAIN)
    end = connection._transport.get_extra_info("socket")
    assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 4000
    await connection.close()


async def test_of_several_standbys_the_one_that_has_least_is_read(monkeypatch: pytest.MonkeyPatch):
    connector = Connector("postgresql://x@ahead,sync,none/ledger")
    asked: list[str] = []

    async def found() -> list[Server]:
        return [Server("ahead", True, 0, received=900), Server("sync", True, 0, received=800)]

    async def connect(url: str, *_: object, **__: object) -> None:
        asked.append(url)
        raise ConnectionError

    monkeypatch.setattr(connector, "_answers", found)
    monkeypatch.setattr(connector, "_connect", connect)
    with pytest.raises(DatabaseUnavailable):
        await connector.to_any(Session({}))
    assert asked == ["sync", "ahead"]
