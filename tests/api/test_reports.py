"""The reports over HTTP."""

from typing import Any

import pytest

from ledger_service.api.views_of_reports import Liability, RollForward, TrialBalance
from tests.api.shop import Shop

FIRST = "2999-01-01T12:00:00Z"
PATHS = ("/v1/reports/liability", "/v1/reports/roll-forward?from=2999-01-01&to=2999-01-31", "/v1/reports/trial-balance")


async def club(shop: Shop) -> Shop:
    """A test program in Berlin, whose clock stands at noon of the first day of 2999. Points live for a month."""
    opened = await shop.neighbour(
        "club",
        mode="test",
        auto_open=True,
        time_zone="Europe/Berlin",
        clawback={"mode": "allow_debt"},
        expiry={"mode": "after", "months": 1},
    )
    await advance(opened, FIRST)
    return opened


async def advance(shop: Shop, to: str) -> None:
    answer = await shop.post("/v1/test-clock/advance", {"to": to})
    assert answer.status_code == 200, answer.text


async def liability(shop: Shop, as_of: str = "") -> Liability:
    answer = await shop.get("/v1/reports/liability" + (f"?as_of={as_of}" if as_of else ""))
    assert answer.status_code == 200, answer.text
    return Liability.model_validate(answer.json())


async def roll_forward(shop: Shop, begin: str, end: str) -> RollForward:
    answer = await shop.get(f"/v1/reports/roll-forward?from={begin}&to={end}")
    assert answer.status_code == 200, answer.text
    return RollForward.model_validate(answer.json())


async def test_a_month_is_told_from_its_opening_to_its_closing(shop: Shop) -> None:
    shop = await club(shop)
    await shop.post("/v1/accounts/m-1/earn", {"points": 100})
    await shop.post("/v1/accounts/m-2/earn", {"points": 50, "available_at": "2999-01-10T00:00:00Z"})
    await advance(shop, "2999-01-02T12:00:00Z")
    await shop.post("/v1/accounts/m-1/redeem", {"points": 30})
    await shop.post("/v1/accounts/m-1/entries/2/reverse", {"points": 10, "reason": "returned"})
    await shop.post("/v1/accounts/m-1/entries/1/reverse", {"points": 5, "reason": "returned"})
    await shop.post("/v1/accounts/m-1/adjust", {"points": -2, "reason": "a mistake"})
    await shop.post("/v1/accounts/m-1/holds", {"points": 20})
    found = await liability(shop)
    assert found.model_dump() == {
        "as_of": "2999-01-02T12:00:00Z",
        "available": 53,
        "pending": 50,
        "held": 20,
        "debt": 0,
        "total": 123,
        "never_expiring": 0,
        "by_expiry": [{"month": "2999-02", "points": 103}],
    }
    lines: dict[str, Any] = (await roll_forward(shop, "2999-01-01", "2999-02-28")).model_dump()
    assert lines == {
        "opening": 0,
        "issued": 150,
        "restored": 10,
        "adjusted": -2,
        "redeemed": -30,
        "expired": -123,
        "taken_back": -5,
        "closing": 0,
        "written_off": 0,
    }
    # The points live through the first of February, in Berlin.
    assert (await roll_forward(shop, "2999-01-01", "2999-02-01")).closing == 123
    assert (await liability(shop, "2999-02-01")).total == 123
    assert (await liability(shop, "2999-02-01")).as_of == "2999-02-01T22:59:59.999999Z"
    assert (await liability(shop, "2999-02-01T23:00:00Z")).total == 50
    # In the past, and after the due work is done, the same.
    await advance(shop, "2999-06-01T00:00:00Z")
    assert (await roll_forward(shop, "2999-01-01", "2999-02-28")).model_dump() == lines
    assert (await liability(shop, "2999-01-02T12:00:00Z")).total == 123
    assert (await liability(shop)).total == 0


async def test_a_debt_makes_less_available_and_is_told_beside_it(shop: Shop) -> None:
    shop = await club(shop)
    await shop.post("/v1/accounts/m-1/earn", {"points": 10})
    await shop.post("/v1/accounts/m-1/adjust", {"points": -25, "reason": "a mistake", "allow_negative": True})
    await shop.post("/v1/accounts/m-2/earn", {"points": 100})
    found = await liability(shop)
    assert (found.available, found.debt, found.total) == (85, 15, 85)
    assert found.never_expiring + sum(month.points for month in found.by_expiry) == 100


async def test_the_trial_balance_comes_to_0(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.open("m-2", points=5)
    await shop.post("/v1/accounts/m-1/redeem", {"points": 30})
    await shop.post("/v1/transfers", {"from_account": "m-1", "to_account": "m-2", "points": 7})
    found = TrialBalance.model_validate((await shop.get("/v1/reports/trial-balance")).json())
    assert found.total == 0
    assert {account.name: account.points for account in found.accounts} == {
        "members": 75,
        "issued": -105,
        "redeemed": 30,
        "expired": 0,
        "taken_back": 0,
        "given_back": 0,
        "adjusted": 0,
        "transferred": 0,
        "merged": 0,
    }
    assert found.accounts[0].name == "members"


@pytest.mark.parametrize("path", PATHS)
async def test_reports_are_for_administrators(shop: Shop, path: str) -> None:
    till = await shop.key("read", "earn", "redeem", "adjust", "accounts")
    assert (await till.get(path)).json()["code"] == "forbidden"
    assert (await shop.get(path)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_reports_tell_one_program_only(shop: Shop, path: str) -> None:
    await shop.open("m-1", points=100)
    neighbour = await shop.neighbour()
    assert "100" not in (await neighbour.get(path)).text


@pytest.mark.parametrize(
    "question",
    [
        "liability?as_of=",
        "liability?as_of=2026-02-30",
        "liability?as_of=2026-W01-1",
        "liability?as_of=1969-12-31",
        "liability?as_of=9999-01-01",
        "liability?as_of=9999-01-01T00:00:00Z",
        "liability?as_of=2026-01-01T00:00:00",
        "liability?at=2026-01-01",
        "liability?as_of=2026-01-01&as_of=2026-01-02",
        "roll-forward",
        "roll-forward?from=2026-01-01",
        "roll-forward?from=2026-01-02&to=2026-01-01",
        "roll-forward?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        "roll-forward?from=x&to=2026-01-01",
        "trial-balance?as_of=2026-01-01",
    ],
)
async def test_a_question_that_is_not_understood_is_not_answered_as_another(shop: Shop, question: str) -> None:
    answer = await shop.get(f"/v1/reports/{question}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"].startswith("/query/")


async def test_a_caller_in_a_hurry_is_answered_in_time(shop: Shop) -> None:
    """However large the books are, a report is broken off at the caller's deadline."""
    answer = await shop.get("/v1/reports/liability", x_request_timeout_ms="1")
    assert answer.status_code in (200, 503)
    assert (await shop.get("/v1/reports/liability")).status_code == 200
