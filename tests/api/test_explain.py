"""The explanation of a balance over HTTP."""

import pytest

from ledger_service.api.views_of_reports import Explanation
from tests.api.shop import Shop

PATH = "/v1/accounts/m-1/explain"
LATER = "2999-01-01T00:00:00Z"


async def explained(shop: Shop, query: str = "") -> Explanation:
    answer = await shop.get(PATH + query)
    assert answer.status_code == 200, answer.text
    return Explanation.model_validate(answer.json())


async def test_every_point_of_a_balance_has_an_entry_and_every_entry_a_sentence(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.post("/v1/accounts/m-1/earn", {"points": 20, "expires_at": LATER})
    await shop.post("/v1/accounts/m-1/redeem", {"points": 30, "order_id": "A-1"})
    await shop.post("/v1/accounts/m-1/holds", {"points": 5})
    found = await explained(shop)
    assert (found.balance, sum(lot.points for lot in found.lots)) == (90, 85)
    ((lot,), (portion,)) = (found.lots, found.lots[0].from_)
    assert (lot.expires_at, lot.available_at, lot.points) == (None, None, 85)
    assert (portion.seq, portion.points) == (1, 85)
    told = [(entry.seq, entry.kind, entry.points, entry.rule_version) for entry in found.movements]
    assert told == [(4, "hold", 0, 1), (3, "redeem", -30, 1), (2, "earn", 20, 1), (1, "earn", 100, 1)]
    assert found.movements[1].sentence.startswith("30 points were redeemed on ")
    assert found.movements[1].sentence.endswith(" (order A-1).")
    assert found.sentence.startswith("85 points can be used now. 5 points were set aside for a purchase until ")


async def test_the_names_in_the_answer_are_those_of_the_contract(shop: Shop) -> None:
    await shop.open("m-1", points=7)
    answer = (await shop.get(PATH)).json()
    assert list(answer) == ["balance", "lots", "movements", "sentence"]
    assert answer["lots"] == [
        {"expires_at": None, "available_at": None, "points": 7, "from": [{"seq": 1, "points": 7}]}
    ]


async def test_as_many_movements_are_told_as_were_asked_for_and_all_are_followed(shop: Shop) -> None:
    await shop.open("m-1", points=1)
    for points in (2, 3):
        await shop.post("/v1/accounts/m-1/earn", {"points": points})
    found = await explained(shop, "?limit=1")
    assert [entry.seq for entry in found.movements] == [3]
    assert [portion.points for portion in found.lots[0].from_] == [1, 2, 3]


async def test_points_have_the_programs_name_and_days_its_time_zone(shop: Shop) -> None:
    stars = await shop.neighbour(
        "stars", mode="test", auto_open=True, point_name={"one": "star", "many": "stars"}, time_zone="Asia/Tokyo"
    )
    await stars.post("/v1/test-clock/advance", {"to": "2999-01-01T20:00:00Z"})
    await stars.post("/v1/accounts/m-1/earn", {"points": 1})
    found = await explained(stars)
    assert found.movements[0].sentence == "1 star was earned on 2 January 2999."
    assert found.sentence == "1 star can be used now."


async def test_a_new_account_has_nothing_to_explain(shop: Shop) -> None:
    await shop.open("m-1")
    found = await explained(shop)
    assert (found.balance, found.lots, found.movements) == (0, [], [])
    assert found.sentence == "0 points can be used now."


async def test_no_account_no_explanation(shop: Shop) -> None:
    answer = await shop.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "at=2026-01-01T00:00:00Z", "limit=1&limit=2"])
async def test_a_question_that_is_not_understood_is_not_answered_as_another(shop: Shop, query: str) -> None:
    await shop.open("m-1")
    answer = await shop.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
