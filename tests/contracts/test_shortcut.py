"""The shortcut saves the framework's work and decides nothing: the same request is answered the same both ways."""

import json
import re

import pytest

from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase

HEADERS_COMPARED = ("content-type", "cache-control", "idempotent-replayed", "www-authenticate", "etag", "allow")
# What differs between two programs and two moments, not between two ways.
MOMENTS = re.compile(
    r'"(?:hash|hold_id|expires_at|occurred_at|recorded_at|as_of|created_at|request_id|instance)":"[^"]*"'
)

REQUESTS = [
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 500, "order_id": "A-1"}', {"idempotency_key": "k1"}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 500, "order_id": "A-1"}', {"idempotency_key": "k1"}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 501, "order_id": "A-1"}', {"idempotency_key": "k1"}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 500, "order_id": "A-1"}', {"idempotency_key": "k2"}),
    ("POST", "/v1/accounts/m-1/redeem", b'{"points": 9000}', {"idempotency_key": "k3"}),
    ("POST", "/v1/accounts/m-1/redeem", b'{"points": 9000}', {"idempotency_key": "k3"}),
    ("POST", "/v1/accounts/m-1/redeem?dry_run=true", b'{"points": 90}', {"idempotency_key": None}),
    ("POST", "/v1/accounts/m-1/redeem?nothing=true", b'{"points": 90}', {}),
    ("POST", "/v1/accounts/m-1/adjust", b'{"points": -20, "reason": "counted twice"}', {"idempotency_key": "k4"}),
    ("POST", "/v1/accounts/m-1/status", b'{"status": "active", "reason": "found"}', {"idempotency_key": "k5"}),
    ("POST", "/v1/accounts/m-1/holds", b'{"points": 30, "order_id": "A-2"}', {"idempotency_key": "k6"}),
    ("POST", "/v1/accounts/m-1/holds", b'{"points": 30, "order_id": "A-2"}', {"idempotency_key": "k6"}),
    ("POST", "/v1/accounts/m-1/holds?dry_run=true", b'{"points": 9000}', {"idempotency_key": None}),
    ("GET", "/v1/accounts/m-1/holds?limit=0", b"", {}),
    ("PUT", "/v1/accounts/m-1/holds", b'{"points": 5}', {}),
    ("POST", "/v1/accounts/m-1/tier", b'{"tier": "gold", "reason": "x"}', {}),
    ("POST", "/v1/accounts/m-1/merge", b'{"into": "m-1", "reason": "x"}', {}),
    ("POST", "/v1/accounts/m-1/unmerge", b'{"reason": "x"}', {}),
    (
        "POST",
        "/v1/accounts/m-1/earn",
        b'{"purchase": {"amount": "9.80", "currency": "EUR"}}',
        {"idempotency_key": "k7"},
    ),
    ("POST", "/v1/accounts/m-1/earn", b'{"purchase": {"amount": "9.8", "currency": "EUR"}}', {"idempotency_key": "k7"}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 0}', {}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points"', {}),
    ("POST", "/v1/accounts/m-1/earn", b"", {}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 5}', {"content_type": "text/plain"}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 5}', {"idempotency_key": None}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 5}', {"authorization": "Bearer nobody"}),
    ("POST", "/v1/accounts/m-1/earn", b'{"points": 5}', {"x_request_timeout_ms": "0"}),
    ("POST", "/v1/accounts/m-1/earn", b" " * 70_000, {}),
    ("POST", "/v1/accounts/nobody/earn", b'{"points": 5}', {}),
    ("POST", "/v1/accounts/a%20b/earn", b'{"points": 5}', {}),
    ("POST", "/v1/accounts/m-1%2Fearn/earn", b'{"points": 5}', {}),
    ("POST", "/v1/accounts//earn", b'{"points": 5}', {}),
    ("POST", "/v1/accounts/m-1/earn/", b'{"points": 5}', {}),
    ("PUT", "/v1/accounts/m-1/earn", b'{"points": 5}', {}),
    ("GET", "/v1/accounts/m-1/earn", b"", {}),
    ("GET", "/v1/accounts/m-1/balance", b"", {}),
    ("GET", "/v1/accounts/m-1/balance?min_seq=99", b"", {}),
    ("HEAD", "/v1/accounts/m-1/balance", b"", {}),
    ("POST", "/v1/accounts/m-1/balance", b"{}", {}),
    ("GET", "/v1/accounts/nobody/balance", b"", {}),
]


async def answers_of(shop: Shop) -> list[tuple[int, str, dict[str, str | None]]]:
    await shop.open("m-1")
    answers = []
    for number, (method, path, body, headers) in enumerate(REQUESTS):
        sent = {"idempotency_key": f"request-{number}"} | headers if method == "POST" else headers
        answer = await shop.call(method, path, body, **sent)
        kept = {name: answer.headers.get(name) for name in HEADERS_COMPARED}
        answers.append((answer.status_code, MOMENTS.sub("", answer.text), kept))
    return answers


async def test_every_request_is_answered_the_same_with_and_without_the_shortcut(database: TestDatabase):
    async with opening_shop(database.service_url) as shop:
        short = await answers_of(shop)
        neighbour = await shop.neighbour()
        shop.api.shortcut = None  # type: ignore[attr-defined]
        long = await answers_of(neighbour)
    for request, with_it, without_it in zip(REQUESTS, short, long, strict=True):
        assert with_it == without_it, request
    assert {status for status, _, _ in short} >= {200, 201, 400, 401, 404, 405, 409, 412, 413, 415, 422}


@pytest.mark.parametrize("way", ["shortcut", "framework"])
async def test_both_ways_count_requests_under_the_same_route(database: TestDatabase, way: str):
    async with opening_shop(database.service_url) as shop:
        await shop.open("m-1")
        if way == "framework":
            shop.api.shortcut = None  # type: ignore[attr-defined]

        async def counted() -> float:
            lines = (await shop.get("/metrics")).text.splitlines()
            found = [line for line in lines if line.startswith("http_server_request_duration_seconds_count")]
            wanted = [line for line in found if "/earn" in line and '"201"' in line]
            return sum(float(line.rsplit(" ", 1)[1]) for line in wanted)

        before = await counted()
        answer = await shop.post("/v1/accounts/m-1/earn", {"points": 5})
        assert json.loads(answer.text)["points"] == 5
        assert await counted() == before + 1
