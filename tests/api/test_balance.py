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
    "query",
    [
        "min_seq=x",
        "min_seq=-1",
        "min_seq=",
        "min_seq=99999999999999999",
        "at=",
        "at=now",
        "at=2026-01-01",
        "at=2026-01-01T00:00:00",
        "at=1969-12-31T23:59:59.999999Z",
        "at=9999-01-01T00:00:00Z",
        "at=0001-01-01T00:00:00Z",
        "at=2026-01-01T00:00:00Z&at=2026-01-01T00:00:00Z",
        "when=2026-01-01T00:00:00Z",
    ],
)
async def test_a_question_that_is_not_understood_is_not_answered_as_another(shop: Shop, query: str) -> None:
    await shop.open("m-1")
    answer = await shop.get(f"/v1/accounts/m-1/balance?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_no_account_no_balance(shop: Shop) -> None:
    answer = await shop.get("/v1/accounts/m-1/balance")
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


async def test_the_balance_of_any_instant_can_be_asked_for(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.post("/v1/accounts/m-1/earn", {"points": 20, "expires_at": LATER})
    told = await shop.balance("m-1")
    await shop.post("/v1/accounts/m-1/redeem", {"points": 30})
    path = "/v1/accounts/m-1/balance?at="
    past = await shop.get(path + told["as_of"])
    assert past.json() == told
    future = await shop.get(path + LATER)
    # Of the points that expire then 30 are redeemed before.
    numbers = {"seq": 3, "balance": 90, "available": 90, "pending": 0, "held": 0, "next_expiry": None}
    assert future.json() == told | numbers | {"as_of": LATER}
    early = views.Balance.model_validate((await shop.get(path + "1970-01-01T00:00:00Z")).json())
    assert (early.seq, early.balance, early.available, early.as_of) == (0, 0, 0, "1970-01-01T00:00:00Z")


async def test_an_instant_may_have_any_offset(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    answer = await shop.get("/v1/accounts/m-1/balance?at=2998-12-31T19:00:00%2B02:00")
    assert (answer.status_code, answer.json()["as_of"]) == (200, "2998-12-31T17:00:00Z")


async def test_the_etag_of_a_moment_goes_for_that_moment_only_when_the_numbers_are_the_same(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    answer = await shop.get(f"/v1/accounts/m-1/balance?at={LATER}")
    again = await shop.get(f"/v1/accounts/m-1/balance?at={LATER}", if_none_match=answer.headers["etag"])
    assert (answer.status_code, again.status_code) == (200, 304)
    past = await shop.get("/v1/accounts/m-1/balance?at=1970-01-01T00:00:00Z", if_none_match=answer.headers["etag"])
    assert past.status_code == 200


async def test_one_may_read_ones_own_writes_of_the_past(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    path = "/v1/accounts/m-1/balance?at=1970-01-01T00:00:00Z&min_seq="
    assert ((await shop.get(path + "1")).status_code, (await shop.get(path + "2")).status_code) == (200, 412)


async def test_rule_10_the_tier_is_told_with_how_far_the_next_one_is(shop: Shop) -> None:
    club = await shop.neighbour(
        "club",
        auto_open=True,
        tiers={"measure": "spend", "levels": [{"id": "silver", "at": "10.00"}, {"id": "gold", "at": "100"}]},
        rules=[{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
    )
    purchase = {"amount": "12.50", "currency": "EUR"}
    entry = (await club.post("/v1/accounts/m-1/earn", {"purchase": purchase, "order_id": "A-1"})).json()
    balance = views.Balance.model_validate(await club.balance("m-1"))
    assert balance.tier is not None
    assert (balance.tier.id, balance.tier.since, balance.tier.valid_until, balance.tier.measure) == (
        "silver",
        entry["recorded_at"],
        None,
        "12.50",
    )
    assert balance.tier.next is not None
    assert (balance.tier.next.id, balance.tier.next.missing) == ("gold", "87.50")
    account = await club.get("/v1/accounts/m-1")
    assert views.Account.model_validate(account.json()).tier == balance.tier
    assert account.json()["counters"] == {"lifetime_points": 12, "spend": "12.50", "visits": 1}
    unchanged = await club.get("/v1/accounts/m-1", if_none_match=account.headers["etag"])
    assert unchanged.status_code == 304
    await club.post("/v1/accounts/m-1/tier", {"tier": "gold", "reason": "a friend of the house"})
    changed = await club.get("/v1/accounts/m-1", if_none_match=account.headers["etag"])
    assert (changed.status_code, changed.json()["tier"]["id"]) == (200, "gold")
