"""The feed: every entry of a program, in an order that never changes and skips nothing."""

from dataclasses import dataclass

from ledger_service.ledger.entries import Entry
from ledger_service.storage.again import asked_again
from ledger_service.storage.database import Database, read_failures
from ledger_service.storage.rows import ENTRY_COLUMNS, entry_of
from ledger_service.storage.urgency import Urgency


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the feed: just after this entry."""

    xid: int
    """The transaction that wrote it."""
    account_id: str
    seq: int


START = Position(0, "", 0)

# xid > '0': the condition of the index entry_feed.
# Only transactions older than every running one: what commits later can only come later in the feed.
AFTER = f"""
SELECT {ENTRY_COLUMNS}, e.xid FROM ledger.entry AS e
WHERE e.program_id = $1 AND e.xid > '0' AND (e.xid, e.account_id, e.seq) > ($2::xid8, $3::text, $4::bigint)
    AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.xid, e.account_id, e.seq LIMIT $5
"""


class Feed:
    """Reads the feed. An entry appears a moment after it is committed, once no older transaction runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asked_again
    async def after(self, program_id: int, position: Position | None, limit: int) -> list[tuple[Position, Entry]]:
        """The next entries after a position (None: from the beginning), at most `limit`."""
        since = position or START
        async with self._database.reader(Urgency.REPORT) as connection:
            with read_failures():
                rows = await connection.fetch(AFTER, program_id, since.xid, since.account_id, since.seq, limit)
        return [(Position(row["xid"], row["account_id"], row["seq"]), entry_of(row)) for row in rows]
