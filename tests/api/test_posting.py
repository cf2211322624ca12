"""Postings over HTTP: what is answered, and what is answered again."""

import asyncio
import json
from typing import Any

import pytest

from ledger_service.api import views
from tests.api.shop import Shop

REPLAYED = "idempotent-replayed"


def code_of(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


async def test_points_earned_can_be_redeemed(shop: Shop) -> None:
    await shop.open("m-1")
    earned = await shop.post("/v1/accounts/m-1/earn", {"points": 120, "order_id": "A-1001", "metadata": {"till": 7}})
    assert earned.status_code == 201
    entry = views.Entry.model_validate(earned.json())
    assert (entry.seq, entry.kind, entry.points, entry.source) == (1, "earn", 120, "shop-berlin")
    assert (entry.order_id, entry.metadata) == ("A-1001", {"till": 7})
    redeemed = await shop.post("/v1/accounts/m-1/redeem", {"points": 50})
    assert (redeemed.status_code, redeemed.json()["points"]) == (201, -50)
    balance = await shop.balance("m-1")
    assert (balance["available"], balance["seq"]) == (70, 2)


BODIES = {
    "/v1/accounts": {"account_id": "m-2", "identifiers": [{"type": "phone", "value": "+49 30 901820"}]},
    "/v1/accounts/m-1/earn": {"points": 5, "order_id": "A-1", "metadata": {"b": 1, "a": "ü"}},
    "/v1/accounts/m-1/redeem": {"points": 5},
    "/v1/accounts/m-1/adjust": {"points": -5, "reason": "mistake"},
    "/v1/accounts/m-1/entries/1/reverse": {"points": 5, "reason": "returned"},
    "/v1/accounts/m-1/identifiers": {"type": "card", "value": "2900000012345"},
    "/v1/accounts/m-1/status": {"status": "active", "reason": "found again"},
}


@pytest.mark.parametrize("path", BODIES)
async def test_the_same_key_again_is_the_first_answer_again_byte_for_byte(shop: Shop, path: str) -> None:
    await shop.open("m-1", points=100)
    first = await shop.post(path, BODIES[path], idempotency_key="k-1")
    assert first.status_code in (200, 201), first.text
    assert REPLAYED not in first.headers
    await shop.post("/v1/accounts/m-1/earn", {"points": 1})
    for key in ("k-1", '"k-1"'):
        again = await shop.post(path, BODIES[path], idempotency_key=key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers[REPLAYED] == "true"


async def test_a_refusal_stays_refused_under_its_key_byte_for_byte(shop: Shop) -> None:
    await shop.open("m-1", points=10)
    first = await shop.post("/v1/accounts/m-1/redeem", {"points": 11}, idempotency_key="k-1", x_request_id="first")
    assert (first.status_code, code_of(first)) == (409, "insufficient_points")
    problem = first.json()
    assert (problem["available"], problem["requested"], problem["missing"], problem["as_of_seq"]) == (10, 11, 1, 1)
    await shop.post("/v1/accounts/m-1/earn", {"points": 100})
    again = await shop.post("/v1/accounts/m-1/redeem", {"points": 11}, idempotency_key="k-1", x_request_id="second")
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (409, first.content, "true")
    assert again.headers["x-request-id"] == "second"
    assert again.json()["request_id"] == "first"
    assert (await shop.post("/v1/accounts/m-1/redeem", {"points": 11})).status_code == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/accounts/m-1/earn", {"points": 6}),
        ("/v1/accounts/m-2/earn", {"points": 5}),
        ("/v1/accounts/m-1/redeem", {"points": 5}),
        ("/v1/accounts/m-1/earn", {"points": 5, "order_id": "A-1"}),
    ],
)
async def test_the_same_key_for_another_request_is_refused(shop: Shop, path: str, body: dict[str, Any]) -> None:
    for account_id in ("m-1", "m-2"):
        await shop.open(account_id, points=100)
    assert (await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")).status_code == 201
    answer = await shop.post(path, body, idempotency_key="k-1")
    assert (answer.status_code, code_of(answer)) == (422, "idempotency_key_reused")
    again = await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")


async def test_another_api_key_of_the_program_replays_too(shop: Shop) -> None:
    await shop.open("m-1")
    first = await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")
    other = await shop.key("earn", source="shop-hamburg")
    again = await other.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")
    assert again.content == first.content


async def test_an_order_is_earned_once_and_redeemed_once_per_source(shop: Shop) -> None:
    await shop.open("m-1")
    await shop.open("m-2")
    first = await shop.post("/v1/accounts/m-1/earn", {"points": 50, "order_id": "A-1"})
    for _ in range(2):
        again = await shop.post("/v1/accounts/m-1/earn", {"points": 50, "order_id": "A-1"}, idempotency_key="k-2")
        assert (again.status_code, again.content, again.headers[REPLAYED]) == (200, first.content, "true")
    for path, points in (("/v1/accounts/m-1/earn", 51), ("/v1/accounts/m-2/earn", 50)):
        other = await shop.post(path, {"points": points, "order_id": "A-1"})
        assert (other.status_code, code_of(other)) == (409, "duplicate_order")
        assert (other.json()["account_id"], other.json()["seq"]) == ("m-1", 1)
    assert (await shop.post("/v1/accounts/m-1/redeem", {"points": 50, "order_id": "A-1"})).status_code == 201
    hamburg = await shop.key("earn", source="shop-hamburg")
    assert (await hamburg.post("/v1/accounts/m-1/earn", {"points": 9, "order_id": "A-1"})).status_code == 201


async def test_the_same_request_many_times_at_once_is_posted_once(shop: Shop) -> None:
    await shop.open("m-1")
    calls = (shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1") for _ in range(40))
    answers = await asyncio.gather(*calls)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum(REPLAYED in answer.headers for answer in answers) == 39
    assert (await shop.balance("m-1"))["available"] == 5


@pytest.mark.parametrize("path", BODIES)
async def test_a_dry_run_answers_the_same_and_writes_nothing(shop: Shop, path: str) -> None:
    await shop.open("m-1", points=100)
    before = (await shop.get("/v1/accounts/m-1")).json()
    for key in (None, "k-1"):
        dry = await shop.post(f"{path}?dry_run=true", BODIES[path], idempotency_key=key)
        assert dry.status_code in (200, 201), dry.text
    assert (await shop.get("/v1/accounts/m-1")).json() == before
    assert (await shop.get("/v1/accounts/m-2")).status_code == 404
    real = await shop.post(path, BODIES[path], idempotency_key="k-1")
    assert real.status_code == dry.status_code
    assert REPLAYED not in real.headers
    moving = {"recorded_at", "occurred_at", "created_at", "hash", "identifiers"}
    assert {name: value for name, value in real.json().items() if name not in moving} == {
        name: value for name, value in dry.json().items() if name not in moving
    }


async def test_a_dry_run_is_refused_like_the_real_one(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/accounts/m-1/redeem?dry_run=true", {"points": 5}, idempotency_key=None)
    assert (answer.status_code, code_of(answer)) == (409, "insufficient_points")


@pytest.mark.parametrize(
    "query", ["dry_run=yes", "dry_run=1", "dry_run=", "dry_run=true&dry_run=false", "dryrun=true", "%ff"]
)
async def test_a_parameter_that_does_not_fit_is_refused_not_ignored(shop: Shop, query: str) -> None:
    await shop.open("m-1")
    answer = await shop.post(f"/v1/accounts/m-1/earn?{query}", {"points": 5})
    assert (answer.status_code, code_of(answer)) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"].startswith("/query")
    assert (await shop.balance("m-1"))["seq"] == 0


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "a b", "é", "a\x00b", '"' + "k" * 256 + '"'])
async def test_a_key_that_cannot_be_one_is_refused(shop: Shop, key: str) -> None:
    sent = {"authorization": f"Bearer {shop.token}".encode(), "idempotency-key": key.encode()}
    answer = await shop.client.post("/v1/accounts/m-1/earn", json={"points": 5}, headers=sent)  # type: ignore[arg-type]
    assert (answer.status_code, code_of(answer)) == (400, "idempotency_key_invalid")


async def test_two_keys_are_none(shop: Shop) -> None:
    headers = [("authorization", f"Bearer {shop.token}"), ("idempotency-key", "a"), ("idempotency-key", "b")]
    answer = await shop.client.post("/v1/accounts/m-1/earn", json={"points": 5}, headers=headers)
    assert (answer.status_code, code_of(answer)) == (400, "idempotency_key_invalid")


async def test_a_key_of_255_characters_is_taken(shop: Shop) -> None:
    await shop.open("m-1")
    for key in ("k" * 255, "~!\"'\\{}"):
        answer = await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key=key)
        assert (answer.status_code, answer.json()["idempotency_key"]) == (201, key)


@pytest.mark.parametrize("path", BODIES)
async def test_a_change_needs_a_key(shop: Shop, path: str) -> None:
    answer = await shop.post(path, BODIES[path], idempotency_key=None)
    assert (answer.status_code, code_of(answer)) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content_encoding": "gzip"}, 415, "unsupported_media_type"),
        ({"x_request_timeout_ms": "0"}, 422, "validation_failed"),
        ({"x_request_timeout_ms": "10001"}, 422, "validation_failed"),
        ({"x_request_timeout_ms": "soon"}, 422, "validation_failed"),
    ],
)
async def test_a_header_that_does_not_fit_is_refused(shop: Shop, headers: Any, status: int, code: str) -> None:
    answer = await shop.post("/v1/accounts/m-1/earn", b'{"points":5}', **headers)
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_what_is_not_json_or_does_not_fit_is_told_apart(shop: Shop) -> None:
    malformed = await shop.post("/v1/accounts/m-1/earn", b'{"points":NaN}')
    assert (malformed.status_code, code_of(malformed)) == (400, "malformed_request")
    unfit = await shop.post("/v1/accounts/m-1/earn", b'{"points":"5","receipt":{}}')
    assert (unfit.status_code, code_of(unfit)) == (422, "validation_failed")
    assert {error["pointer"] for error in unfit.json()["errors"]} == {"/points", "/receipt"}
    assert (await shop.post("/v1/accounts/m-1/earn", b"")).status_code == 400


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_64_kib_is_refused(shop: Shop, chunked: bool) -> None:
    content = json.dumps({"points": 5, "reason": "x" * 70_000}).encode()

    async def parts() -> Any:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    headers = {
        "authorization": f"Bearer {shop.token}",
        "idempotency-key": "k-1",
        "content-type": "application/json",
    }
    sent: Any = parts() if chunked else content
    answer = await shop.client.post("/v1/accounts/m-1/earn", content=sent, headers=headers)
    assert (answer.status_code, code_of(answer), answer.json()["bytes_max"]) == (413, "body_too_large", 65536)


@pytest.mark.parametrize("account_id", ["a%20b", "a%00b", "%C3%A9", "x" * 65, "a:b", "%2e%2e;"])
async def test_an_account_id_that_cannot_be_is_not_found(shop: Shop, account_id: str) -> None:
    for answer in (
        await shop.post(f"/v1/accounts/{account_id}/earn", {"points": 5}),
        await shop.get(f"/v1/accounts/{account_id}/balance"),
        await shop.get(f"/v1/accounts/{account_id}"),
        await shop.get(f"/v1/accounts/{account_id}/entries"),
    ):
        assert (answer.status_code, code_of(answer)) == (404, "account_not_found")


@pytest.mark.parametrize("seq", ["0", "-1", "x", "1.0", "99999999999999999999", "9007199254740992", "%D9%A1"])
async def test_a_seq_that_cannot_be_is_not_found(shop: Shop, seq: str) -> None:
    await shop.open("m-1", points=5)
    for answer in (
        await shop.post(f"/v1/accounts/m-1/entries/{seq}/reverse", {"reason": "x"}),
        await shop.get(f"/v1/accounts/m-1/entries/{seq}"),
    ):
        assert (answer.status_code, code_of(answer)) == (404, "entry_not_found")


async def test_the_largest_number_of_points_is_answered_exactly(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/accounts/m-1/earn", {"points": 2**53 - 1})
    assert answer.json()["balance_after"] == 9007199254740991
    more = await shop.post("/v1/accounts/m-1/earn", {"points": 1})
    assert (more.status_code, code_of(more), more.json()["allowed"]) == (409, "limit_exceeded", 0)


async def test_a_time_that_the_books_do_not_take_is_told_with_its_pointer(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/accounts/m-1/earn", {"points": 5, "occurred_at": "2001-01-01T00:00:00Z"})
    assert (answer.status_code, code_of(answer)) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "/occurred_at"


async def test_an_earn_is_reversed_in_parts_up_to_the_whole(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    path = "/v1/accounts/m-1/entries/1/reverse"
    part = await shop.post(path, {"points": 40, "reason": "returned"})
    assert (part.json()["kind"], part.json()["points"], part.json()["reverses_seq"]) == ("reverse_earn", -40, 1)
    beyond = await shop.post(path, {"points": 61, "reason": "returned"})
    assert (code_of(beyond), beyond.json()["remaining"]) == ("exceeds_remaining", 60)
    assert (await shop.post(path, {"reason": "returned"})).json()["points"] == -60
    assert code_of(await shop.post(path, {"reason": "returned"})) == "already_reversed"
    nothing = await shop.post("/v1/accounts/m-1/entries/2/reverse", {"reason": "returned"})
    assert (code_of(nothing), nothing.json()["kind"]) == ("nothing_to_reverse", "reverse_earn")
