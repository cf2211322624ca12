"""HTTP/1.1 as bytes on a socket: requests that no client library would send, and many of them at the same moment."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

ANSWER_SECONDS_MAX = 30.0
"""How long any answer may take before a test calls it a hang. No deadline of ours is longer than 10 s."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. Nothing is escaped or checked."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: ledger"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body is not None and self.headers.keys().isdisjoint(("Content-Length", "Transfer-Encoding")):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_replay(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


class Hung(AssertionError):
    """No answer came. Not an OSError, so that no client takes it for a lost connection."""


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "Wire":
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def ask(self, request: Request, seconds_max: float = ANSWER_SECONDS_MAX) -> Answer:
        """Send and wait. Raises OSError or EOFError when the connection ends before the answer, and Hung."""
        try:
            async with asyncio.timeout(seconds_max):
                return await self.ask_bytes(request.bytes(), has_body=request.method != "HEAD")
        except TimeoutError as late:
            raise Hung(f"no answer within {seconds_max} s to {request}") from late

    async def ask_bytes(self, request: bytes, has_body: bool = True) -> Answer:
        """The same for what may be no request at all."""
        self._writer.write(request)
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split(" ")[1])
            size = int(headers.get("content-length", "0")) if has_body else 0
            return Answer(status, headers, await self._reader.readexactly(size))

    async def is_at_end(self) -> bool:
        """Whether the other side closes the connection and says no more."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


async def ask(url: str, request: Request) -> Answer:
    """One request on a connection of its own. An instance may answer before it has read all of a body and close."""
    wire = await Wire.open(url)
    try:
        return await wire.ask(request)
    finally:
        wire.close()


async def volley(urls: Sequence[str], requests: Iterable[Request]) -> list[Answer]:
    """All requests at the same moment, in turn to each of the URLs; the answers in the order of the requests.

    Every request has a connection of its own, and all are open before the first byte is sent."""
    asked = list(requests)
    wires = await asyncio.gather(*(Wire.open(urls[number % len(urls)]) for number in range(len(asked))))
    try:
        return await asyncio.gather(*(wire.ask(request) for wire, request in zip(wires, asked, strict=True)))
    finally:
        for wire in wires:
            wire.close()
