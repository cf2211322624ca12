"""Lives: accounts with many entries behind them and many open lots, beside accounts that were opened just now."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any, Protocol

from ledger_service.cli.bench.children import ChildFailed
from ledger_service.cli.bench.contenders import BULK_LENGTH_MAX
from ledger_service.cli.caller import Caller

LOT_POINTS = 10
LOTS_PER_REDEEM = 3
REDEEM_POINTS = LOT_POINTS * LOTS_PER_REDEEM
OPENING_POINTS = 100
"""What a new account has: one lot without dates, more than is redeemed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How long a life is."""

    entries: int = 100_000
    lots: int = 400
    """Open ones, each with an expiry of its own."""


@dataclass(frozen=True, slots=True)
class Earning:
    """An earn that comes before what is measured."""

    account_id: str
    body: dict[str, Any]


class Life(Protocol):
    """Accounts of one sort, one after the other."""

    def next_account(self) -> tuple[str, list[Earning]]:
        """The account that is asked next, and the earns that come before, as many for every sort."""
        ...


@dataclass(slots=True)
class LongLife:
    """Always the same account. What was redeemed comes back as lots that expire after all others."""

    account_id: str
    shape: Shape
    first_expiry: datetime
    """When its first lot is gone; the others are an hour apart."""
    _lots: Iterator[int] = field(default_factory=lambda: count(1))
    _is_whole: bool = True

    def history(self) -> Iterator[dict[str, Any]]:
        """Its life so far, as operations of a bulk: points come and go, and then come to stay."""
        for number in range((self.shape.entries - self.shape.lots) // 2):
            yield self._operation("earn", f"{number}-in", {"points": LOT_POINTS, "expires_at": self._expiry(0)})
            yield self._operation("redeem", f"{number}-out", {"points": LOT_POINTS})
        for number in range(self.shape.lots):
            yield self._operation("earn", f"{number}-stays", self._lot())

    def next_account(self) -> tuple[str, list[Earning]]:
        """It again, with as many lots as ever."""
        missing = 0 if self._is_whole else LOTS_PER_REDEEM
        self._is_whole = False
        return self.account_id, [Earning(self.account_id, self._lot()) for _ in range(missing)]

    def _lot(self) -> dict[str, Any]:
        return {"points": LOT_POINTS, "expires_at": self._expiry(next(self._lots))}

    def _expiry(self, lot: int) -> str:
        return f"{self.first_expiry + timedelta(hours=lot):%Y-%m-%dT%H:%M:%SZ}"

    def _operation(self, verb: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"op": verb, "account_id": self.account_id, "idempotency_key": f"{self.account_id}-{key}", **body}


@dataclass(slots=True)
class NewLives:
    """An account that nobody asked before, each time."""

    stem: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def next_account(self) -> tuple[str, list[Earning]]:
        """One of several that are opened now."""
        ids = [f"{self.stem}-{next(self._numbers)}" for _ in range(LOTS_PER_REDEEM)]
        return ids[0], [Earning(one, {"points": OPENING_POINTS}) for one in ids]


async def write_histories(url: str, token: str, lives: list[LongLife]) -> None:
    """Post all of them through the service. Raises ChildFailed when an operation is refused."""
    async with Caller.to(url, token) as caller:
        await asyncio.gather(*(_write_history(caller, life) for life in lives))


async def _write_history(caller: Caller, life: LongLife) -> None:
    history = life.history()
    while operations := list(islice(history, BULK_LENGTH_MAX)):
        body = {"mode": "independent", "operations": operations}
        response = await caller.post("/bulk", body, f"bulk-{operations[0]['idempotency_key']}")
        if response.status_code != 200 or any(one["status"] != 201 for one in response.json()["results"]):
            raise ChildFailed(f"{life.account_id} could not be written: {response.text[:500]}")
