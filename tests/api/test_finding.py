"""Finding: what is merged between finding it and deciding is found and asked again, a few times and not for ever."""

from collections.abc import AsyncIterator, Collection

import pytest

from ledger_service.api.finding import TRIES_MAX
from ledger_service.storage.database import Database
from ledger_service.storage.lookups import HoldPlace, Lookups
from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase

CAPTURE = {"op": "capture", "idempotency_key": "k-1"}


class TooEarly(Lookups):
    """Answers about holds what was so before they were merged, for as many looks as it is told."""

    looks_too_early = 0
    looks = 0

    async def holds(self, program_id: int, hold_ids: Collection[str]) -> dict[str, HoldPlace]:
        self.looks += 1
        if self.looks > self.looks_too_early:
            return await super().holds(program_id, hold_ids)
        return {hold_id: HoldPlace(("m-1",), None) for hold_id in hold_ids}


@pytest.fixture
async def lookups(database: TestDatabase) -> AsyncIterator[TooEarly]:
    async with Database.open(database.service_url) as opened:
        yield TooEarly(opened)


@pytest.fixture
async def shop(database: TestDatabase, lookups: TooEarly) -> AsyncIterator[Shop]:
    async with opening_shop(database.service_url, lookups=lookups) as opened:
        yield opened


async def merged_hold(shop: Shop) -> str:
    """A hold that was placed on m-1, which merged into m-2."""
    await shop.open("m-1", points=100)
    await shop.open("m-2")
    hold_id = (await shop.post("/v1/accounts/m-1/holds", {"points": 60})).json()["hold_id"]
    assert (await shop.post("/v1/accounts/m-1/merge", {"into": "m-2", "reason": "x"})).status_code == 201
    return str(hold_id)


@pytest.mark.parametrize("mode", ["single", "independent", "atomic"])
async def test_it_is_found_again_and_the_caller_notices_nothing(shop: Shop, lookups: TooEarly, mode: str) -> None:
    hold_id = await merged_hold(shop)
    lookups.looks_too_early = TRIES_MAX - 1
    if mode == "single":
        entry = (await shop.post(f"/v1/holds/{hold_id}/capture")).json()
    else:
        body = {"mode": mode, "operations": [CAPTURE | {"hold_id": hold_id}]}
        entry = (await shop.post("/v1/bulk", body)).json()["results"][0]["body"]
    assert (entry["account_id"], entry["kind"], entry["points"]) == ("m-2", "redeem", -60)
    assert lookups.looks == TRIES_MAX


async def test_what_is_merged_every_time_is_told_and_not_kept_under_the_key(shop: Shop, lookups: TooEarly) -> None:
    hold_id = await merged_hold(shop)
    lookups.looks_too_early = TRIES_MAX
    refused = await shop.post(f"/v1/holds/{hold_id}/capture", idempotency_key="k-1")
    assert (refused.status_code, refused.json()["code"], refused.json()["into"]) == (409, "account_merged", "m-2")
    assert lookups.looks == TRIES_MAX
    captured = await shop.post(f"/v1/holds/{hold_id}/capture", idempotency_key="k-1")
    assert (captured.status_code, captured.json()["account_id"]) == (201, "m-2")


async def test_a_dry_run_finds_again_too(shop: Shop, lookups: TooEarly) -> None:
    hold_id = await merged_hold(shop)
    lookups.looks_too_early = 1
    dry = await shop.post(f"/v1/holds/{hold_id}/release?dry_run=true", idempotency_key=None)
    assert (dry.status_code, dry.json()["account_id"]) == (201, "m-2")
    assert (await shop.balance("m-2"))["held"] == 60


async def test_a_bulk_looks_once_for_all_of_its_operations(shop: Shop, lookups: TooEarly) -> None:
    await shop.open("m-1", points=100)
    holds = [(await shop.post("/v1/accounts/m-1/holds", {"points": 1})).json()["hold_id"] for _ in range(10)]
    operations = [{"op": "release", "idempotency_key": hold_id, "hold_id": hold_id} for hold_id in holds]
    answer = await shop.post("/v1/bulk", {"mode": "independent", "operations": operations})
    assert [result["status"] for result in answer.json()["results"]] == [201] * 10
    assert lookups.looks == 1
