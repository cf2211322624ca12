"""The turnstile: a bulk waits for room in the queue, keeps its order, and is no flood."""

from typing import Any

import pytest

from ledger_service.api import turnstile
from ledger_service.errors import Overloaded
from ledger_service.posting.admission import BatchSize
from tests.api.shop import Shop


def operations(count: int, account_id: str = "m-1") -> list[dict[str, Any]]:
    return [
        {"op": "earn", "account_id": account_id, "idempotency_key": f"{account_id}-{number}", "points": number}
        for number in range(1, count + 1)
    ]


async def test_a_bulk_that_finds_no_room_waits_for_it_and_keeps_its_order(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.open("m-1")
    enter, asked = shop.services.poster.enter, 0

    def sometimes(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 3:
            raise Overloaded("standing")
        return enter(*arguments)

    monkeypatch.setattr(shop.services.poster, "enter", sometimes)
    monkeypatch.setattr(turnstile, "PAUSE_SECONDS", 0.001)
    answer = await shop.post("/v1/bulk", {"mode": "independent", "operations": operations(40)})
    results = answer.json()["results"]
    assert [one["status"] for one in results] == [201] * 40
    assert [one["body"]["seq"] for one in results] == list(range(1, 41))
    assert [one["body"]["points"] for one in results] == list(range(1, 41))


async def test_no_more_of_a_bulk_waits_than_travels_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.open("m-1")
    queue = shop.services.poster._queue
    queue._admission.batch_size = BatchSize(8)
    enter, waiting = shop.services.poster.enter, []

    def counted(*arguments: Any) -> Any:
        waiting.append(queue.waiting)
        return enter(*arguments)

    monkeypatch.setattr(shop.services.poster, "enter", counted)
    answer = await shop.post("/v1/bulk", {"mode": "independent", "operations": operations(50)})
    assert [one["status"] for one in answer.json()["results"]] == [201] * 50
    assert 1 < max(waiting) < 8


async def test_what_finds_no_room_until_the_deadline_is_told_so_and_the_rest_is_posted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.open("m-1")
    enter, entered = shop.services.poster.enter, 0

    def until_full(*arguments: Any) -> Any:
        nonlocal entered
        if entered == 3:
            raise Overloaded("standing")
        entered += 1
        return enter(*arguments)

    monkeypatch.setattr(shop.services.poster, "enter", until_full)
    body = {"mode": "independent", "operations": operations(5)}
    answer = await shop.post("/v1/bulk", body, x_request_timeout_ms="300")
    assert [one["status"] for one in answer.json()["results"]] == [201] * 3 + [503] * 2
    monkeypatch.undo()
    again = await shop.post("/v1/bulk", body)
    assert [one["body"]["seq"] for one in again.json()["results"]] == [1, 2, 3, 4, 5]
