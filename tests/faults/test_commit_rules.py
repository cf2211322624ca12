"""What is acknowledged is replicated: commits that wait for a standby that is not there (F05, commit rules 1 to 7)."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx2
import pytest

from ledger_service.metrics import COMMIT_UNKNOWN, SYNCREP_CANCELLED
from tests.api.shop import Shop, fresh_key, opening_shop
from tests.servers import TestDatabase, TestServer

SHORT_MS = "700"
PATIENT_MS = "10000"


@pytest.fixture
def lonely(postgres: TestServer) -> Iterator[TestServer]:
    """A primary whose only synchronous standby is away. It never comes."""
    ghost(postgres, "ghost")
    try:
        yield postgres
    finally:
        ghost(postgres, "")


def ghost(server: TestServer, name: str) -> None:
    server.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    server.execute("SELECT pg_reload_conf()")


@pytest.fixture
async def shop(database: TestDatabase) -> AsyncIterator[Shop]:
    async with opening_shop(database.service_url) as opened:
        await opened.open("m-1", points=100)
        yield opened


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


async def earn(shop: Shop, key: str, timeout_ms: str = SHORT_MS) -> httpx2.Response:
    return await shop.post("/v1/accounts/m-1/earn", {"points": 7}, idempotency_key=key, x_request_timeout_ms=timeout_ms)


async def entries(owner: asyncpg.Connection) -> int:
    total: int = await owner.fetchval("SELECT count(*) FROM ledger.entry")
    return total


async def waiting_commits(owner: asyncpg.Connection) -> list[int]:
    """The sessions that wait for the standby, once there is one."""
    pids: list[int] = []
    while not pids:
        rows = await owner.fetch(
            "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"
        )
        pids = [row["pid"] for row in rows]
    return pids


async def test_a_commit_that_waits_is_left_at_the_deadline_without_a_cancel(
    shop: Shop, owner: asyncpg.Connection, postgres: TestServer, request: pytest.FixtureRequest
):
    request.getfixturevalue("lonely")
    key, cancelled = fresh_key(), SYNCREP_CANCELLED._value.get()
    asked = asyncio.create_task(earn(shop, key))
    pids = await waiting_commits(owner)
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert answer.headers["retry-after"]
    assert await waiting_commits(owner) == pids, "nobody told Postgres that it need not wait"
    assert await entries(owner) == 1, "what is not replicated is not to be seen"
    ghost(postgres, "")
    again = await earn(shop, key, PATIENT_MS)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert await entries(owner) == 2
    assert SYNCREP_CANCELLED._value.get() == cancelled


async def test_a_replay_of_what_was_never_replicated_is_not_answered_before_it_is(
    shop: Shop, owner: asyncpg.Connection, postgres: TestServer, request: pytest.FixtureRequest
):
    """The server comes back from a crash, or its session is ended: the row is there, and only there."""
    request.getfixturevalue("lonely")
    key = fresh_key()
    asked = asyncio.create_task(earn(shop, key))
    for pid in await waiting_commits(owner):
        await owner.execute("SELECT pg_terminate_backend($1)", pid)
    assert (await asked).json()["code"] == "outcome_unknown"
    assert await entries(owner) == 2, "the row is seen, though no standby has it"
    for _ in range(2):
        answer = await earn(shop, key)
        assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    ghost(postgres, "")
    again = await earn(shop, key, PATIENT_MS)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert await entries(owner) == 2


async def test_a_refusal_is_as_durable_as_an_entry(
    shop: Shop, owner: asyncpg.Connection, postgres: TestServer, request: pytest.FixtureRequest
):
    """Else a repeat after a failover could succeed."""
    request.getfixturevalue("lonely")
    body, key = {"points": 101}, fresh_key()
    short = {"idempotency_key": key, "x_request_timeout_ms": SHORT_MS}
    answer = await shop.post("/v1/accounts/m-1/redeem", body, **short)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    ghost(postgres, "")
    answer = await shop.post("/v1/accounts/m-1/redeem", body, idempotency_key=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_points")


async def test_a_commit_that_somebody_cancelled_is_unknown_although_postgres_reports_success(
    shop: Shop, owner: asyncpg.Connection, postgres: TestServer, request: pytest.FixtureRequest
):
    request.getfixturevalue("lonely")
    key, heard, unknown = fresh_key(), SYNCREP_CANCELLED._value.get(), COMMIT_UNKNOWN._value.get()
    asked = asyncio.create_task(earn(shop, key, "3000"))
    for pid in await waiting_commits(owner):
        await owner.execute("SELECT pg_cancel_backend($1)", pid)
    while SYNCREP_CANCELLED._value.get() == heard:
        assert await waiting_commits(owner)
    assert not asked.done(), "it asks again with the same key, and the answer waits for the standby"
    ghost(postgres, "")
    answer = await asked
    assert (answer.status_code, answer.headers["idempotent-replayed"]) == (201, "true")
    assert COMMIT_UNKNOWN._value.get() > unknown
    assert await entries(owner) == 2


async def test_an_account_that_somebody_holds_makes_nobody_else_wait_for_it(shop: Shop, owner: asyncpg.Connection):
    await asyncio.gather(*(shop.open(f"m-{number}") for number in range(2, 12)))
    async with owner.transaction():
        await owner.execute("SELECT FROM ledger.account WHERE account_id = 'm-1' FOR UPDATE")
        held = asyncio.create_task(earn(shop, fresh_key(), PATIENT_MS))
        others = [shop.post(f"/v1/accounts/m-{number}/earn", {"points": 1}) for number in range(2, 12)]
        answers = await asyncio.gather(*others)
        assert {answer.status_code for answer in answers} == {201}
        assert not held.done()
    assert (await held).status_code == 201
