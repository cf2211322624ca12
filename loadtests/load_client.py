"""`python load_client.py HOST PORT`: one window of load, for machines without wrk.

Every connection asks again as soon as it is answered, until the window ends; then all wait for what they asked.
Environment and answer are those of `wrk/load.lua`, but for the place of the answer: standard output.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

from ledger_service.cli.bench.asking import BULK_OPERATIONS, Asking

PATIENCE_SECONDS = 10.0
"""How long answers may take once the window has ended. Who is not answered by then counts as broken."""


def asking_of_environment(host: str) -> Asking:
    """What to ask for, as the environment says."""
    said = {name: os.environ[f"LOAD_{name}"] for name in ("SCENARIO", "ACCOUNTS", "RUN", "TOKENS", "KEYS")}
    tokens = said["TOKENS"].splitlines()
    return Asking(said["SCENARIO"], host, tokens, int(said["ACCOUNTS"]), said["RUN"], said["KEYS"] == "random")


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    sent: int = 0
    refused: int = 0
    broken: int = 0
    late: int = 0
    """Answers that came after the end."""
    posted: int = 0
    """Entries that were acknowledged."""
    posted_late: int = 0
    unposted: int = 0
    """Operations of bulks that were not."""
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
                "late": self.late,
                "posted": self.posted,
                "posted_late": self.posted_late,
                "unposted": self.unposted,
                "p50_ms": ordered[len(ordered) // 2] * 1000,
                "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
            }
        )


class Connection(asyncio.Protocol):
    """Asks, waits for the answer, asks again."""

    def __init__(self, asking: Asking, tally: Tally, ends_at: float) -> None:
        self.asking = asking
        self.tally = tally
        self.ends_at = ends_at
        self.body = b""
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
        self.body = b""
        self.transport.write(self.asking.request())

    def data_received(self, data: bytes) -> None:
        """Look for the end of the answer."""
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep what it says."""
        self.body += data

    def on_message_complete(self) -> None:
        """An answer is there: note it and ask again, while there is time."""
        now = time.perf_counter()
        self.tally.latencies.append(now - self.asked_at)
        status = self.parser.get_status_code()
        posted = self.asking.told(status, self.body)
        self.tally.posted += posted
        if self.asking.scenario == "bulk" and status < 400:
            self.tally.unposted += BULK_OPERATIONS - posted
        if status >= 400:
            self.tally.refused += 1
        if now < self.ends_at:
            self.ask()
        else:
            self.tally.late += 1
            self.tally.posted_late += posted
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


async def load(asking: Asking, port: int, connections: int, seconds: float) -> Tally:
    """Ask on all connections until the window ends, then wait for what is still to come."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    ends_at = time.perf_counter() + seconds
    opened = [
        (await loop.create_connection(lambda: Connection(asking, tally, ends_at), asking.host, port))[1]
        for _ in range(connections)
    ]
    _, waiting = await asyncio.wait({connection.ended for connection in opened}, timeout=seconds + PATIENCE_SECONDS)
    tally.broken += len(waiting)
    return tally


def main() -> None:
    """Load what the arguments name, print what happened."""
    host, port, connections = sys.argv[1], int(sys.argv[2]), int(os.environ["LOAD_CONNECTIONS"])
    window = load(asking_of_environment(host), port, connections, float(os.environ["LOAD_SECONDS"]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(window).as_json())


if __name__ == "__main__":
    main()
