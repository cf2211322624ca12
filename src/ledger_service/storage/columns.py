"""Columns: a proposal as the rows that the gate takes."""

import json
from collections.abc import Mapping
from typing import Any

from ledger_service.ledger.lots import movements_text
from ledger_service.ledger.outcomes import Posted
from ledger_service.ledger.proposals import KeyRecord, Proposal
from ledger_service.ledger.standing import standing_text
from ledger_service.storage.rows import outcome_form

Rows = list[tuple[Any, ...]]


def columns_of(proposal: Proposal) -> tuple[Rows | str | None, ...]:
    """The arguments of the gate after program, rule version and instant, in their order.

    Lists of rows (accounts, entries, lots, outcomes, attachments, revocations), each row with the columns of its type
    in `migrations/sql/types`; then JSON, or None for nearly every batch.
    """
    places = {change.after.account_id: place for place, change in enumerate(proposal.accounts, start=1)}
    # An entry that is a whole outcome carries its fingerprint: that is what makes the gate record it.
    fingerprints = {}
    others = []
    for record in proposal.keys:
        if isinstance(record.first, Posted):
            fingerprints[record.command.key] = record.command.fingerprint
        else:
            others.append(record)
    entries = [
        (
            places[entry.account_id],
            entry.seq,
            entry.kind,
            entry.points,
            entry.balance_after,
            entry.available_after,
            entry.held_after,
            entry.order_id,
            entry.source,
            entry.key,
            fingerprints.get(entry.key),
            entry.reason,
            entry.metadata,
            movements_text(entry.movements),
            entry.available_at,
            entry.expires_at,
            entry.reverses_seq,
            entry.transfer_id,
            entry.written_off,
            entry.occurred_at,
            entry.hash,
            entry.detail,
        )
        for entry in proposal.entries
    ]
    # The gate goes through the accounts once, and meets the entries of each beside it.
    entries.sort(key=_place_of)
    return (
        [
            (
                change.after.account_id,
                change.loaded_version,
                change.group,
                change.loaded_hash,
                change.after.status,
                change.after.seq,
                change.after.balance,
                change.after.held,
                change.after.debt,
                change.after.lifetime_points,
                change.after.next_due_at,
                change.after.head_hash,
                change.after.merged_into,
                None if change.loaded_version else change.after.metadata,
                standing_text(change.after.standing),
            )
            for change in proposal.accounts
        ],
        entries,
        [
            (places[account_id], expires_at, available_at, points)
            for account_id, expires_at, available_at, points in proposal.lot_changes()
        ],
        [_outcome_of(record, places) for record in others],
        [
            (
                places[attachment.account_id],
                attachment.claim.identifier_id,
                attachment.claim.type,
                attachment.claim.digest,
                attachment.claim.masked,
            )
            for attachment in proposal.attachments
        ],
        [(places[revocation.account_id], revocation.identifier_id) for revocation in proposal.revocations],
        more_of(proposal, places),
    )


def _place_of(row: tuple[Any, ...]) -> int:
    place: int = row[0]
    return place


def _outcome_of(record: KeyRecord, places: Mapping[str, int]) -> tuple[Any, ...]:
    form, entry, detail = outcome_form(record.first)
    return (
        # An account that is not in the books (a refused opening) has no place: 0.
        places.get(record.command.account_id, 0),
        record.command.key,
        record.command.fingerprint,
        form,
        entry.account_id if entry else record.command.account_id,
        entry.seq if entry else None,
        detail,
    )


def more_of(proposal: Proposal, places: Mapping[str, int]) -> str | None:
    """What few batches do, as the JSON object that the gate takes. None when this one does none of it.

    Accounts by their place, instants in ISO 8601.
    """
    if not (
        proposal.holds_placed
        or proposal.holds_moved
        or proposal.holds_closed
        or proposal.identifiers_moved
        or proposal.days
    ):
        return None
    more = {
        "holds_placed": [
            {
                "account": places[hold.account_id],
                "hold_id": hold.hold_id,
                "seq": hold.seq,
                "points": hold.points,
                "expires_at": hold.expires_at.isoformat(),
                "movements": movements_text(hold.movements),
                "source": hold.source,
                "order_id": hold.order_id,
            }
            for hold in proposal.holds_placed
        ],
        "holds_moved": [
            {"hold_id": move.id, "from": places[move.from_account], "to": places[move.to_account]}
            for move in proposal.holds_moved
        ],
        "holds_closed": [
            {
                "account": places[closing.account_id],
                "hold_id": closing.hold_id,
                "seq": closing.seq,
                "status": closing.status,
                "captured": closing.captured,
                "closed_at": closing.closed_at.isoformat(),
            }
            for closing in proposal.holds_closed
        ],
        "identifiers_moved": [
            {"identifier_id": move.id, "from": places[move.from_account], "to": places[move.to_account]}
            for move in proposal.identifiers_moved
        ],
        "days": [
            {
                "account": places[day.account_id],
                "day": day.change.day.isoformat(),
                "points": day.change.points,
                "spend": str(day.change.spend),
                "visits": day.change.visits,
            }
            for day in proposal.days
        ],
    }
    return json.dumps({name: listed for name, listed in more.items() if listed}, separators=(",", ":"))
