"""Transfers over HTTP: from one account to another, both entries or none."""

import asyncio
from typing import Any

import pytest

from ledger_service.api import views
from tests.api.shop import Shop

REPLAYED = "idempotent-replayed"


async def transfer(shop: Shop, points: int = 40, to: str = "m-2", key: str | None = None, **more: Any) -> Any:
    headers = {} if key is None else {"idempotency_key": key}
    body = {"from_account": "m-1", "to_account": to, "points": points} | more
    return await shop.post("/v1/transfers", body, **headers)


async def two(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.open("m-2")


async def test_points_move_with_both_entries_under_one_id(shop: Shop) -> None:
    await two(shop)
    answer = await transfer(shop, reason="a present")
    assert answer.status_code == 201, answer.text
    out, into = views.Entries.model_validate(answer.json()).entries
    assert (out.account_id, out.kind, out.points, out.balance_after) == ("m-1", "transfer_out", -40, 60)
    assert (into.account_id, into.kind, into.points, into.balance_after) == ("m-2", "transfer_in", 40, 40)
    assert out.transfer_id == into.transfer_id
    assert str(out.transfer_id).startswith("tr_")
    assert (out.reason, into.reason) == ("a present", "a present")
    assert (await shop.get("/v1/accounts/m-2/entries/1")).json() == answer.json()["entries"][1]
    assert (await shop.get("/v1/accounts/m-2")).json()["counters"]["lifetime_points"] == 0


async def test_points_keep_their_dates(shop: Shop) -> None:
    await shop.open("m-1")
    await shop.open("m-2")
    for expires_at in ("2998-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        await shop.post("/v1/accounts/m-1/earn", {"points": 30, "expires_at": expires_at})
    assert (await transfer(shop, 40)).status_code == 201
    lots = (await shop.get("/v1/accounts/m-2/lots")).json()
    assert [(lot["expires_at"], lot["points"]) for lot in lots] == [
        ("2998-01-01T00:00:00Z", 30),
        ("2999-01-01T00:00:00Z", 10),
    ]


async def test_the_same_key_again_is_the_first_answer_again_byte_for_byte(shop: Shop) -> None:
    await two(shop)
    first = await transfer(shop, key="k-1")
    await shop.post("/v1/accounts/m-2/earn", {"points": 1})
    again = await transfer(shop, key="k-1")
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (201, first.content, "true")
    assert (await transfer(shop, 41, key="k-1")).json()["code"] == "idempotency_key_reused"
    assert (await shop.balance("m-1"))["available"] == 60


async def test_only_available_points_can_be_given_away(shop: Shop) -> None:
    await two(shop)
    await shop.post("/v1/accounts/m-1/holds", {"points": 30})
    await shop.post("/v1/accounts/m-1/earn", {"points": 9, "available_at": "2999-01-01T00:00:00Z"})
    refused = await transfer(shop, 71, key="k-1")
    problem = refused.json()
    numbers = [problem[name] for name in ("code", "available", "requested", "missing", "as_of_seq")]
    assert numbers == ["insufficient_points", 70, 71, 1, 3]
    assert (await transfer(shop, 71, key="k-1")).content == refused.content
    assert (await shop.balance("m-2"))["seq"] == 0


async def test_nobody_transfers_to_themselves_or_to_nobody(shop: Shop) -> None:
    await two(shop)
    same = await transfer(shop, to="m-1")
    assert same.status_code == 422
    assert same.json()["errors"] == [
        {"pointer": "/to_account", "code": "the_same_account", "detail": "Must be another account."}
    ]
    missing = await transfer(shop, to="nobody")
    assert (missing.status_code, missing.json()["code"], missing.json()["account_id"]) == (
        404,
        "account_not_found",
        "nobody",
    )


@pytest.mark.parametrize(
    ("account_id", "status", "code"),
    [
        ("m-1", "suspended", "account_not_active"),
        ("m-1", "closed", "account_not_active"),
        ("m-2", "closed", "account_not_active"),
        ("m-2", "suspended", None),
    ],
)
async def test_who_gives_is_active_and_who_takes_is_not_closed(
    shop: Shop, account_id: str, status: str, code: str | None
) -> None:
    await two(shop)
    await shop.post(f"/v1/accounts/{account_id}/status", {"status": status, "reason": "x"})
    answer = await transfer(shop)
    if code is None:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()["code"], answer.json()["account_status"]) == (409, code, status)


async def test_a_merged_account_gets_nothing(shop: Shop) -> None:
    await two(shop)
    await shop.open("m-3")
    await shop.post("/v1/accounts/m-2/merge", {"into": "m-3", "reason": "x"})
    refused = await transfer(shop)
    assert (refused.status_code, refused.json()["code"], refused.json()["into"]) == (409, "account_merged", "m-3")


async def test_a_dry_run_moves_nothing(shop: Shop) -> None:
    await two(shop)
    body = {"from_account": "m-1", "to_account": "m-2", "points": 40}
    dry = await shop.post("/v1/transfers?dry_run=true", body, idempotency_key=None)
    assert [entry["points"] for entry in dry.json()["entries"]] == [-40, 40]
    assert [(await shop.balance(account_id))["balance"] for account_id in ("m-1", "m-2")] == [100, 0]


async def test_transfers_in_both_directions_at_once_lose_nothing(shop: Shop) -> None:
    for account_id in ("m-1", "m-2"):
        await shop.open(account_id, points=50)
    pairs = [("m-1", "m-2"), ("m-2", "m-1")] * 10
    answers = await asyncio.gather(
        *(shop.post("/v1/transfers", {"from_account": a, "to_account": b, "points": 5}) for a, b in pairs)
    )
    assert {answer.status_code for answer in answers} == {201}
    assert [(await shop.balance(account_id))["balance"] for account_id in ("m-1", "m-2")] == [50, 50]
