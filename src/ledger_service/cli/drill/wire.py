"""HTTP/1.1 over kept connections: no more than a drill needs, so that it takes little from those it measures."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

IDLE_SECONDS_MAX = 3.0
"""A connection that was idle for longer is not used again: a proxy may close it just as we send."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotAnswered(Exception):
    """No answer came."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        """Whether a byte of the request may have arrived."""


@dataclass(slots=True)
class Connection:
    """One open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float

    def is_fresh(self) -> bool:
        """Whether it may be used once more."""
        return not self.reader.at_eof() and monotonic() - self.used_at < IDLE_SECONDS_MAX

    async def ask(self, request: bytes) -> Reply:
        """Send, and read the answer. Raises OSError and EOFError."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        self.used_at = monotonic()
        return Reply(int(first.split(" ")[1]), headers, body)

    def close(self) -> None:
        """Let go of it."""
        with suppress(OSError, RuntimeError):
            self.writer.close()


class Wire:
    """Connections to one address, opened as they are needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 80
        self.idle: deque[Connection] = deque()
        self.busy = 0
        """Requests that wait for their answer."""

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds_max: float) -> Reply:
        """One request. Raises NotAnswered, at the latest after `seconds_max`."""
        self.busy += 1
        try:
            return await self.answer_to(method, path, headers, body, seconds_max)
        finally:
            self.busy -= 1

    async def answer_to(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds_max: float
    ) -> Reply:
        """The same, uncounted."""
        sent = False
        connection: Connection | None = None
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        try:
            async with asyncio.timeout(seconds_max):
                connection = self.take() or await self.open()
                sent = True
                reply = await connection.ask(request)
        except (OSError, EOFError, ValueError, IndexError) as error:  # TimeoutError is an OSError
            if connection is not None:
                connection.close()
            raise NotAnswered("timeout" if isinstance(error, TimeoutError) else "connection lost", sent=sent) from error
        except asyncio.CancelledError:
            if connection is not None:
                connection.close()
            raise
        if reply.headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self.idle.append(connection)
        return reply

    def take(self) -> Connection | None:
        """The connection used last, if it is still good; those that are not are closed."""
        while self.idle:
            connection = self.idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()
        return None

    async def open(self) -> Connection:
        """A new one."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        return Connection(reader, writer, monotonic())

    def close(self) -> None:
        """Let go of all."""
        while self.idle:
            self.idle.pop().close()
