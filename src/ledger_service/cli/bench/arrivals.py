"""Arrivals: requests that come when they mean to come, whoever is answered meanwhile.

A latency is counted from the instant at which its request meant to be sent, so a service that stands still is told of
everyone who came meanwhile, and not only of those who were lucky enough to be waiting already."""

import asyncio
import gc
import random
import resource
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol, cast

import httptools

FIRST_CONNECTIONS = 64
"""Open before the first request; more are opened when they are needed."""

PATIENCE_SECONDS = 6.0
"""How long answers may still come once all is sent: the callers' deadline, and some."""

EARLY_SECONDS = 0.001
"""What is due so soon is sent at once: the clock of an event loop knows whole milliseconds."""


class Requests(Protocol):
    """What is sent."""

    def request(self) -> bytes:
        """The bytes of the next request."""
        ...

    def told(self, status: int, body: bytes) -> int:
        """Its answer; how many entries that acknowledges."""
        ...


@dataclass(frozen=True, slots=True)
class Coming:
    """How requests come."""

    host: str
    port: int
    rate: float
    """Requests a second, as they mean to come; 0: each connection asks again as soon as it is answered."""
    connections: int
    """With a rate the most that are open at once."""
    seconds: float
    seed: int


@dataclass(slots=True)
class Came:
    """What came of it. The lists have an item for each answer."""

    sent: int = 0
    not_begun: int = 0
    """Came when all connections were busy: the limit of the client, not of the service."""
    broken: int = 0
    posted: int = 0
    """Entries that were acknowledged."""
    intended: list[float] = field(default_factory=list)
    """Seconds since the start at which each was meant to be sent."""
    seconds: list[float] = field(default_factory=list)
    """From then, or from when it was sent if that was earlier, to its answer."""
    statuses: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """How late the client itself was in sending each."""
    cpu_seconds: float = 0.0


class Channel(asyncio.Protocol):
    """One connection: asks, waits for the answer, tells that it is free."""

    def __init__(
        self,
        came: Came,
        requests: Requests,
        start: float,
        freed: "Callable[[Channel], None]",
        lost: Callable[[], None],
    ) -> None:
        self.came = came
        self.requests = requests
        self.start = start
        self.freed = freed
        self.lost = lost
        self.parser = httptools.HttpResponseParser(self)
        self.intended = 0.0
        self.begun = 0.0
        self.body = b""
        self.is_busy = False
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's looks like one without being one

    def ask(self, request: bytes, intended: float) -> None:
        """Send one request."""
        now = perf_counter() - self.start
        self.intended = intended
        self.begun = min(intended, now)
        self.body = b""
        self.is_busy = True
        self.came.sent += 1
        self.came.lags.append(now - intended)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Look for the end of the answer."""
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep what it says."""
        self.body += data

    def on_message_complete(self) -> None:
        """An answer is there. A proxy that ends an idle connection says so unasked (408): that answers nobody."""
        if not self.is_busy:
            self.is_open = False
            self.transport.close()
            return
        status = self.parser.get_status_code()
        self.came.intended.append(self.intended)
        self.came.seconds.append(perf_counter() - self.start - self.begun)
        self.came.statuses.append(status)
        self.came.posted += self.requests.told(status, self.body)
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
            self.came.broken += 1


class Sender:
    """All connections, and the schedule."""

    def __init__(self, coming: Coming, requests: Requests) -> None:
        self.coming = coming
        self.requests = requests
        self.came = Came()
        self.chance = random.Random(coming.seed)  # noqa: S311 - draws load, protects nothing
        self.idle: deque[Channel] = deque()
        self.channels: list[Channel] = []
        self.start = 0.0
        self.turn = asyncio.Event()
        """Somebody was answered, or it is over."""
        self.opening: set[asyncio.Task[None]] = set()
        self.open_now = 0

    async def run(self) -> Came:
        """Send everything and wait for what is to come. To be run in a process of its own: it switches the garbage
        collector off, which would stop us for longer than an answer takes, and finds nothing here."""
        gc.disable()
        for _ in range(min(self.coming.connections, FIRST_CONNECTIONS)):
            self.idle.append(await self.open())
        self.start = perf_counter()
        for channel in self.channels:
            channel.start = self.start
        await (self.paced() if self.coming.rate else self.in_turns())
        end = perf_counter() + PATIENCE_SECONDS
        if self.opening:
            await asyncio.wait(self.opening, timeout=PATIENCE_SECONDS)
        while any(channel.is_busy for channel in self.channels) and perf_counter() < end:  # noqa: ASYNC110 - at the end
            await asyncio.sleep(0.01)
        self.came.broken += sum(channel.is_busy for channel in self.channels)
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.came.cpu_seconds = used.ru_utime + used.ru_stime
        return self.came

    async def open(self) -> Channel:
        """One more connection. Raises OSError."""
        loop = asyncio.get_running_loop()
        channel = Channel(self.came, self.requests, self.start, self.free, self.lost)
        await loop.create_connection(lambda: channel, self.coming.host, self.coming.port)
        self.channels.append(channel)
        self.open_now += 1
        return channel

    def free(self, channel: Channel) -> None:
        """One more that may ask."""
        self.idle.append(channel)
        self.turn.set()

    def lost(self) -> None:
        """One connection less."""
        self.open_now -= 1

    async def open_and_send(self, request: bytes, at: float) -> None:
        """Send on a connection of its own; that it takes time to open is part of what its caller waits for."""
        try:
            channel = await self.open()
        except OSError:
            self.came.broken += 1
            return
        channel.ask(request, at)

    async def paced(self) -> None:
        """Send what is due when it is due, whoever is answered."""
        at, number = 0.0, 0
        while (at := at + self.chance.expovariate(self.coming.rate)) < self.coming.seconds:
            wait = self.start + at - perf_counter()
            number += 1
            if wait > EARLY_SECONDS:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)  # late: let answers in all the same
            self.send(at)

    async def in_turns(self) -> None:
        """Send as soon as somebody is answered."""
        asyncio.get_running_loop().call_later(self.coming.seconds, self.turn.set)
        while (at := perf_counter() - self.start) < self.coming.seconds:
            while self.idle:
                self.send(at)
            self.turn.clear()
            await self.turn.wait()

    def send(self, at: float) -> None:
        """Send the next request on a connection that is free, or on a new one, if there may be one more."""
        request = self.requests.request()
        while self.idle:
            channel = self.idle.pop()
            if channel.is_open:
                channel.ask(request, at)
                return
        if self.open_now + len(self.opening) >= self.coming.connections:
            self.came.not_begun += 1
            return
        task = asyncio.create_task(self.open_and_send(request, at))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)
