"""Tills: clients that send each request again, under the same key, until somebody says what became of it."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.instances import Program
from tests.wire import Answer, Request, Wire

MARGIN_SECONDS = 5.0
"""What a busy machine may add to a deadline before an answer counts as missing; the promise is 0.25."""

PAUSE_SECONDS = 0.02
"""Between two attempts: far less than a client should wait, so that many attempts meet every fault."""

ACCOUNTS = tuple(f"m-{number}" for number in range(1, 7))


@dataclass(slots=True)
class Diary:
    """What the tills were told."""

    acknowledged: dict[str, tuple[Request, Answer]] = field(default_factory=dict)
    """By key: the request, and the answer that said what became of it."""
    unserved: list[Answer] = field(default_factory=list)
    """Answers that told to come again."""
    cut: int = 0
    """Attempts whose connection ended before the answer."""
    _waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)

    def note(self) -> None:
        for is_so, future in self._waiting:
            if not future.done() and is_so():
                future.set_result(None)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something was written into the diary that makes it so."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((is_so, future))
        self.note()
        await future

    async def until_more(self, acknowledged: int) -> None:
        """Wait until so many more requests are settled."""
        goal = len(self.acknowledged) + acknowledged
        await self.until(lambda: len(self.acknowledged) >= goal)


@dataclass(slots=True)
class Till:
    """One client with one request at a time. It prefers an instance, and goes to another when that one fails."""

    name: str
    urls: Sequence[str]
    program: Program
    diary: Diary
    deadline_ms: int = 4500
    is_open: bool = True

    async def work(self) -> None:
        """Post until it is closed; what was begun is brought to its end."""
        chance = random.Random(self.name)
        number = 0
        wire: Wire | None = None
        try:
            while self.is_open:
                number += 1
                request = self._request(chance, f"{self.name}-{number}")
                wire = await self._settle(request, f"{self.name}-{number}", wire)
        finally:
            if wire is not None:
                wire.close()

    def _request(self, chance: random.Random, key: str) -> Request:
        verb, points = ("redeem", chance.randint(1, 60)) if chance.random() < 0.4 else ("earn", chance.randint(1, 50))
        body = json.dumps({"points": points, "order_id": f"order-{key}"}).encode()
        headers = self.program.headers(key) | {"X-Request-Timeout-Ms": str(self.deadline_ms)}
        return Request("POST", f"/v1/accounts/{chance.choice(ACCOUNTS)}/{verb}", body, headers)

    async def _settle(self, request: Request, key: str, wire: Wire | None) -> Wire | None:
        while True:
            try:
                if wire is None:
                    wire = await Wire.open(self.urls[0])
                answer = await wire.ask(request, self.deadline_ms / 1000 + MARGIN_SECONDS)
            except (OSError, EOFError):
                self.diary.cut += 1
                if wire is not None:
                    wire.close()
                wire = None
            else:
                if answer.status < 500:
                    self.diary.acknowledged[key] = (request, answer)
                    self.diary.note()
                    return wire
                self.diary.unserved.append(answer)
                self.diary.note()
            self.urls = [*self.urls[1:], self.urls[0]]
            if wire is not None:
                wire.close()
                wire = None
            await asyncio.sleep(PAUSE_SECONDS)


async def open_accounts(url: str, program: Program) -> None:
    """The accounts that the tills post to."""
    for account_id in ACCOUNTS:
        wire = await Wire.open(url)
        body = json.dumps({"account_id": account_id}).encode()
        answer = await wire.ask(Request("POST", "/v1/accounts", body, program.headers(f"open-{account_id}")))
        wire.close()
        assert answer.status == 201, answer


def assert_nothing_is_lost_or_doubled(diary: Diary, outcomes: Sequence[dict[str, object]]) -> Counter[int]:
    """Hold what was acknowledged against what the books say of every key (`OUTCOMES`). Answers how many of which
    status there were."""
    held = {str(row["idempotency_key"]): row for row in outcomes if not str(row["idempotency_key"]).startswith("open-")}
    assert len(held) + len(ACCOUNTS) == len(outcomes)
    assert held.keys() == diary.acknowledged.keys(), "a key was acknowledged and is lost, or posted and never asked for"
    for key, (_, answer) in diary.acknowledged.items():
        row, told = held[key], answer.json()
        if answer.status == 201:
            assert row["form"] == "posted"
            fields = ("account_id", "seq", "points", "balance_after", "order_id", "hash")
            assert [row[name] for name in fields] == [told[name] for name in fields]
        else:
            assert (answer.status, told["code"], row["form"]) == (409, "insufficient_points", "refused")
    return Counter(answer.status for _, answer in diary.acknowledged.values())


OUTCOMES = """
SELECT o.idempotency_key, o.form, o.account_id, o.seq, e.points, e.balance_after, e.order_id,
    encode(e.hash, 'hex') AS hash
FROM ledger.outcome AS o
LEFT JOIN ledger.entry AS e USING (program_id, account_id, seq)
WHERE o.program_id = $1
"""
