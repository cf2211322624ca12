"""Rehearsing settings over HTTP: what they would have given for purchases that were made."""

from typing import Any

import pytest

from ledger_service.api import rehearsal
from ledger_service.api.rehearsal import RehearsalView
from tests.api.shop import Shop, fresh_slug

BASE: dict[str, Any] = {
    "auto_open": True,
    "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
    "tiers": {"levels": [{"id": "bronze", "at": 0}, {"id": "gold", "at": 50, "multiplier": "2"}]},
}
DOUBLE = BASE | {"rules": [{"id": "base", "type": "spend", "points": 2, "per": "1.00"}]}


async def opened(shop: Shop, **settings: Any) -> Shop:
    """A program with these settings."""
    answer = await shop.call("PUT", "/v1/program", BASE | settings, if_match='"1"')
    assert answer.status_code == 200, answer.text
    return shop


async def buy(shop: Shop, amount: str, account_id: str = "m-1", **others: Any) -> dict[str, Any]:
    purchase = {"amount": amount, "currency": "EUR"}
    answer = await shop.post(f"/v1/accounts/{account_id}/earn", {"purchase": purchase} | others)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def rehearse(shop: Shop, settings: dict[str, Any], **period: str) -> dict[str, Any]:
    answer = await shop.call(
        "POST",
        "/v1/program/rehearse",
        {"settings": settings} | period,
        idempotency_key=None,  # type: ignore[arg-type]
    )
    assert answer.status_code == 200, answer.text
    RehearsalView.model_validate(answer.json())
    return dict(answer.json())


async def test_the_difference_is_told_in_sum_and_by_example_and_nothing_is_written(shop: Shop) -> None:
    await opened(shop)
    await buy(shop, "10.00", order_id="A-1")
    await buy(shop, "30.00", "m-2", order_id="A-2")
    await buy(shop, "0.50", "m-3", order_id="A-3")
    before = [await shop.balance(account_id) for account_id in ("m-1", "m-2", "m-3")]
    told = await rehearse(shop, DOUBLE)
    assert (told["purchases"], told["points_before"], told["points_after"], told["difference"]) == (3, 40, 81, 41)
    assert (told["accounts_changed"], told["truncated"]) == (3, False)
    assert told["examples"] == [
        {"account_id": "m-2", "seq": 1, "order_id": "A-2", "points_before": 30, "points_after": 60},
        {"account_id": "m-1", "seq": 1, "order_id": "A-1", "points_before": 10, "points_after": 20},
        {"account_id": "m-3", "seq": 1, "order_id": "A-3", "points_before": 0, "points_after": 1},
    ]
    after = [await shop.balance(account_id) for account_id in ("m-1", "m-2", "m-3")]
    assert [view | {"as_of": ""} for view in before] == [view | {"as_of": ""} for view in after]
    assert (await shop.get("/v1/program")).json()["version"] == 2


async def test_the_settings_that_decide_now_make_no_difference(shop: Shop) -> None:
    """Each purchase is looked at in the circumstances of then: the level, and whether it was the first."""
    hello = {"id": "hello", "type": "fixed", "points": 100, "when": {"first_purchase": True}}
    settings = BASE | {"rules": [*BASE["rules"], hello]}
    await opened(shop, **settings)
    earned = [(await buy(shop, "30.00"))["points"] for _ in range(3)]
    assert earned == [130, 60, 60]
    told = await rehearse(shop, settings)
    assert (told["purchases"], told["points_before"], told["difference"]) == (3, 250, 0)
    assert (told["accounts_changed"], told["examples"]) == (0, [])


async def test_a_level_counts_by_what_the_proposed_settings_say_of_it(shop: Shop) -> None:
    await opened(shop)
    for _ in range(2):
        await buy(shop, "50.00")  # the second as gold
    higher = BASE | {"tiers": {"levels": [{"id": "bronze", "at": 0}, {"id": "gold", "at": 50, "multiplier": "3"}]}}
    assert (await rehearse(shop, higher))["points_after"] == 50 + 150
    assert (await rehearse(shop, BASE | {"tiers": None}))["points_after"] == 50 + 50


async def test_explicit_points_are_no_purchases(shop: Shop) -> None:
    await opened(shop)
    await shop.post("/v1/accounts/m-1/earn", {"points": 500})
    assert (await rehearse(shop, DOUBLE))["purchases"] == 0


async def test_a_period_chooses_by_when_it_was_bought(shop: Shop) -> None:
    body = {"slug": fresh_slug("t"), "mode": "test", "clock": "2026-12-03T12:00:00Z", "settings": BASE}
    made = await (await shop.key("operator")).post("/v1/programs", body)
    program = shop.with_token(made.json()["api_key"])
    await buy(program, "1.00", occurred_at="2026-11-03T12:00:00Z")
    await buy(program, "2.00", occurred_at="2026-11-03T11:59:59Z")
    await buy(program, "4.00")
    told = await rehearse(program, DOUBLE)
    assert (told["points_before"], told["from"], told["to"]) == (5, "2026-11-03T12:00:00Z", "2026-12-03T12:00:00Z")
    assert (await rehearse(program, DOUBLE, to="2026-12-03T12:00:00Z"))["points_before"] == 1
    assert (await rehearse(program, DOUBLE, to="2026-11-03T12:00:00Z"))["points_before"] == 2
    whole = await rehearse(program, DOUBLE, **{"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"})
    assert whole["points_before"] == 7


async def test_only_the_newest_purchases_are_looked_at_and_that_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(shop)
    for amount in ("1.00", "2.00", "4.00"):
        await buy(shop, amount)
    monkeypatch.setattr(rehearsal, "PURCHASES_MAX", 2)
    told = await rehearse(shop, DOUBLE)
    assert (told["purchases"], told["points_before"], told["truncated"]) == (2, 6, True)
    monkeypatch.setattr(rehearsal, "PURCHASES_MAX", 3)
    assert (await rehearse(shop, DOUBLE))["truncated"] is False


async def test_a_rehearsal_ends_with_what_it_has_when_the_deadline_is_near(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(shop)
    await buy(shop, "1.00")
    monkeypatch.setattr(rehearsal, "SECONDS_LEFT", 10.0)
    told = await rehearse(shop, DOUBLE)
    assert (told["purchases"], told["truncated"]) == (1, True)


async def test_only_the_ten_largest_differences_are_examples(shop: Shop) -> None:
    await opened(shop)
    for number in range(12):
        await buy(shop, f"{number + 1}.00", f"m-{number}")
    told = await rehearse(shop, DOUBLE)
    assert [each["points_before"] for each in told["examples"]] == list(range(12, 2, -1))
    assert told["accounts_changed"] == 12


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/settings"),
        ({"settings": {"rules": [{"id": "a", "type": "spend", "points": 1}]}}, "/settings/rules/0/per"),
        ({"settings": {"expiry": {"mode": "after"}}}, "/settings/expiry"),
        ({"settings": {}, "from": "yesterday"}, "/from"),
        ({"settings": {}, "from": "2999-01-01T00:00:00Z"}, "/to"),
        ({"settings": {}, "from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, "/to"),
        ({"settings": {}, "from_": "2026-01-02T00:00:00Z"}, "/from_"),
    ],
)
async def test_what_does_not_fit_is_refused_with_a_pointer(shop: Shop, body: Any, pointer: str) -> None:
    answer = await shop.post("/v1/program/rehearse", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_another_programs_purchases_are_not_looked_at(shop: Shop) -> None:
    await opened(shop)
    await buy(shop, "10.00")
    neighbour = await shop.neighbour(**BASE)
    assert (await rehearse(neighbour, DOUBLE))["purchases"] == 0
    assert (await (await shop.key("read")).post("/v1/program/rehearse", {"settings": {}})).status_code == 403
