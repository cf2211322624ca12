"""Timed calls: one connection that asks, waits for the answer, and knows how long that took."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

import httptools

from ledger_service.cli.bench.children import ChildFailed

ANSWER_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one call."""

    status: int
    seconds: float
    """From the first byte sent to the last byte received."""


class TimedConnection(asyncio.Protocol):
    """A client that costs as little as one in Python can, so that what it measures is the service."""

    def __init__(self, host: str, token: str) -> None:
        self._common = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answered] | None = None
        self._asked_at = 0.0

    @classmethod
    @asynccontextmanager
    async def opened(cls, host: str, port: int, token: str) -> AsyncIterator["TimedConnection"]:
        """A connection that is kept until it is left."""
        _, connection = await asyncio.get_running_loop().create_connection(lambda: cls(host, token), host, port)
        try:
            yield connection
        finally:
            connection._transport.close()

    async def get(self, path: str) -> Answered:
        """Read. Raises ChildFailed when there is no answer."""
        return await self._ask(f"GET {path} {self._common}\r\n".encode())

    async def post(self, path: str, body: dict[str, Any], key: str) -> Answered:
        """Post. Raises ChildFailed when there is no answer."""
        content = json.dumps(body)
        return await self._ask(
            f"POST {path} {self._common}Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
        )

    async def _ask(self, request: bytes) -> Answered:
        self._answer = asyncio.get_running_loop().create_future()
        self._asked_at = perf_counter()
        self._transport.write(request)
        try:
            return await asyncio.wait_for(self._answer, ANSWER_SECONDS_MAX)
        except TimeoutError:
            raise ChildFailed(f"The service did not answer within {ANSWER_SECONDS_MAX:.0f} s.") from None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's looks like one without being one

    def data_received(self, data: bytes) -> None:
        """Look for the end of the answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        seconds = perf_counter() - self._asked_at
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answered(self._parser.get_status_code(), seconds))

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits will not be answered any more."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ChildFailed(f"The service closed the connection: {error or 'without a word'}."))
