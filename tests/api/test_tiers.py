"""Tiers over HTTP: a tier given by hand is a floor, and everybody is told how far the next one is."""

from typing import Any

import pytest

from ledger_service.api import views
from tests.api.shop import Shop

LEVELS = [{"id": "bronze", "at": 0}, {"id": "silver", "at": 100}, {"id": "gold", "at": 1000, "multiplier": "2"}]
TIERS = {"measure": "points_earned", "window": {"mode": "calendar_year"}, "levels": LEVELS}


async def program(shop: Shop, **tiers: Any) -> Shop:
    """A program with tiers, and an account m-1 that earned 40 points."""
    theirs = await shop.neighbour(mode="test", tiers=TIERS | tiers)
    await theirs.open("m-1", points=40)
    return theirs


async def give(shop: Shop, tier: str | None, key: str | None = None, **more: Any) -> Any:
    headers = {} if key is None else {"idempotency_key": key}
    return await shop.post("/v1/accounts/m-1/tier", {"tier": tier, "reason": "a gift"} | more, **headers)


def level(account: dict[str, Any]) -> str | None:
    views.Account.model_validate(account)
    return None if account["tier"] is None else str(account["tier"]["id"])


async def test_an_account_reaches_its_tier_by_itself_and_is_told_how_far_the_next_one_is(shop: Shop) -> None:
    shop = await program(shop)
    tier = (await shop.get("/v1/accounts/m-1")).json()["tier"]
    assert (tier["id"], tier["measure"], tier["next"]) == ("bronze", 40, {"id": "silver", "at": 100, "missing": 60})
    await shop.post("/v1/accounts/m-1/earn", {"points": 60})
    tier = (await shop.get("/v1/accounts/m-1")).json()["tier"]
    assert (tier["id"], tier["next"]) == ("silver", {"id": "gold", "at": 1000, "missing": 900})


async def test_a_tier_given_by_hand_is_answered_with_the_account(shop: Shop) -> None:
    shop = await program(shop)
    answer = await give(shop, "gold", key="k-1")
    assert (answer.status_code, level(answer.json())) == (200, "gold")
    assert (await shop.get("/v1/accounts/m-1")).json() == answer.json()
    again = await give(shop, "gold", key="k-1")
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (200, answer.content, "true")
    entry = (await shop.get("/v1/accounts/m-1/entries/2")).json()
    assert (entry["kind"], entry["points"], entry["reason"]) == ("tier", 0, "a gift")


async def test_a_tier_given_by_hand_is_a_floor_that_null_ends(shop: Shop) -> None:
    shop = await program(shop)
    assert level((await give(shop, "silver")).json()) == "silver"
    await shop.post("/v1/accounts/m-1/earn", {"points": 1000})
    assert level((await shop.get("/v1/accounts/m-1")).json()) == "gold"
    assert level((await give(shop, None)).json()) == "gold"


async def test_a_floor_ends_by_itself(shop: Shop) -> None:
    shop = await program(shop)
    answer = await give(shop, "gold", until="2999-01-01T00:00:00Z")
    assert answer.json()["tier"]["valid_until"] == "2999-01-01T00:00:00Z"
    assert (await shop.post("/v1/test-clock/advance", {"to": "2999-01-01T00:00:00Z"})).status_code == 200
    assert level((await shop.get("/v1/accounts/m-1")).json()) == "bronze"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"tier": "platinum", "reason": "x"}, "/tier"),
        ({"tier": "", "reason": "x"}, "/tier"),
        ({"reason": "x"}, "/tier"),
        ({"tier": "gold"}, "/reason"),
        ({"tier": "gold", "reason": "x", "until": "2000-01-01T00:00:00Z"}, "/until"),
        ({"tier": None, "reason": "x", "until": "2999-01-01T00:00:00Z"}, "/until"),
    ],
)
async def test_a_tier_that_does_not_fit_is_told_where(shop: Shop, body: Any, pointer: str) -> None:
    shop = await program(shop)
    refused = await shop.post("/v1/accounts/m-1/tier", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_program_without_tiers_gives_none(shop: Shop) -> None:
    await shop.open("m-1")
    refused = await give(shop, "gold")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/tier")
    assert (await shop.get("/v1/accounts/m-1")).json()["tier"] is None


async def test_a_tier_of_spend_is_told_in_money(shop: Shop) -> None:
    levels = [{"id": "bronze", "at": "0"}, {"id": "silver", "at": "99.50"}]
    shop = await program(shop, measure="spend", levels=levels)
    purchase = {"amount": "40.00", "currency": "EUR"}
    assert (await shop.post("/v1/accounts/m-1/earn", {"purchase": purchase})).status_code == 201
    account = (await shop.get("/v1/accounts/m-1")).json()
    views.Account.model_validate(account)
    assert account["tier"]["measure"] == "40.00"
    assert account["tier"]["next"] == {"id": "silver", "at": "99.50", "missing": "59.50"}


async def test_a_dry_run_gives_nothing(shop: Shop) -> None:
    shop = await program(shop)
    dry = await shop.post("/v1/accounts/m-1/tier?dry_run=true", {"tier": "gold", "reason": "x"}, idempotency_key=None)
    assert (dry.status_code, level(dry.json())) == (200, "gold")
    assert level((await shop.get("/v1/accounts/m-1")).json()) == "bronze"
