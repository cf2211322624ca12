"""`python -m ledger_service.cli.drill.flood`: more load than a service can bear, from a process of its own.

Reads what to do as JSON from standard input, writes what came of it as JSON to standard output. Every request is an
earn of one point under a key of its own; nothing is sent twice."""

import asyncio
import json
import random
import sys
from dataclasses import asdict, dataclass

import uvloop

from ledger_service.cli.bench.arrivals import PATIENCE_SECONDS, Coming, Sender

__all__ = ["PATIENCE_SECONDS", "Flood"]


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

    def coming(self) -> Coming:
        """How they come."""
        return Coming(self.host, self.port, self.rate, self.connections, self.seconds, self.seed)


class Earns:
    """Earns of one point on accounts that are drawn."""

    def __init__(self, flood: Flood) -> None:
        self.flood = flood
        self.chance = random.Random(f"{flood.seed} accounts")  # noqa: S311 - draws load, protects nothing
        self.number = 0

    def request(self) -> bytes:
        """The bytes of the next one."""
        flood = self.flood
        self.number += 1
        account = self.chance.randint(1, flood.accounts)
        return (
            f"POST /v1/accounts/{flood.run}-m{account}/earn HTTP/1.1\r\nHost: {flood.host}\r\n"
            f"Authorization: Bearer {flood.token}\r\nIdempotency-Key: {flood.run}-{flood.phase}-{self.number}\r\n"
            'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"points":1}'
        ).encode()

    def told(self, status: int, body: bytes) -> int:
        """One entry for each that was posted."""
        return int(status == 201)


def main() -> None:
    """Do what standard input says."""
    flood = Flood(**json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        came = runner.run(Sender(flood.coming(), Earns(flood)).run())
    json.dump(asdict(came), sys.stdout)


if __name__ == "__main__":
    main()
