"""Asking: the requests of one window, as the bytes that are sent, and what their answers say was posted.

`loadtests/wrk/load.lua` asks the same."""

import json
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

BULK_OPERATIONS = 1000

BALANCE_SHARE, EARN_SHARE, REDEEM_SHARE = 0.70, 0.20, 0.08
"""The mix of a shop. What is left are holds, each captured by the next request that is sent."""

HOLD_SECONDS = 604_800
"""Longer than any benchmark: a hold that the end of a window left open does not time out into somebody's figures."""


@dataclass(slots=True)
class Asking:
    """What is asked for in one window."""

    scenario: str
    """earn, balance, shop, or bulk."""
    host: str
    tokens: Sequence[str]
    """One for each program; who is asked is drawn."""
    accounts: int
    """In each program: `m-1` to `m-N`."""
    run: str
    """Part of every key, and the seed of what is drawn."""
    random_keys: bool = False
    """Whether keys come in no order, as random UUIDs do, or in the order in which they are made."""
    number: int = 0
    chance: random.Random = field(init=False)
    captures: deque[str] = field(default_factory=deque)
    """Open holds that are captured next."""

    def __post_init__(self) -> None:
        # The same accounts in the same order for everyone who is measured in the same round.
        self.chance = random.Random(self.run)  # noqa: S311 - draws load, protects nothing

    def request(self) -> bytes:
        """The next one."""
        self.number += 1
        token = self.tokens[0] if len(self.tokens) == 1 else self.chance.choice(self.tokens)
        head = f"HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {token}\r\n"
        match self.scenario:
            case "balance":
                return self._balance(head)
            case "shop":
                return self._of_a_shop(head)
            case "bulk":
                return self._bulk(head)
        return self._earn(head)

    def told(self, status: int, body: bytes) -> int:
        """Learn from an answer; how many entries it acknowledges."""
        if self.scenario == "bulk":
            return body.count(b'"status":201')
        if status != 201:
            return 0
        if self.scenario == "shop" and b'"status":"open"' in body:
            self.captures.append(json.loads(body)["hold_id"])
        return 1

    def _account(self) -> str:
        return f"m-{self.chance.randint(1, self.accounts)}"

    def _key(self) -> str:
        salt = f"{self.chance.getrandbits(32):08x}-" if self.random_keys else ""
        return f"{salt}{self.run}-{self.number}"

    def _balance(self, head: str) -> bytes:
        return f"GET /v1/accounts/{self._account()}/balance {head}\r\n".encode()

    def _earn(self, head: str) -> bytes:
        return self._post(f"/v1/accounts/{self._account()}/earn", f'{{"points":{self.chance.randint(1, 500)}}}', head)

    def _of_a_shop(self, head: str) -> bytes:
        if self.captures:
            return self._post(f"/v1/holds/{self.captures.popleft()}/capture", "{}", head)
        drawn = self.chance.random()
        if drawn < BALANCE_SHARE:
            return self._balance(head)
        if drawn < BALANCE_SHARE + EARN_SHARE:
            return self._earn(head)
        if drawn < BALANCE_SHARE + EARN_SHARE + REDEEM_SHARE:
            return self._post(f"/v1/accounts/{self._account()}/redeem", '{"points":5}', head)
        body = f'{{"points":5,"expires_in_seconds":{HOLD_SECONDS}}}'
        return self._post(f"/v1/accounts/{self._account()}/holds", body, head)

    def _bulk(self, head: str) -> bytes:
        key = self._key()
        operations = ",".join(
            f'{{"op":"earn","account_id":"{self._account()}","idempotency_key":"{key}-{place}",'
            f'"points":{self.chance.randint(1, 500)}}}'
            for place in range(BULK_OPERATIONS)
        )
        return self._post("/v1/bulk", f'{{"mode":"independent","operations":[{operations}]}}', head)

    def _post(self, path: str, body: str, head: str) -> bytes:
        return (
            f"POST {path} {head}Idempotency-Key: {self._key()}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
