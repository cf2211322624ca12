"""Purchases: those that earned points, as they were posted, newest first."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger_service.ledger.purchases import Purchase
from ledger_service.storage.database import Database, read_failures

PAGE_SIZE = 200
"""Entries that are looked at with one statement. Reading their purchases takes the process some ten milliseconds, in
which nobody else is answered."""

LATE = timedelta(minutes=10)
"""By how much an entry may be recorded before it occurred (a till's clock runs ahead), and out of the order in which
entries are read (transactions that overlap)."""

LAST_POSITION = (2**63 - 1, "", 0)


@dataclass(frozen=True, slots=True)
class StoredPurchase:
    """A purchase, what it earned, and in which circumstances."""

    account_id: str
    seq: int
    order_id: str | None
    points: int
    occurred_at: datetime
    purchase: Purchase
    level: str | None
    """The id of the level that counted."""
    is_first: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What a stretch of the books holds."""

    purchases: Sequence[StoredPurchase]
    entries_total: int
    """Entries of all kinds that were looked at."""


NOW = "SELECT coalesce(clock, statement_timestamp()) FROM ledger.program WHERE program_id = $1"

# xid > '0': the condition of the index entry_feed, read backwards. The stretch is cut first and looked through after,
# so that a statement never reads further than it is long.
BACKWARDS = """
SELECT e.xid, e.account_id, e.seq, e.recorded_at, e.occurred_at, e.order_id, e.points,
    CASE WHEN e.kind = 'earn' AND e.occurred_at >= $5 AND e.occurred_at < $6 THEN e.detail::text END AS detail
FROM (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = $1 AND one.xid > '0'
        AND (one.xid, one.account_id, one.seq) < ($2::xid8, $3::text, $4::bigint)
    ORDER BY one.xid DESC, one.account_id DESC, one.seq DESC LIMIT $7
) AS e
ORDER BY e.xid DESC, e.account_id DESC, e.seq DESC
"""


class Purchases:
    """Reads purchases back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self, program_id: int) -> datetime:
        """What the program's clock says. Raises DatabaseUnavailable."""
        async with self._database.reader() as connection:
            with read_failures():
                now: datetime = await connection.fetchval(NOW, program_id)
        return now

    async def newest(
        self, program_id: int, from_at: datetime, to_at: datetime, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[Page]:
        """The purchases that occurred from `from_at` on and before `to_at`, in pages, those recorded last first.

        Raises DatabaseUnavailable."""
        position = LAST_POSITION
        while True:
            async with self._database.reader() as connection:
                with read_failures():
                    rows = await connection.fetch(BACKWARDS, program_id, *position, from_at, to_at, page_size)
            purchases = [purchase for row in rows if (purchase := _purchase(row)) is not None]
            yield Page(purchases, len(rows))
            if len(rows) < page_size or rows[-1]["recorded_at"] < from_at - LATE:
                return
            position = (rows[-1]["xid"], rows[-1]["account_id"], rows[-1]["seq"])


def _purchase(row: Any) -> StoredPurchase | None:
    """The purchase of an entry's row; None when it is no earn of the period, or earned explicit points."""
    detail = json.loads(row["detail"]) if row["detail"] is not None else {}
    if "purchase" not in detail:
        return None
    return StoredPurchase(
        account_id=row["account_id"],
        seq=row["seq"],
        order_id=row["order_id"],
        points=row["points"],
        occurred_at=row["occurred_at"],
        purchase=Purchase.of(detail["purchase"]),
        level=detail.get("level"),
        is_first=detail.get("first", False),
    )
