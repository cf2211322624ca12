"""Rows: how what the database answers becomes values."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from ledger_service.ledger.commands import IdentifierClaim
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import Lot, movements_of
from ledger_service.ledger.outcomes import Answered, First, Posted, Refused, Repeated, WrittenTogether
from ledger_service.ledger.refusals import KEPT
from ledger_service.ledger.states import AccountState, Identifier

Row = Mapping[str, Any]

# In the order of the fields of Entry, but for the previous hash.
ENTRY_COLUMNS = """e.program_id, e.account_id, e.seq, e.kind, e.points,
    e.balance_after, e.available_after, e.held_after,
    e.order_id, e.source, e.idempotency_key, e.reason, e.metadata, e.movements, e.available_at, e.expires_at,
    e.reverses_seq, e.transfer_id, e.written_off, e.rule_version, e.occurred_at, e.recorded_at, e.hash"""


# Most entries move their points in the lot without dates, so the same few texts come again and again.
_movements_of = lru_cache(maxsize=10_000)(movements_of)


def instant(value: datetime) -> datetime:
    """An instant as read: the driver gives infinity without a time zone."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def entry_of(row: Any, previous_hash: bytes = b"") -> Entry:
    """An entry from a row that begins with `ENTRY_COLUMNS`.

    The previous hash is the previous entry's, not stored again.
    """
    # By place, since by name it takes twice as long.
    fields = (*row[:13], _movements_of(row[13]), *row[14:22], previous_hash, row[22])
    return Entry(*fields)


ACCOUNT_COLUMNS = """a.account_id, a.version, a.seq, a.balance, a.held, a.debt, a.lifetime_points, a.created_at,
    a.status, a.merged_into, a.metadata, a.head_hash"""


def account_of(row: Row, lots: tuple[Lot, ...]) -> AccountState:
    """An account from a row of `ACCOUNT_COLUMNS`, with its lots in the order in which they are consumed."""
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
    )


def lot_of(row: Row) -> Lot:
    return Lot(instant(row["expires_at"]), instant(row["available_at"]), row["remaining"])


IDENTIFIER_COLUMNS = "i.identifier_id, i.account_id, i.type, i.digest, i.masked, i.attached_at"


def identifier_of(row: Row) -> Identifier:
    claim = IdentifierClaim(row["identifier_id"], row["type"], row["digest"], row["masked"])
    return Identifier(claim, row["account_id"], row["attached_at"])


def outcome_form(first: First) -> tuple[str, Entry | None, str | None]:
    """How an outcome is stored: its form, the entry it names, its detail as JSON text."""
    match first:
        case Posted(entry):
            return "posted", entry, None
        case Repeated(entry):
            return "repeated", entry, None
        case Answered(detail):
            return "answered", None, detail
        case Refused(refusal, request_id):
            kept = {"code": refusal.code, "fields": refusal.stored(), "request_id": request_id}
            return "refused", None, json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
        case WrittenTogether():
            return "together", None, None


def first_of(form: str, entry: Entry | None, detail: str | None) -> First:
    """The inverse of `outcome_form`."""
    match form:
        case "posted":
            return Posted(cast(Entry, entry))
        case "repeated":
            return Repeated(cast(Entry, entry))
        case "answered":
            return Answered(cast(str, detail))
        case "refused":
            kept = json.loads(cast(str, detail))
            return Refused(KEPT[kept["code"]](**kept["fields"]), kept["request_id"])
        case "together":
            return WrittenTogether(())
        case _:
            raise ValueError(f"an outcome has no form {form!r}")
