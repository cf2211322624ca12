"""Rate limits: a key over its budget is told so, and when to come back; the others notice nothing."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from ledger_service.settings import Settings
from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase

BURST = 5


@pytest.fixture
async def limited(database: TestDatabase) -> AsyncIterator[Shop]:
    """A program whose keys may make five requests at once, and then one in a quarter of an hour."""
    settings = Settings(rate_limit_per_second=0.001, rate_limit_burst=BURST)
    async with opening_shop(database.service_url, settings) as opened:
        yield opened


async def statuses(shop: Shop, path: str, count: int = BURST + 1) -> list[int]:
    return [(await shop.get(path)).status_code for _ in range(count)]


def shed() -> float:
    return REGISTRY.get_sample_value("ledger_shed_total", {"reason": "rate_limited", "class": "call"}) or 0.0


async def test_over_its_budget_a_key_is_answered_429(limited: Shop) -> None:
    await limited.open("m-1")
    assert await statuses(limited, "/v1/accounts/m-1/balance", BURST) == [200] * (BURST - 1) + [429]
    before = shed()
    answer = await limited.post("/v1/accounts/m-1/earn", {"points": 5})
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (429, "rate_limited", True)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get_list("retry-after") == [answer.headers["retry-after"]]
    assert 990 <= int(answer.headers["retry-after"]) <= 1002
    assert shed() == before + 1


async def test_a_refused_command_was_not_posted_and_its_key_is_not_used_up(limited: Shop) -> None:
    await limited.open("m-1")
    teller = await limited.key("read", "earn")
    await statuses(limited, "/v1/accounts/m-1/balance")
    refused = await limited.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="once")
    assert refused.status_code == 429
    assert (await teller.balance("m-1"))["balance"] == 0
    posted = await teller.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="once")
    assert (posted.status_code, posted.headers.get("idempotent-replayed")) == (201, None)


async def test_other_keys_and_programs_have_budgets_of_their_own(limited: Shop) -> None:
    teller, neighbour = await limited.key("read"), await limited.neighbour()
    assert 429 in await statuses(limited, "/v1/accounts/m-1/balance")
    assert (await teller.get("/v1/accounts/m-1/balance")).status_code == 404
    assert (await neighbour.get("/v1/accounts/m-1/balance")).status_code == 404


async def test_ordinary_routes_count_too_and_probes_do_not(limited: Shop) -> None:
    assert await statuses(limited, "/v1/program") == [200] * BURST + [429]
    assert (await limited.get("/readyz")).status_code == 200
    assert (await limited.get("/metrics")).status_code == 200


async def test_who_is_not_known_is_told_so_however_often_it_calls(limited: Shop) -> None:
    stranger = limited.with_token("lsk_live_nobody_" + "x" * 43)
    assert await statuses(stranger, "/v1/program", BURST * 3) == [401] * BURST * 3


async def test_without_a_limit_nobody_is_refused(shop: Shop) -> None:
    assert await statuses(shop, "/v1/program", 150) == [200] * 150
