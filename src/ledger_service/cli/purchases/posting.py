"""Posting purchases: each basket an earn, in bulk, exactly once however often it is done."""

import asyncio
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger_service.cli.caller import Caller, CallFailed, detail_of, jitter
from ledger_service.cli.purchases.reading import POINTS_MAX, BadRow, Purchase, instant

CHUNK_SIZE = 500
"""Operations in one call. A few chunks in flight stay below what the service lets wait (2,048)."""

TRIES_MAX = 20
FAILURES_KEPT = 20
"""Failed rows that are listed at the end. All are counted."""

REPLAYED = "Bulk-Replayed"
"""The header that says how many of a bulk's successes earlier calls had posted."""

LATER = frozenset({429, 503})
VISIBLE = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Terms:
    """How purchases become earns."""

    rate: Decimal = Decimal(1)
    keeps_dates: bool = False
    """Whether the time of the purchase is sent as `occurred_at`."""
    concurrency: int = 4


@dataclass(slots=True)
class Tally:
    """What has come of the rows so far."""

    read: int = 0
    posted: int = 0
    already: int = 0
    """Were in the ledger before."""
    pointless: int = 0
    """Worth no point."""
    failed: int = 0
    points: int = 0
    """Of all that is in the ledger now, whenever it was posted."""
    failures: list[tuple[int, str]] = field(default_factory=list)
    """The first failed rows: line and reason."""

    @property
    def done(self) -> int:
        """Rows whose fate is known."""
        return self.posted + self.already + self.pointless + self.failed

    def fail(self, line: int, reason: str) -> None:
        """Count a row that did not become an entry."""
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append((line, reason))


@dataclass(frozen=True, slots=True)
class Earn:
    """One operation of a bulk call, and the line it came from."""

    line: int
    operation: dict[str, Any]

    @property
    def account_id(self) -> str:
        return str(self.operation["account_id"])


async def post_purchases(
    rows: Iterable[Purchase | BadRow], caller: Caller, terms: Terms, tally: Tally, moved: Callable[[], None]
) -> None:
    """Post all rows; `tally` tells what came of them, `moved` is called whenever it has changed.

    An account always travels in the same lane, so that its entries keep the order of the file.
    Raises CallFailed when the service stays away; what was posted is posted, and the same call later goes on."""
    lanes = [Lane(caller, tally, moved) for _ in range(terms.concurrency)]
    try:
        async with asyncio.TaskGroup() as tasks:
            for lane in lanes:
                tasks.create_task(lane.run())
            for row in rows:
                tally.read += 1
                earn = to_earn(row, terms, tally)
                if earn is not None:
                    await lanes[zlib.crc32(earn.account_id.encode()) % len(lanes)].take(earn)
            for lane in lanes:
                await lane.finish()
    except ExceptionGroup as group:
        raise group.exceptions[0] from None  # lanes fail for the same reason: one is enough to tell it


def to_earn(row: Purchase | BadRow, terms: Terms, tally: Tally) -> Earn | None:
    """The earn of a row, or None when there is none, which is counted."""
    if isinstance(row, BadRow):
        tally.fail(row.line, row.reason)
        return None
    points = row.points(terms.rate)
    if points == 0:
        tally.pointless += 1
        return None
    if points > POINTS_MAX:
        tally.fail(row.line, f"{points} points are more than an entry can hold")
        return None
    operation: dict[str, Any] = {
        "op": "earn",
        "account_id": row.account_id,
        "idempotency_key": key_of(row.order_id),
        "points": points,
        "order_id": row.order_id,
    }
    metadata = {"store": row.store, "purchased_at": row.at}
    if given := {name: value for name, value in metadata.items() if value}:
        operation["metadata"] = given
    if terms.keeps_dates:
        try:
            operation["occurred_at"] = instant(row.at or "")
        except ValueError:
            tally.fail(row.line, f"{row.at!r} is not a time")
            return None
    return Earn(row.line, operation)


def key_of(order_id: str) -> str:
    """The idempotency key of an order: always the same, so that an order is posted once."""
    if VISIBLE.fullmatch(order_id):
        return f"import-{order_id}"
    return f"import-{hashlib.blake2b(order_id.encode(), digest_size=16).hexdigest()}"


def account_key(account_id: str) -> str:
    """The idempotency key under which an account is opened."""
    return f"import-account-{account_id}"


class Lane:
    """Posts the purchases of its accounts, one chunk after the other."""

    def __init__(self, caller: Caller, tally: Tally, moved: Callable[[], None]) -> None:
        self.caller = caller
        self.tally = tally
        self.moved = moved
        self.chunk: list[Earn] = []
        self.chunks: asyncio.Queue[list[Earn]] = asyncio.Queue(maxsize=1)

    async def take(self, earn: Earn) -> None:
        """Put an earn into the chunk that is being filled; waits while two full ones are on their way."""
        self.chunk.append(earn)
        if len(self.chunk) == CHUNK_SIZE:
            await self.chunks.put(self.chunk)
            self.chunk = []

    async def finish(self) -> None:
        """No more will come."""
        if self.chunk:
            await self.chunks.put(self.chunk)
        await self.chunks.put([])

    async def run(self) -> None:
        """Post chunks until an empty one says that it was the last."""
        while chunk := await self.chunks.get():
            await self.post(chunk)

    async def post(self, chunk: list[Earn]) -> None:
        """Post a chunk until each of its rows has an answer that is not "later"."""
        for number in range(TRIES_MAX):
            again = await self.post_once(chunk)
            self.moved()
            if not again:
                return
            if len(again) == len(chunk):
                await asyncio.sleep(jitter.uniform(0, min(0.1 * 2**number, 2.0)))
            chunk = again
        raise CallFailed("The service answers, but has been too busy to post for a while. Start the same import again.")

    async def post_once(self, chunk: list[Earn]) -> list[Earn]:
        """Post a chunk, count the answers, and open accounts that are not there. Answers what has to go again."""
        operations = [earn.operation for earn in chunk]
        key = hashlib.blake2b(json.dumps(operations).encode(), digest_size=16).hexdigest()
        response = await self.caller.post(
            "/bulk", {"mode": "independent", "operations": operations}, key=f"import-chunk-{key}"
        )
        if response.status_code != 200:
            raise CallFailed(f"The service refuses a chunk of purchases: {detail_of(response)}")
        again = []
        replayed = int(response.headers.get(REPLAYED, 0))
        self.tally.already += replayed
        self.tally.posted -= replayed
        unknown: dict[str, None] = {}
        for earn, result in zip(chunk, response.json()["results"], strict=True):
            status, body = result["status"], result["body"]
            if status in (200, 201):
                self.tally.posted += 1
                self.tally.points += body["points"]
            elif status in LATER:
                again.append(earn)
            elif body.get("code") == "account_not_found":
                unknown[earn.account_id] = None
                again.append(earn)
            else:
                self.tally.fail(earn.line, reason_of(body))
        if unknown:
            await asyncio.gather(*(self.open_account(account_id) for account_id in unknown))
        return again

    async def open_account(self, account_id: str) -> None:
        """Open an account; if someone else just did, so much the better."""
        response = await self.caller.post("/accounts", {"account_id": account_id}, key=account_key(account_id))
        if response.status_code not in (200, 201, 409):
            raise CallFailed(f"The account {account_id} cannot be opened: {detail_of(response)}")


def reason_of(body: dict[str, Any]) -> str:
    """Why an operation was refused, in words that fit an import."""
    if body.get("code") in ("idempotency_key_reused", "duplicate_order"):
        return "this order was posted before with other points, another account or other details"
    return str(body.get("detail") or body.get("title") or body.get("code"))
