"""Orders over HTTP: refunds in any split, points that wait for an event, and what cannot be taken back."""

from typing import Any
from urllib.parse import quote

import pytest

from ledger_service.api import views, views_of_orders
from tests.api.shop import Shop

REPLAYED = "idempotent-replayed"
RULES = [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}]
LINES = [
    {"sku": "coffee", "category": "DRINKS", "quantity": 4, "amount": "40.00"},
    {"sku": "apples", "quantity": "1.500", "amount": "60.00"},
]
PURCHASE = {"amount": "100.00", "currency": "EUR", "lines": LINES}


async def bought(shop: Shop, order_id: str = "A-1", purchase: Any = PURCHASE, **settings: Any) -> Shop:
    """A program with rules, and an account m-1 that earned a purchase of 100.00 EUR."""
    theirs = await shop.neighbour(mode="test", **({"currency": "EUR", "rules": RULES} | settings))
    await theirs.open("m-1")
    answer = await theirs.post("/v1/accounts/m-1/earn", {"purchase": purchase, "order_id": order_id})
    assert (answer.status_code, answer.json()["points"]) == (201, 100), answer.text
    return theirs


async def refund(shop: Shop, order_id: str = "A-1", key: str | None = None, **body: Any) -> Any:
    headers = {} if key is None else {"idempotency_key": key}
    return await shop.post(f"/v1/orders/{order_id}/refund", {"currency": "EUR"} | body, **headers)


def points(answer: Any) -> list[tuple[str, int]]:
    assert answer.status_code == 201, answer.text
    views_of_orders.Refunded.model_validate(answer.json())
    return [(entry["kind"], entry["points"]) for entry in answer.json()["entries"]]


async def test_a_refund_deducts_what_the_rest_would_not_have_earned(shop: Shop) -> None:
    shop = await bought(shop)
    answer = await refund(shop, amount="25.00", reason="broken")
    assert points(answer) == [("reverse_earn", -25)]
    entry = answer.json()["entries"][0]
    assert (entry["reason"], entry["reverses_seq"]) == ("broken", 1)
    assert answer.json()["remaining_purchase"]["amount"] == "75.00"
    assert (await shop.balance("m-1"))["available"] == 75


async def test_lines_are_returned_by_quantity_or_by_amount(shop: Shop) -> None:
    shop = await bought(shop)
    answer = await refund(shop, lines=[{"sku": "coffee", "quantity": 1}, {"sku": "apples", "amount": "30.00"}])
    assert points(answer) == [("reverse_earn", -40)]
    assert answer.json()["remaining_purchase"] == {
        "amount": "60.00",
        "lines": [
            {"sku": "coffee", "category": "DRINKS", "quantity": "3", "amount": "30.00"},
            {"sku": "apples", "quantity": "0.75", "amount": "30.00"},
        ],
    }


async def test_points_redeemed_on_the_order_come_back_first(shop: Shop) -> None:
    shop = await bought(shop)
    assert (await shop.post("/v1/accounts/m-1/redeem", {"points": 60, "order_id": "A-1"})).status_code == 201
    assert points(await refund(shop, amount="50.00")) == [("reverse_redeem", 30), ("reverse_earn", -50)]
    assert points(await refund(shop, amount="50.00")) == [("reverse_redeem", 30), ("reverse_earn", -50)]
    assert (await shop.balance("m-1"))["balance"] == 0


async def test_the_same_refund_under_the_same_key_is_a_replay_and_under_another_key_another_refund(shop: Shop) -> None:
    shop = await bought(shop)
    first = await refund(shop, key="k-1", amount="40.00")
    again = await refund(shop, key="k-1", amount="40.0")
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (201, first.content, "true")
    assert (await refund(shop, key="k-1", amount="41.00")).json()["code"] == "idempotency_key_reused"
    assert (await refund(shop, key="k-2", amount="40.00")).json()["remaining_purchase"]["amount"] == "20.00"
    assert (await refund(shop, key="k-1", amount="40.00")).content == first.content


@pytest.mark.parametrize(
    ("body", "remaining"),
    [
        ({"amount": "100.01"}, "100.00"),
        ({"lines": [{"sku": "coffee", "quantity": 5}]}, "4"),
        ({"lines": [{"sku": "apples", "amount": "60.01"}]}, "60.00"),
    ],
)
async def test_never_more_is_refunded_than_is_left(shop: Shop, body: Any, remaining: str) -> None:
    shop = await bought(shop)
    refused = await refund(shop, **body)
    assert (refused.status_code, refused.json()["code"]) == (409, "exceeds_remaining")
    assert refused.json()["remaining"] == remaining
    assert remaining in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/amount"),
        ({"amount": "1.00", "lines": [{"sku": "coffee", "quantity": 1}]}, "/lines"),
        ({"amount": "0.00"}, "/amount"),
        ({"amount": 5}, "/amount"),
        ({"amount": "1.00", "currency": "USD"}, "/currency"),
        ({"lines": []}, "/lines"),
        ({"lines": [{"sku": "coffee"}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "coffee", "quantity": 1, "amount": "1.00"}]}, "/lines/0/amount"),
        ({"lines": [{"sku": "coffee", "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "coffee", "quantity": 1}, {"sku": "pears", "quantity": 1}]}, "/lines/1/sku"),
    ],
)
async def test_a_refund_that_does_not_fit_is_told_where(shop: Shop, body: Any, pointer: str) -> None:
    shop = await bought(shop)
    refused = await refund(shop, **body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text
    assert (await shop.balance("m-1"))["seq"] == 1


@pytest.mark.parametrize("verb", ["refund", "confirm", "cancel"])
async def test_an_order_is_known_to_the_source_that_posted_it(shop: Shop, verb: str) -> None:
    shop = await bought(shop)
    body = {"amount": "1.00", "currency": "EUR"} if verb == "refund" else {}
    hamburg = await shop.key("adjust", source="shop-hamburg")
    for caller, order_id in ((shop, "A-2"), (hamburg, "A-1")):
        missing = await caller.post(f"/v1/orders/{order_id}/{verb}", body, idempotency_key="k-1")
        assert (missing.status_code, missing.json()["code"]) == (404, "order_not_found")
        assert missing.json()["order_id"] == order_id
    found = await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")
    assert found.status_code == 201


@pytest.mark.parametrize("order_id", ["2026/A 17", "Ä-1", "refund", "a/refund", "..", "100%", "a+b&c=d?e#f", "é" * 128])
async def test_an_order_is_found_by_whatever_the_caller_calls_it(shop: Shop, order_id: str) -> None:
    shop = await bought(shop, order_id)
    in_path = quote(order_id, safe="").replace(".", "%2E")
    assert points(await refund(shop, in_path, amount="100.00")) == [("reverse_earn", -100)]


@pytest.mark.parametrize("path", ["a/b/refund", "a%2Frefund", "refund", "a%2Fb", "a/refund%2F"])
async def test_a_slash_that_is_not_of_an_order_leads_nowhere(shop: Shop, path: str) -> None:
    shop = await bought(shop, "a/b")
    answer = await shop.post(f"/v1/orders/{path}", {"amount": "1.00", "currency": "EUR"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("order_id", ["", "é" * 129, "a%00b"])
async def test_an_order_that_cannot_exist_is_not_found(shop: Shop, order_id: str) -> None:
    answer = await refund(shop, order_id, amount="1.00")
    assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")


async def test_an_order_without_a_purchase_cannot_be_refunded(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.post("/v1/accounts/m-1/earn", {"points": 5, "order_id": "A-1"})
    await shop.post("/v1/accounts/m-1/redeem", {"points": 5, "order_id": "A-2"})
    for order_id in ("A-1", "A-2"):
        refused = await refund(shop, order_id, amount="1.00")
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_reverse")


async def test_an_order_is_confirmed_once_and_its_points_can_be_used_then(shop: Shop) -> None:
    shop = await bought(shop, available={"mode": "on_event"})
    assert (await shop.balance("m-1"))["pending"] == 100
    first = await shop.post("/v1/orders/A-1/confirm", idempotency_key="k-1")
    assert (first.status_code, [entry["kind"] for entry in first.json()["entries"]]) == (201, ["confirm"])
    assert (await shop.balance("m-1"))["available"] == 100
    again = await shop.post("/v1/orders/A-1/confirm", {}, idempotency_key="k-1")
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    other = await shop.post("/v1/orders/A-1/confirm", {"reason": "delivered"}, idempotency_key="k-2")
    assert (other.status_code, other.content, other.headers[REPLAYED]) == (200, first.content, "true")
    assert (await shop.balance("m-1"))["seq"] == 2


async def test_what_does_not_wait_cannot_be_confirmed(shop: Shop) -> None:
    shop = await bought(shop)
    refused = await shop.post("/v1/orders/A-1/confirm")
    assert (refused.status_code, refused.json()["code"], refused.json()["kind"]) == (409, "nothing_to_reverse", "earn")


@pytest.mark.parametrize("available", [{"mode": "on_event"}, {"mode": "immediately"}])
async def test_a_cancelled_order_loses_all_its_points(shop: Shop, available: Any) -> None:
    shop = await bought(shop, available=available)
    first = await shop.post("/v1/orders/A-1/cancel", {"reason": "not paid"}, idempotency_key="k-1")
    assert [(entry["kind"], entry["points"]) for entry in first.json()["entries"]] == [("reverse_earn", -100)]
    views.Entries.model_validate(first.json())
    again = await shop.post("/v1/orders/A-1/cancel", {"reason": "not paid"}, idempotency_key="k-1")
    assert again.content == first.content
    assert (await shop.balance("m-1"))["balance"] == 0
    assert (await shop.get("/v1/accounts/m-1")).json()["counters"]["visits"] == 0


async def test_an_order_is_found_where_its_account_went(shop: Shop) -> None:
    shop = await bought(shop)
    for source, into in (("m-1", "m-2"), ("m-2", "m-3")):
        await shop.open(into)
        assert (await shop.post(f"/v1/accounts/{source}/merge", {"into": into, "reason": "x"})).status_code == 201
    answer = await refund(shop, amount="25.00")
    assert points(answer) == [("reverse_earn", -25)]
    assert answer.json()["entries"][0]["account_id"] == "m-3"
    assert points(await refund(shop, amount="75.00")) == [("reverse_earn", -75)]
    assert (await shop.balance("m-3"))["balance"] == 0


async def test_a_dry_run_of_a_refund_says_what_it_would_come_to(shop: Shop) -> None:
    shop = await bought(shop)
    for _ in range(2):
        dry = await shop.post(
            "/v1/orders/A-1/refund?dry_run=true", {"amount": "60.00", "currency": "EUR"}, idempotency_key=None
        )
        assert points(dry) == [("reverse_earn", -60)]
        assert dry.json()["remaining_purchase"]["amount"] == "40.00"
    assert (await shop.balance("m-1"))["seq"] == 1
