"""Bodies: never more than they may have, never for longer than they may take."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from ledger_service.api.bodies import is_nothing, read
from ledger_service.api.patience import Patience
from ledger_service.api.problems import Unfit

FAR = 1e9
JSON = {b"content-type": b"application/json"}


def sending(*parts: bytes, then: Any = None) -> Any:
    """A caller that sends these parts."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = then is not None

    async def all_of_it() -> AsyncIterator[Any]:
        for message in messages:
            yield message
        yield await then if asyncio.isfuture(then) else then

    return all_of_it().__anext__


async def read_parts(*parts: bytes, size_max: int = 10, headers: dict[bytes, bytes] | None = None) -> bytes:
    return await read(JSON if headers is None else headers, sending(*parts), size_max, FAR, Patience())


async def test_a_body_comes_in_one_part_or_in_many() -> None:
    assert await read_parts(b"0123456789") == b"0123456789"
    assert await read_parts(b"01234", b"", b"56789") == b"0123456789"


@pytest.mark.parametrize("parts", [[b"0123456789x"], [b"01234", b"56789x"]])
async def test_a_body_that_grows_too_large_is_refused_before_it_is_all_there(parts: list[bytes]) -> None:
    with pytest.raises(Unfit) as raised:
        await read(JSON, sending(*parts, b"never read"), 10, FAR, Patience())
    assert raised.value.code == "body_too_large"
    assert raised.value.headers == {"connection": "close"}


async def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    async def receive() -> Any:
        raise AssertionError("read")

    with pytest.raises(Unfit) as raised:
        await read(JSON | {b"content-length": b"11"}, receive, 10, FAR, Patience())
    assert raised.value.fields == {"bytes_max": 10}


@pytest.mark.parametrize(
    "kind",
    [b"application/json", b"application/json; charset=utf-8", b"Application/JSON;charset=UTF-8", b"application/json;"],
)
async def test_json_in_utf_8_is_taken(kind: bytes) -> None:
    assert await read_parts(b"{}", headers={b"content-type": kind}) == b"{}"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"content-type": b"text/plain"},
        {b"content-type": b"application/json; charset=latin-1"},
        {b"content-type": b"application/jsonp"},
        {b"content-type": b"application/x-www-form-urlencoded"},
        {b"content-type": b"application/json", b"content-encoding": b"gzip"},
    ],
)
async def test_anything_else_is_not(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unfit) as raised:
        await read_parts(b"{}", headers=headers)
    assert raised.value.code == "unsupported_media_type"


async def test_a_caller_who_leaves_is_not_answered() -> None:
    with pytest.raises(ClientDisconnect):
        await read(JSON, sending(b"{", then={"type": "http.disconnect"}), 10, FAR, Patience())


async def test_a_body_that_does_not_arrive_is_given_up_at_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(Unfit) as raised:
        await read(JSON, sending(b"{", then=loop.create_future()), 10, loop.time(), Patience())
    assert raised.value.code == "malformed_request"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancelled_caller_stays_cancelled() -> None:
    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(Patience().until(FAR, loop.create_future()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_nobody_is_kept_who_no_longer_waits() -> None:
    patience = Patience()
    for _ in range(100):
        await read(JSON, sending(b"{}"), 10, FAR, patience)
    assert sum(map(len, patience._waiting.values())) == 0
    assert len(patience._waiting) == 1


@pytest.mark.parametrize(
    ("headers", "says_nothing"),
    [
        ({}, True),
        ({b"content-length": b"0"}, True),
        ({b"content-length": b"0", b"content-type": b"application/json"}, True),
        ({b"content-length": b"2"}, False),
        ({b"content-length": b"many"}, False),
        ({b"transfer-encoding": b"chunked"}, False),
        ({b"content-length": b"0", b"transfer-encoding": b"chunked"}, False),
    ],
)
def test_a_request_has_no_body_when_its_headers_announce_none(headers: dict[bytes, bytes], says_nothing: bool) -> None:
    assert is_nothing(headers) == says_nothing
