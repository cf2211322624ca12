"""`python -m ledger_service.cli.drill.flood`: more load than a service can bear, from a process of its own.

Reads what to do as JSON from standard input, writes what came of it as JSON to standard output. Every request is an
earn of one point under a key of its own; nothing is sent twice."""

import asyncio
import json
import random
import resource
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import cast

import httptools
import uvloop

FIRST_CONNECTIONS = 64
"""Open before the first request; more are opened when they are needed."""

PATIENCE_SECONDS = 6.0
"""How long answers may still come once all is sent: the callers' deadline, and some."""


@dataclass(frozen=True, slots=True)
class Flood:
    """What to send."""

    host: str
    port: int
    token: str
    run: str
    """Begins accounts and keys."""
    phase: str
    accounts: int
    rate: float
    """Requests a second, as they mean to come; 0: each connection asks again as soon as it is answered."""
    connections: int
    """With a rate the most that are open at once."""
    seconds: float
    seed: int

    def request(self, number: int, account: int) -> bytes:
        """The bytes of one request."""
        return (
            f"POST /v1/accounts/{self.run}-m{account}/earn HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Authorization: Bearer {self.token}\r\nIdempotency-Key: {self.run}-{self.phase}-{number}\r\n"
            'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"points":1}'
        ).encode()


@dataclass(slots=True)
class Flooded:
    """What came of it. The lists have an item for each answer."""

    sent: int = 0
    not_begun: int = 0
    """Came when all connections were busy: the limit of the client, not of the service."""
    broken: int = 0
    intended: list[float] = field(default_factory=list)
    """Seconds since the start at which each was meant to be sent."""
    seconds: list[float] = field(default_factory=list)
    """From then to its answer."""
    statuses: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """How late the client itself was in sending each."""
    cpu_seconds: float = 0.0


class Channel(asyncio.Protocol):
    """One connection: asks, waits for the answer, tells that it is free."""

    def __init__(
        self, flooded: Flooded, start: float, freed: "Callable[[Channel], None]", lost: Callable[[], None]
    ) -> None:
        self.flooded = flooded
        self.start = start
        self.freed = freed
        self.lost = lost
        self.parser = httptools.HttpResponseParser(self)
        self.intended = 0.0
        self.is_busy = False
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's looks like one without being one

    def ask(self, request: bytes, intended: float) -> None:
        """Send one request."""
        self.intended = intended
        self.is_busy = True
        self.flooded.sent += 1
        self.flooded.lags.append(perf_counter() - self.start - intended)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Look for the end of the answer."""
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """An answer is there. A proxy that ends an idle connection says so unasked (408): that answers nobody."""
        if not self.is_busy:
            self.is_open = False
            self.transport.close()
            return
        self.flooded.intended.append(self.intended)
        self.flooded.seconds.append(perf_counter() - self.start - self.intended)
        self.flooded.statuses.append(self.parser.get_status_code())
        self.is_busy = False
        if self.parser.should_keep_alive():
            self.parser = httptools.HttpResponseParser(self)
            self.freed(self)
        else:
            self.is_open = False
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody answers any more."""
        self.lost()
        self.is_open = False
        if self.is_busy:
            self.is_busy = False
            self.flooded.broken += 1


class Sender:
    """All connections of a flood."""

    def __init__(self, flood: Flood) -> None:
        self.flood = flood
        self.flooded = Flooded()
        self.chance = random.Random(flood.seed)  # noqa: S311 - draws load, protects nothing
        self.idle: deque[Channel] = deque()
        self.channels: list[Channel] = []
        self.number = 0
        self.start = 0.0
        self.opening: set[asyncio.Task[None]] = set()
        self.open_now = 0

    async def run(self) -> Flooded:
        """Send everything and wait for what is to come."""
        for _ in range(min(self.flood.connections, FIRST_CONNECTIONS)):
            self.idle.append(await self.open())
        self.start = perf_counter()
        for channel in self.channels:
            channel.start = self.start
        await (self.paced() if self.flood.rate else self.in_turns())
        end = perf_counter() + PATIENCE_SECONDS
        if self.opening:
            await asyncio.wait(self.opening, timeout=PATIENCE_SECONDS)
        while any(channel.is_busy for channel in self.channels) and perf_counter() < end:  # noqa: ASYNC110 - at the end
            await asyncio.sleep(0.01)
        self.flooded.broken += sum(channel.is_busy for channel in self.channels)
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.flooded.cpu_seconds = used.ru_utime + used.ru_stime
        return self.flooded

    async def open(self) -> Channel:
        """One more connection. Raises OSError."""
        loop = asyncio.get_running_loop()
        channel = Channel(self.flooded, self.start, self.idle.append, self.lost)
        await loop.create_connection(lambda: channel, self.flood.host, self.flood.port)
        self.channels.append(channel)
        self.open_now += 1
        return channel

    def lost(self) -> None:
        """One connection less."""
        self.open_now -= 1

    async def open_and_send(self, request: bytes, at: float) -> None:
        """Send on a connection of its own; that it takes time to open is part of what its caller waits for."""
        try:
            channel = await self.open()
        except OSError:
            self.flooded.broken += 1
            return
        channel.ask(request, at)

    async def paced(self) -> None:
        """Send what is due when it is due, whoever is answered."""
        at = 0.0
        while (at := at + self.chance.expovariate(self.flood.rate)) < self.flood.seconds:
            wait = self.start + at - perf_counter()
            if wait > 0.001:
                await asyncio.sleep(wait)
            elif self.number % 16 == 0:
                await asyncio.sleep(0)  # late: let answers in all the same
            self.send(at)

    async def in_turns(self) -> None:
        """Send as soon as somebody is answered."""
        while (at := perf_counter() - self.start) < self.flood.seconds:
            while self.idle:
                self.send(at)
            await asyncio.sleep(0)

    def send(self, at: float) -> None:
        """Send the next request on a connection that is free, or on a new one, if there may be one more."""
        self.number += 1
        request = self.flood.request(self.number, self.chance.randint(1, self.flood.accounts))
        while self.idle:
            channel = self.idle.pop()
            if channel.is_open:
                channel.ask(request, at)
                return
        if self.open_now + len(self.opening) >= self.flood.connections:
            self.flooded.not_begun += 1
            return
        task = asyncio.create_task(self.open_and_send(request, at))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)


def main() -> None:
    """Do what standard input says."""
    flood = Flood(**json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        flooded = runner.run(Sender(flood).run())
    json.dump(asdict(flooded), sys.stdout)


if __name__ == "__main__":
    main()
