"""Exact entries: a line with movements, as the ledger itself holds it."""

import json
from datetime import datetime
from typing import Any

from checker.books import Row
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import Movement, movements_of


def movements_in(row: Row) -> tuple[Movement, ...]:
    """What the entry gave to lots and took from them. Raises ValueError or TypeError for what cannot be read."""
    return movements_of(_json_text(row.document["movements"]) or "[]")


def entry_of(row: Row, previous_hash: bytes) -> Entry:
    """The entry as it was hashed. Raises KeyError, ValueError or TypeError for what cannot be read."""
    document = row.document
    return Entry(
        program_id=document["program_id"],
        account_id=row.account_id,
        seq=row.seq,
        kind=document["kind"],
        points=row.points,
        balance_after=row.balance_after,
        available_after=row.available_after,
        held_after=row.held_after,
        order_id=row.order_id,
        source=row.source,
        key=row.key,
        reason=document["reason"],
        metadata=_json_text(document["metadata"]) or "{}",
        movements=movements_in(row),
        available_at=instant_of(document["available_at"]),
        expires_at=instant_of(row.expires_at),
        reverses_seq=row.reverses_seq,
        transfer_id=row.transfer_id,
        written_off=row.written_off,
        rule_version=document["rule_version"],
        occurred_at=datetime.fromisoformat(document["occurred_at"]),
        recorded_at=datetime.fromisoformat(row.recorded_at),
        previous_hash=previous_hash,
        hash=bytes.fromhex(row.hash),
        detail=_json_text(document.get("detail")),
    )


def instant_of(text: str | None) -> datetime | None:
    """An instant of a view."""
    return None if text is None else datetime.fromisoformat(text)


def _json_text(document: Any) -> str | None:
    # As it is stored and hashed: sorted, no white space.
    if document is None or isinstance(document, str):
        return document
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
