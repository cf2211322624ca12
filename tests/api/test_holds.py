"""Holds over HTTP: points set aside, captured or released once, and what everybody is told about them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger_service.api import views, views_of_orders
from tests.api.shop import Shop

REPLAYED = "idempotent-replayed"


async def held(shop: Shop, points: int = 60, **fields: Any) -> dict[str, Any]:
    """A hold on m-1, which has 100 points."""
    await shop.open("m-1", points=100)
    answer = await shop.post("/v1/accounts/m-1/holds", {"points": points, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_hold_sets_points_aside_and_tells_when_it_ends(shop: Shop) -> None:
    hold = await held(shop, 60, order_id="A-1", reason="a basket", metadata={"till": 7}, expires_in_seconds=60)
    views_of_orders.Hold.model_validate(hold)
    assert hold["hold_id"].startswith("hold_")
    named = {name: hold[name] for name in ("account_id", "points", "status", "seq", "order_id", "source")}
    assert named == {
        "account_id": "m-1",
        "points": 60,
        "status": "open",
        "seq": 2,
        "order_id": "A-1",
        "source": "shop-berlin",
    }
    assert (hold["reason"], hold["metadata"], hold["captured"], hold["closed_at"]) == (
        "a basket",
        {"till": 7},
        0,
        None,
    )
    balance = await shop.balance("m-1")
    assert (balance["available"], balance["held"], balance["balance"]) == (40, 60, 100)
    assert (await shop.get(f"/v1/holds/{hold['hold_id']}")).json() == hold


async def test_a_hold_lasts_15_minutes_unless_it_is_said_how_long(shop: Shop) -> None:
    theirs = await shop.neighbour(mode="test")
    await theirs.open("m-1", points=100)
    hold = (await theirs.post("/v1/accounts/m-1/holds", {"points": 5})).json()
    created, ends = (datetime.fromisoformat(hold[name]) for name in ("created_at", "expires_at"))
    assert (ends - created).total_seconds() == 900


async def test_a_capture_redeems_and_answers_the_redeem(shop: Shop) -> None:
    hold = await held(shop, 60, order_id="A-1")
    answer = await shop.post(f"/v1/holds/{hold['hold_id']}/capture")
    entry = views.Entry.model_validate(answer.json())
    assert (answer.status_code, entry.kind, entry.points, entry.order_id) == (201, "redeem", -60, "A-1")
    assert (entry.available_after, entry.held_after) == (40, 0)
    seen = (await shop.get(f"/v1/holds/{hold['hold_id']}")).json()
    assert (seen["status"], seen["captured"], seen["closed_seq"]) == ("captured", 60, entry.seq)
    views_of_orders.Hold.model_validate(seen)


async def test_a_capture_of_less_releases_the_rest(shop: Shop) -> None:
    hold = await held(shop, 60)
    answer = await shop.post(f"/v1/holds/{hold['hold_id']}/capture", {"points": 45})
    assert (answer.status_code, answer.json()["points"]) == (201, -45)
    balance = await shop.balance("m-1")
    assert (balance["available"], balance["held"], balance["balance"]) == (55, 0, 55)
    kinds = [entry["kind"] for entry in (await shop.get("/v1/accounts/m-1/entries")).json()["data"]]
    assert kinds == ["redeem", "release", "hold", "earn"]


async def test_a_release_gives_everything_back_and_answers_the_release(shop: Shop) -> None:
    hold = await held(shop, 60)
    answer = await shop.post(f"/v1/holds/{hold['hold_id']}/release")
    entry = views.Entry.model_validate(answer.json())
    assert (answer.status_code, entry.kind, entry.points, entry.available_after) == (201, "release", 0, 100)
    seen = (await shop.get(f"/v1/holds/{hold['hold_id']}")).json()
    assert (seen["status"], seen["captured"], seen["closed_seq"]) == ("released", 0, entry.seq)


@pytest.mark.parametrize(("first", "status"), [("capture", "captured"), ("release", "released")])
@pytest.mark.parametrize("then", ["capture", "release"])
async def test_a_hold_is_closed_once(shop: Shop, first: str, then: str, status: str) -> None:
    hold_id = (await held(shop))["hold_id"]
    closed = await shop.post(f"/v1/holds/{hold_id}/{first}", idempotency_key="k-1")
    again = await shop.post(f"/v1/holds/{hold_id}/{first}", idempotency_key="k-1")
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (201, closed.content, "true")
    refused = await shop.post(f"/v1/holds/{hold_id}/{then}", idempotency_key="k-2")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "hold_not_open")
    assert (problem["hold_id"], problem["hold_status"], problem["status"]) == (hold_id, status, 409)
    kept = await shop.post(f"/v1/holds/{hold_id}/{then}", idempotency_key="k-2")
    assert (kept.content, kept.headers[REPLAYED]) == (refused.content, "true")


async def test_the_answer_of_a_hold_stays_what_it_was_when_the_hold_is_long_captured(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    body = {"points": 60, "order_id": "A-1", "metadata": {"b": 1, "a": "ü"}}
    first = await shop.post("/v1/accounts/m-1/holds", body, idempotency_key="k-1")
    await shop.post(f"/v1/holds/{first.json()['hold_id']}/capture")
    again = await shop.post("/v1/accounts/m-1/holds", body, idempotency_key="k-1")
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (201, first.content, "true")


async def test_a_hold_needs_available_points_and_an_active_account(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    refused = (await shop.post("/v1/accounts/m-1/holds", {"points": 101})).json()
    numbers = [refused[name] for name in ("code", "available", "requested", "missing", "as_of_seq")]
    assert numbers == ["insufficient_points", 100, 101, 1, 1]
    await shop.post("/v1/accounts/m-1/status", {"status": "suspended", "reason": "lost"})
    refused = (await shop.post("/v1/accounts/m-1/holds", {"points": 1})).json()
    assert (refused["code"], refused["account_status"]) == ("account_not_active", "suspended")


async def test_a_capture_is_of_what_is_held_at_most(shop: Shop) -> None:
    hold_id = (await held(shop, 60))["hold_id"]
    refused = await shop.post(f"/v1/holds/{hold_id}/capture", {"points": 61})
    assert (refused.status_code, refused.json()["code"], refused.json()["remaining"]) == (409, "exceeds_remaining", 60)
    assert (await shop.balance("m-1"))["held"] == 60


async def test_an_order_is_redeemed_once_whether_at_once_or_by_a_capture(shop: Shop) -> None:
    hold_id = (await held(shop, 60, order_id="A-1"))["hold_id"]
    assert (await shop.post("/v1/accounts/m-1/redeem", {"points": 10, "order_id": "A-1"})).status_code == 201
    refused = await shop.post(f"/v1/holds/{hold_id}/capture")
    assert (refused.status_code, refused.json()["code"], refused.json()["seq"]) == (409, "duplicate_order", 3)
    assert (await shop.post(f"/v1/holds/{hold_id}/release")).status_code == 201


async def test_what_times_out_is_open_no_more_whether_or_not_anybody_came_by(shop: Shop) -> None:
    shop = await shop.neighbour(mode="test")
    hold = await held(shop, 60)
    hold_id, ends = hold["hold_id"], hold["expires_at"]
    await shop.services.programs.advance_clock(
        shop.program_id, datetime.fromisoformat(ends) - timedelta(microseconds=1)
    )
    assert (await shop.get(f"/v1/holds/{hold_id}")).json()["status"] == "open"
    await shop.services.programs.advance_clock(shop.program_id, datetime.fromisoformat(ends))
    seen = (await shop.get(f"/v1/holds/{hold_id}")).json()
    assert (seen["status"], seen["closed_at"], seen["closed_seq"]) == ("timed_out", ends, None)
    assert (await shop.get("/v1/accounts/m-1/holds")).json()["data"] == []
    refused = await shop.post(f"/v1/holds/{hold_id}/capture")
    assert (refused.json()["code"], refused.json()["hold_status"]) == ("hold_not_open", "timed_out")
    seen = (await shop.get(f"/v1/holds/{hold_id}")).json()
    assert (seen["status"], seen["closed_at"], seen["closed_seq"]) == ("timed_out", ends, 3)
    assert (await shop.balance("m-1"))["available"] == 100


async def test_open_holds_are_listed_soonest_time_out_first_page_by_page(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    seconds = [500, 100, 400, 200, 300]
    for number in seconds:
        await shop.post("/v1/accounts/m-1/holds", {"points": number // 100, "expires_in_seconds": number})
    pages, cursor = [], ""
    while True:
        page = (await shop.get(f"/v1/accounts/m-1/holds?limit=2{cursor}")).json()
        views_of_orders.HoldPage.model_validate(page)
        pages.append([hold["points"] for hold in page["data"]])
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == [[1, 2], [3, 4], [5]]
    captured = (await shop.get("/v1/accounts/m-1/holds")).json()["data"][0]["hold_id"]
    await shop.post(f"/v1/holds/{captured}/capture")
    assert len((await shop.get("/v1/accounts/m-1/holds")).json()["data"]) == 4


async def test_a_cursor_of_another_account_is_none_here(shop: Shop) -> None:
    for account_id in ("m-1", "m-2"):
        await shop.open(account_id, points=100)
        for _ in range(2):
            await shop.post(f"/v1/accounts/{account_id}/holds", {"points": 1})
    cursor = (await shop.get("/v1/accounts/m-1/holds?limit=1")).json()["next_cursor"]
    refused = await shop.get(f"/v1/accounts/m-2/holds?cursor={cursor}")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "bad_cursor")


@pytest.mark.parametrize("hold_id", ["hold_nobody", "a%20b", "a" * 65])
async def test_a_hold_that_does_not_exist_is_not_found(shop: Shop, hold_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/capture"), ("POST", "/release")):
        answer = await shop.call(method, f"/v1/holds/{hold_id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "hold_not_found")
    assert (await shop.get("/v1/accounts/nobody/holds")).json()["code"] == "account_not_found"


async def test_what_was_not_found_is_not_kept_under_the_key(shop: Shop) -> None:
    assert (await shop.post("/v1/holds/hold_nobody/release", idempotency_key="k-1")).status_code == 404
    await shop.open("m-1")
    assert (await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")).status_code == 201


@pytest.mark.parametrize("body", [None, {}])
async def test_a_release_needs_no_body_and_takes_none_that_says_something(shop: Shop, body: Any) -> None:
    hold_id = (await held(shop))["hold_id"]
    refused = await shop.post(f"/v1/holds/{hold_id}/release", {"points": 5})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/points")
    assert (await shop.post(f"/v1/holds/{hold_id}/release", body)).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"points": 0}, "/points"),
        ({}, "/points"),
        ({"points": 5, "expires_in_seconds": 0}, "/expires_in_seconds"),
        ({"points": 5, "expires_in_seconds": 604801}, "/expires_in_seconds"),
        ({"points": 5, "expires_in_seconds": 1.5}, "/expires_in_seconds"),
        ({"points": 5, "order_id": ""}, "/order_id"),
    ],
)
async def test_a_hold_that_does_not_fit_is_told_where(shop: Shop, body: Any, pointer: str) -> None:
    await shop.open("m-1", points=100)
    refused = await shop.post("/v1/accounts/m-1/holds", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_dry_run_sets_nothing_aside_and_captures_nothing(shop: Shop) -> None:
    hold_id = (await held(shop, 60))["hold_id"]
    dry = await shop.post("/v1/accounts/m-1/holds?dry_run=true", {"points": 5}, idempotency_key=None)
    assert (dry.status_code, dry.json()["points"]) == (201, 5)
    dry = await shop.post(f"/v1/holds/{hold_id}/capture?dry_run=true", idempotency_key=None)
    assert (dry.status_code, dry.json()["points"]) == (201, -60)
    balance = await shop.balance("m-1")
    assert (balance["seq"], balance["held"]) == (2, 60)


async def test_the_same_hold_asked_for_many_times_at_once_is_placed_once(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    calls = (shop.post("/v1/accounts/m-1/holds", {"points": 5}, idempotency_key="k-1") for _ in range(20))
    answers = await asyncio.gather(*calls)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert (await shop.balance("m-1"))["held"] == 5


async def test_a_hold_follows_its_account_into_another_one(shop: Shop) -> None:
    hold_id = (await held(shop, 60))["hold_id"]
    await shop.open("m-2")
    assert (await shop.post("/v1/accounts/m-1/merge", {"into": "m-2", "reason": "x"})).status_code == 201
    assert (await shop.get(f"/v1/holds/{hold_id}")).json()["account_id"] == "m-2"
    assert [hold["hold_id"] for hold in (await shop.get("/v1/accounts/m-2/holds")).json()["data"]] == [hold_id]
    captured = await shop.post(f"/v1/holds/{hold_id}/capture")
    assert (captured.status_code, captured.json()["account_id"]) == (201, "m-2")


async def test_a_hold_that_was_closed_before_a_merge_is_not_open_after_it(shop: Shop) -> None:
    hold_id = (await held(shop, 60))["hold_id"]
    await shop.open("m-2")
    first = await shop.post(f"/v1/holds/{hold_id}/release", idempotency_key="k-1")
    await shop.post("/v1/accounts/m-1/merge", {"into": "m-2", "reason": "x"})
    again = await shop.post(f"/v1/holds/{hold_id}/release", idempotency_key="k-1")
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    assert (await shop.post(f"/v1/holds/{hold_id}/release")).json()["code"] == "hold_not_open"
