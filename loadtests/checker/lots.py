"""Part of check 5: balance = lots + held - debt after every entry, where the movements are known."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from checker.books import Row
from checker.exact import movements_in
from checker.findings import ARITHMETIC, Finding, place
from ledger_service.ledger.lots import Lot, moved, usable


def wrong_lots(rows: Sequence[Row]) -> Iterator[Finding]:
    """Replay an account's movements from nothing. Stops at the first that cannot be: all after it would follow."""
    lots: tuple[Lot, ...] = ()
    debt = held = 0
    for row in rows:
        if not row.has_movements:
            return
        where = place(row.account_id, row.seq)
        try:
            movements = movements_in(row)
            lots = moved(lots, movements)
        except (ValueError, TypeError) as wrong:
            yield Finding(ARITHMETIC, where, "its movements", "lots that have the points", str(wrong))
            return
        in_lots = sum(movement.points for movement in movements)
        debt += in_lots + row.held_after - held - row.points
        held = row.held_after
        if debt < 0:
            yield Finding(ARITHMETIC, where, "debt after its movements", "0 or more", str(debt))
            return
        seen_at = datetime.fromisoformat(row.document["occurred_at"] if row.is_due_work else row.recorded_at)
        available = usable(lots, seen_at) - debt
        if row.available_after != available:
            yield Finding(ARITHMETIC, where, "available_after by its lots", str(available), str(row.available_after))
            return
