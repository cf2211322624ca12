"""`python load_client.py HOST PORT`: one window of load, for machines without wrk.

Every connection asks again as soon as it is answered, until the window ends; then all wait for what they asked.
Environment and answer are those of `wrk/load.lua`, but for the place of the answer: standard output.
"""

import asyncio
import json
import os
import random
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

PATIENCE_SECONDS = 10.0
"""How long answers may take once the window has ended. Who is not answered by then counts as broken."""


@dataclass(frozen=True, slots=True)
class Window:
    """What to ask for, and how long."""

    scenario: str
    accounts: int
    run: str
    seconds: float
    token: str
    host: str

    @classmethod
    def of_environment(cls, host: str) -> "Window":
        """What the environment says."""
        said = {name: os.environ[f"LOAD_{name}"] for name in ("SCENARIO", "ACCOUNTS", "RUN", "SECONDS", "TOKEN")}
        return cls(said["SCENARIO"], int(said["ACCOUNTS"]), said["RUN"], float(said["SECONDS"]), said["TOKEN"], host)

    def request(self, number: int, chance: random.Random) -> bytes:
        """The bytes of one request. Its key is its run and its number."""
        account = chance.randint(1, self.accounts)
        common = f"HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.token}\r\n"
        if self.scenario == "balance":
            return f"GET /v1/accounts/m-{account}/balance {common}\r\n".encode()
        body = f'{{"points":{chance.randint(1, 500)}}}'
        return (
            f"POST /v1/accounts/m-{account}/earn {common}Idempotency-Key: {self.run}-{number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    sent: int = 0
    refused: int = 0
    broken: int = 0
    latencies: list[float] = field(default_factory=list)

    def as_json(self) -> str:
        """One line."""
        ordered = sorted(self.latencies) or [0.0]
        return json.dumps(
            {
                "sent": self.sent,
                "answered": len(self.latencies),
                "refused": self.refused,
                "broken": self.broken,
                "p50_ms": ordered[len(ordered) // 2] * 1000,
                "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
            }
        )


class Connection(asyncio.Protocol):
    """Asks, waits for the answer, asks again."""

    def __init__(self, window: Window, tally: Tally, ends_at: float, chance: random.Random) -> None:
        self.window = window
        self.tally = tally
        self.ends_at = ends_at
        self.chance = chance
        self.ended = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)
        self.asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's looks like one without being one
        self.ask()

    def ask(self) -> None:
        """Send the next request."""
        self.tally.sent += 1
        self.asked_at = time.perf_counter()
        self.transport.write(self.window.request(self.tally.sent, self.chance))

    def data_received(self, data: bytes) -> None:
        """Look for the end of the answer."""
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """An answer is there: note it and ask again, while there is time."""
        now = time.perf_counter()
        self.tally.latencies.append(now - self.asked_at)
        if self.parser.get_status_code() >= 400:
            self.tally.refused += 1
        if now < self.ends_at:
            self.ask()
        else:
            self.finish()

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody will answer any more."""
        if not self.ended.done():
            self.tally.broken += 1
            self.ended.set_result(None)

    def finish(self) -> None:
        """Everything that was asked is answered."""
        self.ended.set_result(None)
        self.transport.close()


async def load(window: Window, port: int, connections: int) -> Tally:
    """Ask on all connections until the window ends, then wait for what is still to come."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    # The same accounts in the same order for everyone who is measured in the same round.
    chance = random.Random(window.run)
    ends_at = time.perf_counter() + window.seconds
    opened = [
        (await loop.create_connection(lambda: Connection(window, tally, ends_at, chance), window.host, port))[1]
        for _ in range(connections)
    ]
    _, waiting = await asyncio.wait(
        {connection.ended for connection in opened}, timeout=window.seconds + PATIENCE_SECONDS
    )
    tally.broken += len(waiting)
    return tally


def main() -> None:
    """Load what the arguments name, print what happened."""
    host, port, connections = sys.argv[1], int(sys.argv[2]), int(os.environ["LOAD_CONNECTIONS"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(load(Window.of_environment(host), port, connections)).as_json())


if __name__ == "__main__":
    main()
