"""Books: the entries and accounts as they stand in the end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from checker.attempts import Document

BESIDE_THE_VIEW: Final = frozenset({"program_id", "movements", "detail", "node"})
"""Fields of a line that the answer of a posting does not have."""

DUE_SOURCE: Final = "ledger"
"""The source of due work, which nobody asked for."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry, with what the checks look at."""

    account_id: str
    seq: int
    kind: str
    points: int
    balance_after: int
    available_after: int
    pending_after: int
    held_after: int
    order_id: str | None
    source: str
    key: str | None
    expires_at: str | None
    reverses_seq: int | None
    transfer_id: str | None
    written_off: int
    recorded_at: str
    hash: str
    document: Document
    """The whole line."""

    @property
    def is_due_work(self) -> bool:
        return self.key is None and self.source == DUE_SOURCE

    @property
    def has_movements(self) -> bool:
        return self.document.get("movements") is not None

    def view(self) -> dict[str, Any]:
        """The entry as callers see it."""
        return {name: value for name, value in self.document.items() if name not in BESIDE_THE_VIEW}


def row_of(document: Document) -> Row:
    """An entry from its line. Raises KeyError when the line cannot be one."""
    return Row(
        account_id=document["account_id"],
        seq=document["seq"],
        kind=document["kind"],
        points=document["points"],
        balance_after=document["balance_after"],
        available_after=document["available_after"],
        pending_after=document["pending_after"],
        held_after=document["held_after"],
        order_id=document["order_id"],
        source=document["source"],
        key=document["idempotency_key"],
        expires_at=document["expires_at"],
        reverses_seq=document["reverses_seq"],
        transfer_id=document["transfer_id"],
        written_off=document["written_off"],
        recorded_at=document["recorded_at"],
        hash=document["hash"],
        document=document,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """The numbers of a balance, as an answer shows them."""

    account_id: str
    seq: int
    balance: int
    available: int
    pending: int
    held: int
    debt: int | None = None
    status: str | None = None


def shown_of(document: Document) -> Shown:
    """A balance from an answer or a line of `accounts.jsonl`. Raises KeyError when it is none."""
    return Shown(
        account_id=document["account_id"],
        seq=document["seq"],
        balance=document["balance"],
        available=document["available"],
        pending=document["pending"],
        held=document["held"],
        debt=document.get("debt"),
        status=document.get("status"),
    )


@dataclass(frozen=True, slots=True)
class Books:
    """All entries, account by account."""

    accounts: dict[str, tuple[Row, ...]]
    """By seq. A seq that is there twice stands twice."""
    at: dict[tuple[str, int], Row]
    """By account and seq; the first one of a seq that is there twice."""
    has_dated_points: bool
    """Whether any points can expire: then a balance may fall without an entry, until due work is done."""

    def after(self, account_id: str, seq: int) -> Shown | None:
        """What the entry at this seq left; None when there is none."""
        if seq == 0:
            return Shown(account_id, 0, 0, 0, 0, 0)
        row = self.at.get((account_id, seq))
        if row is None:
            return None
        return Shown(account_id, seq, row.balance_after, row.available_after, row.pending_after, row.held_after)

    def newest_seq(self, account_id: str) -> int:
        """0 for an account without entries."""
        rows = self.accounts.get(account_id, ())
        return rows[-1].seq if rows else 0


def books_of(rows: Iterable[Row]) -> Books:
    """The books that these entries are."""
    accounts: dict[str, list[Row]] = {}
    at: dict[tuple[str, int], Row] = {}
    is_dated = False
    for row in rows:
        accounts.setdefault(row.account_id, []).append(row)
        at.setdefault((row.account_id, row.seq), row)
        is_dated = is_dated or row.expires_at is not None
    ordered = {account_id: tuple(sorted(rows, key=lambda row: row.seq)) for account_id, rows in accounts.items()}
    return Books(ordered, at, is_dated)


def differences(after: Shown, shown: Shown, has_dated_points: bool) -> list[str]:
    """How a balance cannot come from what the books say it was at its seq.

    It counts due work as done that is not written yet: holds that timed out, points that became available or expired.
    """
    wrong = []
    if shown.available + shown.pending + shown.held != shown.balance:
        wrong.append("available + pending + held is not the balance")
    if shown.balance != after.balance and not (has_dated_points and shown.balance < after.balance):
        wrong.append("balance")
    if not (shown.held == after.held or 0 <= shown.held < after.held):
        wrong.append("held")
    if not (shown.pending == after.pending or 0 <= shown.pending < after.pending):
        wrong.append("pending")
    return wrong
