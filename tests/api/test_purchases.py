"""Purchases over HTTP: what they earn, what a preview says of it, and what does not fit."""

from typing import Any

import pytest

from ledger_service.api import views, views_of_orders
from tests.api.shop import Shop

SETTINGS = {
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "expiry": {"mode": "after", "months": 12},
    "available": {"mode": "after", "days": 14},
    "rules": [
        {"id": "base", "type": "spend", "points": 1, "per": "1.00"},
        {"id": "coffee", "type": "item", "points": 5, "when": {"skus": {"include": ["coffee"]}}},
        {"id": "big", "type": "fixed", "points": 100, "when": {"min_amount": "50.00"}},
    ],
    "campaigns": [{"id": "double", "type": "multiply", "factor": "2", "when": {"channels": ["web"]}}],
}
LINES = [
    {"sku": "coffee", "category": "DRINKS", "quantity": 2, "amount": "9.80"},
    {"sku": "apples", "quantity": "1.240", "amount": "3.70"},
    {"sku": "mistake", "quantity": 1, "amount": "99.00", "voided": True},
]
PURCHASE = {"amount": "13.50", "currency": "EUR", "lines": LINES}


async def program(shop: Shop, **changed: Any) -> Shop:
    """A program with rules, standing at noon of 3 December 2026, with an account m-1."""
    answer = await shop.neighbour(mode="test", **(SETTINGS | changed))
    await answer.open("m-1")
    return answer


async def test_a_purchase_earns_by_the_rules_and_its_points_have_their_dates(shop: Shop) -> None:
    shop = await program(shop)
    answer = await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE, "order_id": "A-1"})
    entry = views.Entry.model_validate(answer.json())
    assert (answer.status_code, entry.kind, entry.points, entry.order_id) == (201, "earn", 13 + 10, "A-1")
    assert (entry.available_after, entry.pending_after) == (0, 23)
    assert entry.available_at is not None
    assert entry.expires_at is not None
    account = (await shop.get("/v1/accounts/m-1")).json()
    assert account["counters"] == {"lifetime_points": 23, "spend": "13.50", "visits": 1}


async def test_a_preview_says_what_the_earn_gives_then_with_the_reason_of_every_rule(shop: Shop) -> None:
    shop = await program(shop)
    for purchase in (PURCHASE, PURCHASE | {"channel": "web"}, {"amount": "60.00", "currency": "EUR"}):
        preview = await shop.post("/v1/purchases/preview", {"account_id": "m-1", "purchase": purchase})
        assert preview.status_code == 200, preview.text
        told = views_of_orders.Preview.model_validate(preview.json())
        dry = await shop.post("/v1/accounts/m-1/earn?dry_run=true", {"purchase": purchase}, idempotency_key=None)
        earned = (await shop.post("/v1/accounts/m-1/earn", {"purchase": purchase})).json()
        assert told.points == dry.json()["points"] == earned["points"] > 0
        assert (told.available_at, told.expires_at) == (earned["available_at"], earned["expires_at"])
        assert [share.id for share in told.rules] == ["base", "coffee", "big"]
        assert sum(share.points for share in (*told.rules, *told.campaigns)) == told.points
        assert all(share.reason for share in (*told.rules, *told.campaigns))


async def test_a_preview_needs_no_account_and_no_key_and_writes_nothing(shop: Shop) -> None:
    shop = await program(shop)
    for body in ({"purchase": PURCHASE}, {"purchase": PURCHASE, "account_id": "m-1"}):
        answer = await shop.post("/v1/purchases/preview", body, idempotency_key=None)
        assert (answer.status_code, answer.json()["points"]) == (200, 23)
    assert (await shop.balance("m-1"))["seq"] == 0
    missing = await shop.post("/v1/purchases/preview", {"purchase": PURCHASE, "account_id": "nobody"})
    assert (missing.status_code, missing.json()["code"]) == (404, "account_not_found")


async def test_a_purchase_that_earns_nothing_is_posted_all_the_same(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE, "order_id": "A-1"})
    assert (answer.status_code, answer.json()["points"], answer.json()["kind"]) == (201, 0, "earn")
    assert (await shop.get("/v1/accounts/m-1")).json()["counters"]["visits"] == 1


async def test_what_was_paid_with_points_earns_nothing(shop: Shop) -> None:
    shop = await program(shop)
    purchase = {"amount": "20.00", "currency": "EUR", "redeemed_value": "5.00"}
    answer = await shop.post("/v1/accounts/m-1/earn", {"purchase": purchase})
    assert answer.json()["points"] == 15


async def test_explicit_points_and_dates_win_over_the_rules(shop: Shop) -> None:
    shop = await program(shop)
    dates = {"available_at": "2999-01-01T00:00:00Z", "expires_at": "2999-06-01T00:00:00Z"}
    for what in ({"points": 23}, {"purchase": PURCHASE}):
        answer = (await shop.post("/v1/accounts/m-1/earn", what | dates)).json()
        assert {name: answer[name] for name in ("points", *dates)} == {"points": 23} | dates
    earner = await shop.key("earn")
    refused = await earner.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE} | dates)
    assert (refused.status_code, refused.json()["scope"]) == (403, "adjust")


async def test_an_order_is_the_same_order_when_the_same_was_bought(shop: Shop) -> None:
    shop = await program(shop)
    first = await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE, "order_id": "A-1"})
    again = await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE, "order_id": "A-1"})
    assert (again.status_code, again.content) == (200, first.content)
    other = await shop.post(
        "/v1/accounts/m-1/earn", {"purchase": {"amount": "13.51", "currency": "EUR"}, "order_id": "A-1"}
    )
    assert (other.status_code, other.json()["code"], other.json()["points"]) == (409, "duplicate_order", 23)


async def test_the_same_key_for_the_same_purchase_is_a_replay_however_it_is_written(shop: Shop) -> None:
    shop = await program(shop)
    first = await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE}, idempotency_key="k-1")
    written = {"amount": "13.5", "currency": "EUR", "tax": "0", "lines": [LINES[0] | {"quantity": "2.0"}, *LINES[1:]]}
    again = await shop.post("/v1/accounts/m-1/earn", {"purchase": written, "reason": None}, idempotency_key="k-1")
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (201, first.content, "true")
    other = await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE | {"channel": "web"}}, idempotency_key="k-1")
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/points", "required"),
        ({"points": None}, "/points", "required"),
        ({"points": 5, "purchase": PURCHASE}, "/purchase", "one_of_two"),
        ({"purchase": {}}, "/purchase/amount", "required"),
        ({"purchase": PURCHASE | {"amount": 13.5}}, "/purchase/amount", "not_money"),
        ({"purchase": PURCHASE | {"amount": "-13.50"}}, "/purchase/amount", "not_money"),
        ({"purchase": PURCHASE | {"currency": "eur"}}, "/purchase/currency", "bad_format"),
        ({"purchase": PURCHASE | {"tax": "13.51"}}, "/purchase/tax", "beyond_amount"),
        ({"purchase": PURCHASE | {"redeemed_value": "13.51"}}, "/purchase/redeemed_value", "beyond_amount"),
        ({"purchase": PURCHASE | {"amount": "13.49"}}, "/purchase/lines", "lines_do_not_add_up"),
        ({"purchase": PURCHASE | {"lines": [{"sku": "a"}]}}, "/purchase/lines/0/quantity", "required"),
        ({"purchase": PURCHASE | {"lines": [LINES[0] | {"price": "1"}]}}, "/purchase/lines/0/price", "unknown_field"),
    ],
)
async def test_a_purchase_that_does_not_fit_is_told_where(shop: Shop, body: Any, pointer: str, code: str) -> None:
    await shop.open("m-1")
    refused = await shop.post("/v1/accounts/m-1/earn", body)
    assert refused.status_code == 422
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in refused.json()["errors"]]
    assert (await shop.balance("m-1"))["seq"] == 0


async def test_a_receipt_of_1000_lines_is_taken(shop: Shop) -> None:
    shop = await program(shop)
    lines = [{"sku": f"s{number}", "quantity": 1, "amount": "0.02"} for number in range(1000)]
    purchase = {"amount": "20.00", "currency": "EUR", "lines": lines}
    answer = await shop.post("/v1/accounts/m-1/earn", {"purchase": purchase, "order_id": "A-1"})
    assert (answer.status_code, answer.json()["points"]) == (201, 20)


async def test_points_that_wait_for_an_event_are_available_at_the_end_of_time(shop: Shop) -> None:
    shop = await program(shop, available={"mode": "on_event"}, expiry={"mode": "never"})
    answer = (await shop.post("/v1/accounts/m-1/earn", {"purchase": PURCHASE, "order_id": "A-1"})).json()
    assert (answer["available_at"], answer["expires_at"]) == ("9999-12-31T23:59:59.999999Z", None)
    assert (answer["pending_after"], answer["available_after"]) == (23, 0)
    preview = (await shop.post("/v1/purchases/preview", {"purchase": PURCHASE})).json()
    assert preview["available_at"] == "9999-12-31T23:59:59.999999Z"
