"""Merging over HTTP: everything of one account moves to another, and back for 30 days."""

from datetime import datetime, timedelta
from typing import Any

from ledger_service.api import views
from tests.api.shop import Shop

REPLAYED = "idempotent-replayed"
CARD = {"type": "card", "value": "29001234"}


async def two(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    await shop.open("m-2", points=20)
    assert (await shop.post("/v1/accounts/m-1/identifiers", CARD)).status_code == 201


async def merge(shop: Shop, source: str = "m-1", into: str = "m-2", **headers: str) -> Any:
    return await shop.post(f"/v1/accounts/{source}/merge", {"into": into, "reason": "one person"}, **headers)


async def unmerge(shop: Shop, account_id: str = "m-1", **headers: str) -> Any:
    return await shop.post(f"/v1/accounts/{account_id}/unmerge", {"reason": "two people"}, **headers)


async def test_everything_moves_to_the_survivor(shop: Shop) -> None:
    await two(shop)
    await shop.post("/v1/accounts/m-1/holds", {"points": 30})
    answer = await merge(shop)
    assert answer.status_code == 201, answer.text
    out, into = views.Entries.model_validate(answer.json()).entries
    assert (out.account_id, out.kind, out.points, out.balance_after, out.held_after) == ("m-1", "merge_out", -100, 0, 0)
    assert (into.account_id, into.kind, into.points, into.held_after) == ("m-2", "merge_in", 100, 30)
    assert out.transfer_id == into.transfer_id
    survivor = await shop.balance("m-2")
    assert (survivor["balance"], survivor["available"], survivor["held"]) == (120, 90, 30)
    found = (await shop.post("/v1/accounts/lookup", CARD)).json()
    assert found["account"]["account_id"] == "m-2"
    assert (await shop.get("/v1/accounts/m-2")).json()["counters"]["lifetime_points"] == 120


async def test_a_merged_account_still_answers_and_tells_where_to_post(shop: Shop) -> None:
    await two(shop)
    await merge(shop)
    account = (await shop.get("/v1/accounts/m-1")).json()
    assert (account["status"], account["merged_into"], account["identifiers"]) == ("merged", "m-2", [])
    views.Account.model_validate(account)
    assert (await shop.balance("m-1"))["balance"] == 0
    calls: list[tuple[str, Any]] = [
        ("/v1/accounts/m-1/earn", {"points": 5}),
        ("/v1/accounts/m-1/redeem", {"points": 5}),
        ("/v1/accounts/m-1/holds", {"points": 5}),
        ("/v1/accounts/m-1/adjust", {"points": 5, "reason": "x"}),
        ("/v1/accounts/m-1/merge", {"into": "m-2", "reason": "x"}),
        ("/v1/accounts/m-1/status", {"status": "active", "reason": "x"}),
        ("/v1/accounts/m-1/tier", {"tier": None, "reason": "x"}),
        ("/v1/transfers", {"from_account": "m-1", "to_account": "m-2", "points": 5}),
    ]
    for path, body in calls:
        refused = await shop.post(path, body)
        told = (refused.status_code, refused.json()["code"], refused.json().get("into"))
        assert told == (409, "account_merged", "m-2"), path


async def test_the_same_key_again_is_the_first_answer_again_byte_for_byte(shop: Shop) -> None:
    await two(shop)
    first = await merge(shop, idempotency_key="k-1")
    again = await merge(shop, idempotency_key="k-1")
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (201, first.content, "true")
    back = await unmerge(shop, idempotency_key="k-2")
    assert (await unmerge(shop, idempotency_key="k-2")).content == back.content
    assert (await merge(shop, idempotency_key="k-1")).content == first.content
    assert (await shop.balance("m-1"))["balance"] == 100


async def test_an_account_merges_into_another_one_that_is_there(shop: Shop) -> None:
    await two(shop)
    same = await merge(shop, into="m-1")
    assert (same.status_code, same.json()["errors"][0]["pointer"]) == (422, "/into")
    missing = await merge(shop, into="nobody")
    assert (missing.status_code, missing.json()["account_id"]) == (404, "nobody")
    await shop.open("m-3")
    await merge(shop, into="m-3")
    refused = await merge(shop, source="m-2", into="m-1")
    assert (refused.status_code, refused.json()["code"], refused.json()["into"]) == (409, "account_merged", "m-3")


async def test_nothing_merges_with_a_closed_account(shop: Shop) -> None:
    await two(shop)
    await shop.post("/v1/accounts/m-2/status", {"status": "closed", "reason": "x"})
    for source, into in (("m-1", "m-2"), ("m-2", "m-1")):
        refused = await merge(shop, source, into)
        assert (refused.status_code, refused.json()["account_status"]) == (409, "closed")


async def test_a_merge_is_undone_with_what_had_moved(shop: Shop) -> None:
    await two(shop)
    await shop.post("/v1/accounts/m-1/holds", {"points": 30})
    await merge(shop)
    answer = await unmerge(shop)
    assert answer.status_code == 201, answer.text
    out, into = views.Entries.model_validate(answer.json()).entries
    assert (out.account_id, out.kind, out.points) == ("m-2", "merge_out", -100)
    assert (into.account_id, into.kind, into.points, into.held_after) == ("m-1", "merge_in", 100, 30)
    account = (await shop.get("/v1/accounts/m-1")).json()
    assert (account["status"], account["merged_into"]) == ("active", None)
    assert (await shop.post("/v1/accounts/lookup", CARD)).json()["account"]["account_id"] == "m-1"
    assert (await shop.balance("m-2"))["balance"] == 20


async def test_a_merge_is_undone_once_and_only_when_there_was_one(shop: Shop) -> None:
    await two(shop)
    for _ in range(2):
        refused = await unmerge(shop)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_reverse")
        assert refused.json()["kind"] == "merge"
        await merge(shop)
        assert (await unmerge(shop)).status_code == 201
    missing = await unmerge(shop, "nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "account_not_found")


async def test_a_merge_cannot_be_undone_when_the_points_are_spent(shop: Shop) -> None:
    await two(shop)
    await merge(shop)
    assert (await shop.post("/v1/accounts/m-2/redeem", {"points": 50})).status_code == 201
    refused = (await unmerge(shop)).json()
    assert (refused["code"], refused["available"], refused["requested"]) == ("insufficient_points", 70, 100)


async def test_a_merge_cannot_be_undone_after_30_days(shop: Shop) -> None:
    shop = await shop.neighbour(mode="test")
    await two(shop)
    merged_at = datetime.fromisoformat((await merge(shop)).json()["entries"][0]["recorded_at"])
    await shop.services.programs.advance_clock(shop.program_id, merged_at + timedelta(days=30))
    dry = await shop.post("/v1/accounts/m-1/unmerge?dry_run=true", {"reason": "x"}, idempotency_key=None)
    assert dry.status_code == 201
    await shop.services.programs.advance_clock(shop.program_id, merged_at + timedelta(days=30, microseconds=1))
    refused = await unmerge(shop)
    assert (refused.status_code, refused.json()["code"], refused.json()["kind"]) == (409, "nothing_to_reverse", "merge")


async def test_a_dry_run_of_a_merge_changes_nothing(shop: Shop) -> None:
    await two(shop)
    body = {"into": "m-2", "reason": "x"}
    dry = await shop.post("/v1/accounts/m-1/merge?dry_run=true", body, idempotency_key=None)
    assert [entry["points"] for entry in dry.json()["entries"]] == [-100, 100]
    assert (await shop.get("/v1/accounts/m-1")).json()["status"] == "active"
