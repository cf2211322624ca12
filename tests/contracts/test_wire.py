"""The wire saves uvicorn's and the framework's work and decides nothing: a request is answered the same both ways."""

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import httpx2
import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger_service.api.wire import Wire
from ledger_service.server import listening
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


@dataclass
class Served:
    """A shop behind a real socket, and what went the ordinary way."""

    shop: Shop
    port: int
    ordinary: list[str] = field(default_factory=list)

    def request(self, number: int, body: str = '{"points":1}', *lines: str, end: str = "HTTP/1.1") -> bytes:
        """The bytes of an earn."""
        head = [f"POST /v1/accounts/m-1/earn {end}", "Host: shop", f"Authorization: Bearer {self.shop.token}"]
        head += [f"Idempotency-Key: raw-{number}", "Content-Type: application/json", *lines]
        if "Transfer-Encoding: chunked" not in lines:
            head.append(f"Content-Length: {len(body)}")
        return ("\r\n".join([*head, "", ""]) + body).encode()

    async def talk(self, *parts: bytes, answers: int = 1, until_closed: bool = False) -> list[bytes]:
        """Send these one after the other, and read so many answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            found = []
            for _ in range(answers):
                head = await reader.readuntil(b"\r\n\r\n")
                size = re.search(rb"content-length: ([0-9]+)", head)
                found.append(head + await reader.readexactly(int(size[1]) if size else 0))
            if until_closed:
                assert await reader.read() == b""
            return found
        finally:
            writer.close()


@asynccontextmanager
async def serving(shop: Shop, wire: type | partial = HttpToolsProtocol) -> AsyncIterator[Served]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        served = Served(shop, listener.getsockname()[1])

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            served.ordinary.append(f"{scope['method']} {scope['path']}")
            await shop.api(scope, receive, send)

        async with (
            listening(application, listener, 10.0, wire),
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client,
        ):
            served.shop = replace(shop, client=client)
            yield served


@asynccontextmanager
async def serving_straight(database: TestDatabase) -> AsyncIterator[Served]:
    """With one account, and a key that is known already: only a known one goes straight."""
    async with opening_shop(database.service_url) as shop, serving(shop, partial(Wire, shop.api.hot)) as served:
        await served.shop.open("m-1")
        served.ordinary.clear()
        yield served


async def answers_of(shop: Shop) -> list[tuple[int, str, dict[str, str | None]]]:
    await shop.open("m-1")
    answers = []
    for number, (method, path, body, headers) in enumerate(REQUESTS):
        sent = {"idempotency_key": f"request-{number}"} | headers if method == "POST" else headers
        answer = await shop.call(method, path, body, **sent)
        kept = {name: answer.headers.get(name) for name in HEADERS_COMPARED}
        assert answer.headers["x-request-id"]
        answers.append((answer.status_code, MOMENTS.sub("", answer.text), kept))
    return answers


async def test_every_request_is_answered_the_same_straight_and_the_ordinary_way(database: TestDatabase):
    async with opening_shop(database.service_url) as shop:
        async with serving(shop, partial(Wire, shop.api.hot)) as served:
            straight = await answers_of(served.shop)
            went_ordinarily = len(served.ordinary)
        async with serving(await shop.neighbour()) as served:
            ordinary = await answers_of(served.shop)
            assert len(served.ordinary) == len(REQUESTS) + 1
    assert went_ordinarily < len(REQUESTS) / 2
    for request, one, other in zip(REQUESTS, straight, ordinary, strict=True):
        assert one == other, request
    assert {status for status, _, _ in straight} >= {200, 201, 400, 401, 404, 405, 409, 412, 413, 415, 422}


async def test_a_hot_request_that_comes_whole_never_meets_the_framework(database: TestDatabase):
    async with serving_straight(database) as served:
        answers = [await served.talk(served.request(number)) for number in range(3)]
        assert all(answer.startswith(b"HTTP/1.1 201 Created\r\n") for (answer,) in answers)
        assert served.ordinary == []


@pytest.mark.parametrize("number_of_parts", [2, 7])
async def test_a_body_in_pieces_goes_the_ordinary_way(database: TestDatabase, number_of_parts: int):
    async with serving_straight(database) as served:
        request = served.request(1)
        middle = len(request) - number_of_parts
        pieces = [request[:middle], *(request[at : at + 1] for at in range(middle, len(request)))]
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            async with asyncio.timeout(10):
                while not served.ordinary and piece is pieces[0]:  # noqa: ASYNC110 - the service tells nobody
                    await asyncio.sleep(0.001)
        assert (await reader.readline()).startswith(b"HTTP/1.1 201")
        writer.close()
        assert served.ordinary == ["POST /v1/accounts/m-1/earn"]


@pytest.mark.parametrize(
    "line", ["Transfer-Encoding: chunked", "Connection: close", "Expect: 100-continue", "Upgrade: h2c"]
)
async def test_a_request_with_an_odd_header_goes_the_ordinary_way(database: TestDatabase, line: str):
    async with serving_straight(database) as served:
        body = 'c\r\n{"points":1}\r\n0\r\n\r\n' if "chunked" in line else '{"points":1}'
        answers = await served.talk(served.request(1, body, line), answers=2 if "100" in line else 1)
        assert answers[-1].startswith(b"HTTP/1.1 201")
        assert served.ordinary == ["POST /v1/accounts/m-1/earn"]


async def test_requests_that_come_at_once_are_answered_in_their_order(database: TestDatabase):
    async with serving_straight(database) as served:
        balance = (
            f"GET /v1/accounts/m-1/entries HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {served.shop.token}\r\n\r\n"
        )
        requests = [served.request(number, f'{{"points":{number}}}') for number in range(1, 6)]
        answers = await served.talk(
            requests[0] + requests[1] + balance.encode() + b"".join(requests[2:]), answers=6, until_closed=False
        )
        seqs = [re.search(rb'"seq":([0-9]+)', answer) for answer in answers]
        assert b'"has_more"' in answers[2]
        assert [int(seq[1]) for place, seq in enumerate(seqs) if seq and place != 2] == [1, 2, 3, 4, 5]


async def test_an_unknown_key_is_looked_up_the_ordinary_way_and_then_goes_straight(database: TestDatabase):
    async with serving_straight(database) as served:
        served.shop = (await served.shop.neighbour()).with_token((await served.shop.key("earn", "accounts")).token)
        assert (await served.talk(served.request(1)))[0].startswith(b"HTTP/1.1 201")
        assert (await served.talk(served.request(2)))[0].startswith(b"HTTP/1.1 201")
        assert served.ordinary == ["POST /v1/accounts/m-1/earn"]


async def test_a_draining_instance_tells_its_callers_to_go(database: TestDatabase):
    async with serving_straight(database) as served:
        entering = asyncio.Event()
        enter = served.shop.services.poster.enter

        def entered(*arguments):
            served.shop.stage["is_draining"] = True
            entering.set()
            return enter(*arguments)

        served.shop.services.poster.enter = entered
        (answer,) = await served.talk(served.request(1), until_closed=True)
        assert entering.is_set()
        assert answer.startswith(b"HTTP/1.1 201")
        assert b"connection: close\r\n" in answer


async def test_what_was_posted_stays_posted_when_its_caller_has_left(database: TestDatabase, caplog):
    caplog.set_level(logging.WARNING)
    async with serving_straight(database) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(served.request(1, '{"points":7}'))
        await writer.drain()
        writer.transport.abort()
        async with asyncio.timeout(10):
            while (await served.shop.balance("m-1"))["balance"] != 7:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
        assert (await served.talk(served.request(1, '{"points":7}')))[0].startswith(b"HTTP/1.1 201")
        assert (await served.shop.balance("m-1"))["balance"] == 7
    assert not caplog.records


async def test_a_bug_on_the_way_is_an_answer_that_tells_nothing(database: TestDatabase, caplog):
    async with serving_straight(database) as served:
        words = "the caller's secret"

        def broken(*_):
            raise RuntimeError(words)

        served.shop.services.poster.enter = broken
        (answer,) = await served.talk(served.request(1))
        assert answer.startswith(b"HTTP/1.1 500")
        assert b"internal_error" in answer
        assert b"secret" not in answer
        assert words not in caplog.text
        assert served.shop.api.hot.traffic.active == 0


@pytest.mark.parametrize("way", [Wire, HttpToolsProtocol])
async def test_both_ways_count_requests_under_the_same_route(database: TestDatabase, way: type):
    async with opening_shop(database.service_url) as shop:
        await shop.open("m-1")
        async with serving(shop, partial(Wire, shop.api.hot) if way is Wire else way) as served:

            async def counted() -> float:
                lines = (await shop.get("/metrics")).text.splitlines()
                found = [line for line in lines if line.startswith("http_server_request_duration_seconds_count")]
                wanted = [line for line in found if "/earn" in line and '"201"' in line]
                return sum(float(line.rsplit(" ", 1)[1]) for line in wanted)

            before = await counted()
            await served.talk(served.request(1))
            assert await counted() == before + 1
            assert shop.api.hot.traffic.active == 0
