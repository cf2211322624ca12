"""Rows: how what the database answers becomes values."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from ledger_service.ledger.commands import IdentifierClaim
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holds import Hold, HoldFacts
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot, movements_of
from ledger_service.ledger.outcomes import (
    Answered,
    First,
    Posted,
    PostedSeveral,
    Refused,
    Repeated,
    WrittenTogether,
)
from ledger_service.ledger.refusals import KEPT
from ledger_service.ledger.standing import QualifyingDay, standing_of
from ledger_service.ledger.states import AccountState, Identifier

Row = Mapping[str, Any]

# In the order of the fields of Entry, but for the previous hash.
ENTRY_COLUMNS = """e.program_id, e.account_id, e.seq, e.kind, e.points,
    e.balance_after, e.available_after, e.held_after,
    e.order_id, e.source, e.idempotency_key, e.reason, e.metadata, e.movements, e.available_at, e.expires_at,
    e.reverses_seq, e.transfer_id, e.written_off, e.rule_version, e.occurred_at, e.recorded_at, e.hash, e.detail"""


# Most entries move their points in the lot without dates, so the same few texts come again and again.
_movements_of = lru_cache(maxsize=10_000)(movements_of)


def instant(value: datetime) -> datetime:
    """An instant as read: the driver gives infinity without a time zone."""
    if value.tzinfo:
        return value
    return ALWAYS if value.year == 1 else NEVER


def entry_of(row: Any, previous_hash: bytes = b"") -> Entry:
    """An entry from a row that begins with `ENTRY_COLUMNS`.

    The previous hash is the previous entry's, not stored again.
    """
    # By place, since by name it takes twice as long.
    available_at = row[14] and instant(row[14])
    fields = (*row[:13], _movements_of(row[13]), available_at, *row[15:22], previous_hash, row[22], row[23])
    return Entry(*fields)


ACCOUNT_COLUMNS = """a.account_id, a.version, a.seq, a.balance, a.held, a.debt, a.lifetime_points, a.created_at,
    a.status, a.merged_into, a.metadata, a.head_hash, a.standing"""


def account_of(
    row: Row, lots: tuple[Lot, ...], holds: tuple[Hold, ...] = (), days: tuple[QualifyingDay, ...] = ()
) -> AccountState:
    """An account from a row of `ACCOUNT_COLUMNS`, with its lots in the order in which they are consumed, its open
    holds soonest time-out first, and its days in their order."""
    return AccountState(
        account_id=row["account_id"],
        status=row["status"],
        version=row["version"],
        seq=row["seq"],
        balance=row["balance"],
        held=row["held"],
        debt=row["debt"],
        lifetime_points=row["lifetime_points"],
        head_hash=row["head_hash"],
        merged_into=row["merged_into"],
        metadata=row["metadata"],
        created_at=row["created_at"],
        lots=lots,
        holds=holds,
        standing=standing_of(row["standing"]),
        days=days,
    )


def lot_of(row: Row) -> Lot:
    return Lot(instant(row["expires_at"]), instant(row["available_at"]), row["remaining"])


HOLD_COLUMNS = """h.hold_id, h.account_id, h.seq, h.points, h.expires_at, h.movements, h.source, h.order_id,
    h.created_at, h.status, h.captured, h.closed_seq, h.closed_at"""


def hold_of(row: Row) -> HoldFacts:
    """A hold from a row of `HOLD_COLUMNS`. Its account is whose points these are now, after all merges."""
    return HoldFacts(
        Hold(
            hold_id=row["hold_id"],
            account_id=row["account_id"],
            seq=row["seq"],
            points=row["points"],
            expires_at=row["expires_at"],
            movements=_movements_of(row["movements"]),
            source=row["source"],
            order_id=row["order_id"],
            created_at=row["created_at"],
        ),
        status=row["status"],
        captured=row["captured"],
        closed_seq=row["closed_seq"],
        closed_at=row["closed_at"],
    )


DAY_COLUMNS = "d.day, d.points, d.spend, d.visits"


def day_of(row: Row) -> QualifyingDay:
    return QualifyingDay(row["day"], row["points"], row["spend"], row["visits"])


IDENTIFIER_COLUMNS = "i.identifier_id, i.account_id, i.type, i.digest, i.masked, i.attached_at"


def identifier_of(row: Row) -> Identifier:
    claim = IdentifierClaim(row["identifier_id"], row["type"], row["digest"], row["masked"])
    return Identifier(claim, row["account_id"], row["attached_at"])


def outcome_form(first: First) -> tuple[str, Entry | None, str | None]:
    """How an outcome is stored: its form, the entry it names, its detail as JSON text."""
    match first:
        case Posted(entry):
            return "posted", entry, None
        case PostedSeveral(entries):
            named = {"entries": [[entry.account_id, entry.seq] for entry in entries]}
            return "several", None, json.dumps(named, ensure_ascii=False, separators=(",", ":"))
        case Repeated(entry):
            return "repeated", entry, None
        case Answered(detail):
            return "answered", None, detail
        case Refused(refusal, request_id):
            kept = {"code": refusal.code, "fields": refusal.stored(), "request_id": request_id}
            return "refused", None, json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
        case WrittenTogether():
            return "together", None, None


def named_by(form: str, account_id: str | None, seq: int | None, detail: str | None) -> tuple[tuple[str, int], ...]:
    """The entries that a stored outcome names, by (account_id, seq): what `first_of` wants to be given."""
    if form == "several":
        return tuple((account, place) for account, place in json.loads(cast(str, detail))["entries"])
    return () if seq is None else ((cast(str, account_id), seq),)


def first_of(form: str, entries: Sequence[Entry], detail: str | None) -> First:
    """The inverse of `outcome_form`, with the entries that it names, in their order."""
    match form:
        case "posted":
            return Posted(entries[0])
        case "several":
            return PostedSeveral(tuple(entries))
        case "repeated":
            return Repeated(entries[0])
        case "answered":
            return Answered(cast(str, detail))
        case "refused":
            kept = json.loads(cast(str, detail))
            return Refused(KEPT[kept["code"]](**kept["fields"]), kept["request_id"])
        case "together":
            return WrittenTogether(())
        case _:
            raise ValueError(f"an outcome has no form {form!r}")
