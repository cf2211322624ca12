"""Bulk over HTTP: every operation as if it had been called alone, or all together."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from ledger_service.api import bulk as module
from ledger_service.api import views
from tests.api.shop import Shop

REPLAYED = "idempotent-replayed"
ALREADY = "bulk-replayed"


def earn(key: str, points: Any = 5, account_id: str = "m-1", **more: Any) -> dict[str, Any]:
    return {"op": "earn", "account_id": account_id, "idempotency_key": key, "points": points} | more


def redeem(key: str, points: int, account_id: str = "m-1") -> dict[str, Any]:
    return {"op": "redeem", "account_id": account_id, "idempotency_key": key, "points": points}


def bulk(mode: str, *operations: Any) -> dict[str, Any]:
    return {"mode": mode, "operations": list(operations)}


def statuses(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [result.status for result in views.BulkResults.model_validate(answer.json()).results]


async def test_independent_operations_do_not_hinder_each_other(shop: Shop) -> None:
    await shop.open("m-1", points=10)
    answer = await shop.post(
        "/v1/bulk",
        bulk(
            "independent",
            earn("b-1"),
            earn("b-2", points="5"),
            redeem("b-3", 1000),
            earn("b-4", account_id="nobody"),
            {"op": "gift"},
            "nonsense",
            redeem("b-5", 15),
            {"op": "adjust", "account_id": "m-1", "idempotency_key": "b-6", "points": -1, "reason": "x"},
            {"op": "reverse", "account_id": "m-1", "idempotency_key": "b-7", "seq": 1, "reason": "x", "points": 1},
        ),
    )
    assert statuses(answer)[:6] == [201, 422, 409, 404, 422, 422]
    bodies = [result["body"] for result in answer.json()["results"]]
    assert bodies[1]["errors"][0]["pointer"] == "/points"
    assert bodies[2]["code"] == "insufficient_points"
    assert bodies[4]["errors"][0]["pointer"] == "/op"
    assert bodies[6]["points"] == -15
    assert answer.headers[ALREADY] == "0"
    assert REPLAYED not in answer.headers


async def test_a_repeat_posts_nothing_and_answers_the_same_bytes(shop: Shop) -> None:
    await shop.open("m-1", points=10)
    body = bulk("independent", earn("b-1"), redeem("b-2", 1000), earn("b-3", order_id="A-1"))
    first = await shop.post("/v1/bulk", body, idempotency_key="k-1", x_request_id="first")
    assert statuses(first) == [201, 409, 201]
    again = await shop.post("/v1/bulk", body, idempotency_key="k-1", x_request_id="second")
    assert (again.status_code, again.content) == (200, first.content)
    assert (again.headers[REPLAYED], again.headers[ALREADY]) == ("true", "2")
    assert (await shop.balance("m-1"))["available"] == 20


async def test_a_repeat_posts_what_was_not_posted_the_first_time(shop: Shop) -> None:
    await shop.open("m-1")
    body = bulk("independent", earn("b-1"), earn("b-2", account_id="m-2"))
    assert statuses(await shop.post("/v1/bulk", body, idempotency_key="k-1")) == [201, 404]
    await shop.open("m-2")
    again = await shop.post("/v1/bulk", body, idempotency_key="k-1")
    assert statuses(again) == [201, 201]
    assert again.headers[ALREADY] == "1"
    assert REPLAYED not in again.headers


@pytest.mark.parametrize("mode", ["independent", "atomic"])
async def test_an_operation_is_the_same_request_as_the_single_call(shop: Shop, mode: str) -> None:
    await shop.call("PUT", "/v1/program", {"limits": {"max_backdate_days": 36500}}, if_match='"1"')
    await shop.open("m-1", points=100)
    facts = {"order_id": "A-1", "metadata": {"b": 1.0, "a": "ü"}, "occurred_at": "2026-11-21T12:00:00+01:00"}
    single = await shop.post("/v1/accounts/m-1/earn", {"points": 5} | facts, idempotency_key="s-1")
    reverse = await shop.post("/v1/accounts/m-1/entries/1/reverse", {"reason": "x"}, idempotency_key="s-2")
    assert (single.status_code, reverse.status_code) == (201, 201)
    answer = await shop.post(
        "/v1/bulk",
        bulk(
            mode,
            earn('"s-1"', **facts),
            {"op": "reverse", "account_id": "m-1", "idempotency_key": "s-2", "seq": 1, "reason": "x"},
        ),
    )
    assert statuses(answer) == [201, 201]
    assert single.content in answer.content
    assert reverse.content in answer.content
    assert answer.headers[ALREADY] == "2"


async def test_atomic_operations_are_all_posted(shop: Shop) -> None:
    for account_id in ("m-1", "m-2"):
        await shop.open(account_id, points=10)
    body = bulk("atomic", redeem("b-1", 10), earn("b-2", 10, account_id="m-2"), earn("b-3", 1))
    first = await shop.post("/v1/bulk", body, idempotency_key="k-1")
    assert statuses(first) == [201, 201, 201]
    again = await shop.post("/v1/bulk", body, idempotency_key="k-1")
    assert (again.content, again.headers[REPLAYED], again.headers[ALREADY]) == (first.content, "true", "3")
    assert ((await shop.balance("m-1"))["available"], (await shop.balance("m-2"))["available"]) == (1, 20)


async def test_one_refusal_aborts_all_of_an_atomic_bulk_and_stays(shop: Shop) -> None:
    for account_id in ("m-1", "m-2"):
        await shop.open(account_id, points=10)
    body = bulk("atomic", earn("b-1", 10, account_id="m-2"), redeem("b-2", 11), earn("b-3"))
    first = await shop.post("/v1/bulk", body, idempotency_key="k-1")
    assert statuses(first) == [409, 409, 409]
    codes = [result["body"]["code"] for result in first.json()["results"]]
    assert codes == ["bulk_aborted", "insufficient_points", "bulk_aborted"]
    assert first.json()["results"][1]["body"]["missing"] == 1
    assert [(await shop.balance(account_id))["seq"] for account_id in ("m-1", "m-2")] == [1, 1]
    await shop.post("/v1/accounts/m-1/earn", {"points": 100})
    again = await shop.post("/v1/bulk", body, idempotency_key="k-1")
    assert (again.content, again.headers[REPLAYED], again.headers[ALREADY]) == (first.content, "true", "0")


async def test_an_operation_that_does_not_fit_refuses_the_whole_atomic_bulk(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/bulk", bulk("atomic", earn("b-1"), earn("b-2", points=0), earn("b-3")))
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "/operations/1/points"
    missing = await shop.post("/v1/bulk", bulk("atomic", earn("b-1"), earn("b-2", account_id="nobody")))
    assert (missing.status_code, missing.json()["code"]) == (404, "account_not_found")
    assert (await shop.balance("m-1"))["seq"] == 0


async def test_an_operation_cannot_have_the_key_of_its_atomic_bulk(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/bulk", bulk("atomic", earn("k-1")), idempotency_key="k-1")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/operations/0/idempotency_key")


async def test_the_key_of_an_atomic_bulk_stands_for_its_operations(shop: Shop) -> None:
    await shop.open("m-1")
    assert statuses(await shop.post("/v1/bulk", bulk("atomic", earn("b-1")), idempotency_key="k-1")) == [201]
    other = await shop.post("/v1/bulk", bulk("atomic", earn("b-1"), earn("b-2")), idempotency_key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("mode", ["independent", "atomic"])
async def test_a_dry_run_writes_nothing(shop: Shop, mode: str) -> None:
    await shop.open("m-1")
    dry = await shop.post("/v1/bulk?dry_run=true", bulk(mode, earn("b-1"), earn("b-2")), idempotency_key=None)
    assert statuses(dry) == [201, 201]
    assert (await shop.balance("m-1"))["seq"] == 0
    real = await shop.post("/v1/bulk", bulk(mode, earn("b-1"), earn("b-2")))
    assert statuses(real) == [201, 201]
    assert real.headers[ALREADY] == "0"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b'{"mode":"independent","operations":[{"points":NaN}]}', 400, None),
        (b"", 400, None),
        ({"operations": []}, 422, "/mode"),
        ({"mode": "some", "operations": [{}]}, 422, "/mode"),
        ({"mode": "atomic", "operations": []}, 422, "/operations"),
        ({"mode": "atomic", "operations": [{}] * 1001}, 422, "/operations"),
        ({"mode": "atomic", "operations": [{}], "more": 1}, 422, "/more"),
        ([], 422, ""),
    ],
)
async def test_a_bulk_that_is_none_is_refused(shop: Shop, body: Any, status: int, pointer: str | None) -> None:
    answer = await shop.post("/v1/bulk", body)
    assert answer.status_code == status
    if pointer is not None:
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_1000_operations_are_taken_and_their_answers_are_in_order(shop: Shop) -> None:
    await shop.open("m-1")
    operations = [earn(f"b-{number}", number, reason="r" * 100) for number in range(1, 1001)]
    assert len(json.dumps(operations)) > 65536
    answer = await shop.post("/v1/bulk", bulk("independent", *operations), x_request_timeout_ms="10000")
    assert [result["body"]["points"] for result in answer.json()["results"]] == list(range(1, 1001))
    assert (await shop.balance("m-1"))["available"] == 500500


async def test_others_get_their_turn_while_a_bulk_is_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations that do not fit wait for nothing themselves."""
    turns = 0
    read_in_turn: Counter[int] = Counter()
    asked_of = module.asked_of

    def counted(*arguments: Any) -> Any:
        read_in_turn[turns] += 1
        return asked_of(*arguments)

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(module, "asked_of", counted)
    other = asyncio.create_task(somebody_else())
    answer = await shop.post("/v1/bulk", bulk("independent", *[{"op": "gift"}] * 1000))
    other.cancel()
    with suppress(asyncio.CancelledError):
        await other
    assert statuses(answer) == [422] * 1000
    assert read_in_turn.total() == 1000
    assert max(read_in_turn.values()) <= module.AT_ONCE


async def test_a_bulk_needs_a_key_and_has_a_largest_size(shop: Shop) -> None:
    missing = await shop.post("/v1/bulk", bulk("independent", earn("b-1")), idempotency_key=None)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")
    large = await shop.post("/v1/bulk", b" " * (4 * 1024 * 1024 + 1))
    assert (large.status_code, large.json()["bytes_max"]) == (413, 4 * 1024 * 1024)


async def a_little_of_everything(shop: Shop) -> tuple[Shop, list[dict[str, Any]]]:
    """A program with tiers and rules, and an operation of every sort that fits what is in it."""
    settings = {
        "available": {"mode": "immediately"},
        "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
        "tiers": {"window": {"mode": "lifetime"}, "levels": [{"id": "bronze", "at": 0}, {"id": "gold", "at": 9999}]},
    }
    shop = await shop.neighbour(**settings)
    for account_id in ("m-1", "m-2", "m-3", "m-4", "m-5"):
        await shop.open(account_id, points=100)
    assert (await shop.post("/v1/accounts/m-5/merge", {"into": "m-2", "reason": "x"})).status_code == 201
    purchase = {"amount": "10.00", "currency": "EUR"}
    for order_id in ("A-1", "A-2"):
        await shop.post("/v1/accounts/m-1/earn", {"purchase": purchase, "order_id": order_id})
    holds = [(await shop.post("/v1/accounts/m-1/holds", {"points": 5})).json()["hold_id"] for _ in range(2)]
    operations: list[dict[str, Any]] = [
        {"op": "earn", "account_id": "m-1", "purchase": purchase},
        {"op": "redeem", "account_id": "m-1", "points": 5},
        {"op": "hold", "account_id": "m-1", "points": 5},
        {"op": "capture", "hold_id": holds[0]},
        {"op": "release", "hold_id": holds[1]},
        {"op": "adjust", "account_id": "m-1", "points": -5, "reason": "x"},
        {"op": "reverse", "account_id": "m-1", "seq": 1, "points": 5, "reason": "x"},
        {"op": "refund", "order_id": "A-1", "amount": "4.00", "currency": "EUR"},
        {"op": "cancel", "order_id": "A-2"},
        {"op": "transfer", "from_account": "m-1", "to_account": "m-2", "points": 5},
        {"op": "merge", "account_id": "m-3", "into": "m-4", "reason": "x"},
        {"op": "unmerge", "account_id": "m-5", "reason": "x"},
        {"op": "tier", "account_id": "m-1", "tier": "gold", "reason": "x"},
    ]
    return shop, [operation | {"idempotency_key": f"b-{number}"} for number, operation in enumerate(operations)]


@pytest.mark.parametrize("mode", ["independent", "atomic"])
async def test_every_sort_of_operation_answers_like_its_single_call(shop: Shop, mode: str) -> None:
    shop, operations = await a_little_of_everything(shop)
    first = await shop.post("/v1/bulk", bulk(mode, *operations), idempotency_key="k-1")
    assert statuses(first) == [201] * 12 + [200], first.text
    again = await shop.post("/v1/bulk", bulk(mode, *operations), idempotency_key="k-1")
    assert (again.content, again.headers[REPLAYED], again.headers[ALREADY]) == (first.content, "true", "13")
    results = [result["body"] for result in first.json()["results"]]
    for operation, result in zip(operations, results, strict=True):
        single = await shop.post(*single_of(operation), idempotency_key=operation["idempotency_key"])
        assert (single.json(), single.headers[REPLAYED]) == (result, "true"), operation["op"]


def single_of(operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The path and body of the single call that an operation is."""
    body = {name: value for name, value in operation.items() if name not in ("op", "idempotency_key")}
    op, on = operation["op"], {"hold": "holds"}
    if op in ("capture", "release"):
        return f"/v1/holds/{body.pop('hold_id')}/{op}", body
    if op in ("refund", "confirm", "cancel"):
        return f"/v1/orders/{body.pop('order_id')}/{op}", body
    if op == "transfer":
        return "/v1/transfers", body
    account = f"/v1/accounts/{body.pop('account_id')}"
    return (f"{account}/entries/{body.pop('seq')}/reverse" if op == "reverse" else f"{account}/{on.get(op, op)}"), body


async def test_what_an_operation_names_has_to_be_there_before_the_bulk(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    operations = [
        earn("b-1", 5, order_id="A-1"),
        {"op": "cancel", "idempotency_key": "b-2", "order_id": "A-1"},
        {"op": "release", "idempotency_key": "b-3", "hold_id": "nobodys"},
    ]
    independent = await shop.post("/v1/bulk", bulk("independent", *operations))
    codes = [result["body"].get("code") for result in independent.json()["results"]]
    assert codes == [None, "order_not_found", "hold_not_found"]
    again = await shop.post("/v1/bulk", bulk("independent", *operations[:2]))
    assert statuses(again) == [201, 201]
    atomic = await shop.post("/v1/bulk", bulk("atomic", earn("b-4"), operations[2]))
    assert (atomic.status_code, atomic.json()["code"]) == (404, "hold_not_found")


async def test_operations_on_one_account_are_posted_in_their_order_whatever_they_are(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    hold = (await shop.post("/v1/accounts/m-1/holds", {"points": 100})).json()["hold_id"]
    operations = [
        {"op": "release", "idempotency_key": "b-1", "hold_id": hold},
        redeem("b-2", 100),
        earn("b-3", 7),
        redeem("b-4", 7),
    ]
    answer = await shop.post("/v1/bulk", bulk("independent", *operations))
    assert statuses(answer) == [201] * 4, answer.text


async def test_what_does_not_fit_together_is_told_with_the_place_of_the_operation(shop: Shop) -> None:
    await shop.open("m-1")
    neither = {"op": "earn", "account_id": "m-1", "idempotency_key": "b-2"}
    answer = await shop.post("/v1/bulk", bulk("atomic", earn("b-1"), neither))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/operations/1/points")
    independent = await shop.post("/v1/bulk", bulk("independent", earn("b-1"), neither))
    assert statuses(independent) == [201, 422]
    assert independent.json()["results"][1]["body"]["errors"][0]["pointer"] == "/points"
