"""The balance over HTTP."""

import pytest

from ledger_service.api import views
from tests.api.shop import Shop

LATER = "2999-01-01T00:00:00Z"
MUCH_LATER = "2999-06-01T00:00:00Z"


async def test_a_balance_tells_what_can_be_used_now_and_what_later(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.post("/v1/accounts/m-1/earn", {"points": 20, "expires_at": LATER})
    await shop.post("/v1/accounts/m-1/earn", {"points": 3, "available_at": LATER, "expires_at": MUCH_LATER})
    view = await shop.balance("m-1")
    balance = views.Balance.model_validate(view)
    assert (balance.balance, balance.available, balance.pending, balance.held) == (123, 120, 3, 0)
    assert (balance.seq, balance.source, balance.tier) == (3, "primary", None)
    assert view["next_expiry"] == {"at": LATER, "points": 20}


async def test_the_etag_changes_with_the_numbers_and_not_with_the_moment(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    path = "/v1/accounts/m-1/balance"
    first, second = await shop.get(path), await shop.get(path)
    assert first.headers["etag"] == second.headers["etag"]
    assert first.json()["as_of"] != second.json()["as_of"]
    unchanged = await shop.get(path, if_none_match=first.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    await shop.post("/v1/accounts/m-1/redeem", {"points": 1})
    changed = await shop.get(path, if_none_match=first.headers["etag"])
    assert (changed.status_code, changed.json()["available"]) == (200, 99)


async def test_a_caller_who_asks_for_a_seq_that_is_not_there_yet_is_told(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    assert (await shop.get("/v1/accounts/m-1/balance?min_seq=1")).status_code == 200
    answer = await shop.get("/v1/accounts/m-1/balance?min_seq=2")
    assert (answer.status_code, answer.json()["code"], answer.json()["seq"]) == (412, "seq_not_reached", 1)
    assert answer.json()["retryable"]


@pytest.mark.parametrize(
    "query", ["min_seq=x", "min_seq=-1", "min_seq=", "min_seq=99999999999999999", "at=2026-01-01T00:00:00Z"]
)
async def test_a_question_that_is_not_understood_is_not_answered_as_another(shop: Shop, query: str) -> None:
    await shop.open("m-1")
    answer = await shop.get(f"/v1/accounts/m-1/balance?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_no_account_no_balance(shop: Shop) -> None:
    answer = await shop.get("/v1/accounts/m-1/balance")
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
