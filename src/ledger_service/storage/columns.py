"""Columns: a proposal as the arrays that the gate takes."""

import json
from collections.abc import Mapping
from typing import Any

from ledger_service.ledger.lots import movements_text
from ledger_service.ledger.outcomes import Posted
from ledger_service.ledger.proposals import Proposal
from ledger_service.ledger.standing import standing_text
from ledger_service.storage.rows import outcome_form


def columns_of(proposal: Proposal) -> tuple[list[Any] | str | None, ...]:
    """The arguments of `write_batch` after program, rule version and instant, in their order.

    All are lists but the last one, which is JSON, or None for nearly every batch.
    """
    changes, entries = proposal.accounts, proposal.entries
    states = [change.after for change in changes]
    places = {state.account_id: place for place, state in enumerate(states, start=1)}
    lots = list(proposal.lot_changes())
    # An entry that is a whole outcome carries its fingerprint: that is what makes the gate record it.
    fingerprints = {}
    others = []
    for record in proposal.keys:
        if isinstance(record.first, Posted):
            fingerprints[record.command.key] = record.command.fingerprint
        else:
            others.append(record)
    forms = [outcome_form(record.first) for record in others]
    return (
        [state.account_id for state in states],
        [change.loaded_version for change in changes],
        [change.group for change in changes],
        [change.loaded_hash for change in changes],
        [state.status for state in states],
        [state.seq for state in states],
        [state.balance for state in states],
        [state.held for state in states],
        [state.debt for state in states],
        [state.lifetime_points for state in states],
        [state.next_due_at for state in states],
        [state.head_hash for state in states],
        [state.metadata for state in states],
        [state.merged_into for state in states],
        [standing_text(state.standing) for state in states],
        [places[entry.account_id] for entry in entries],
        [entry.seq for entry in entries],
        [entry.kind for entry in entries],
        [entry.points for entry in entries],
        [entry.balance_after for entry in entries],
        [entry.available_after for entry in entries],
        [entry.held_after for entry in entries],
        [entry.order_id for entry in entries],
        [entry.source for entry in entries],
        [entry.key for entry in entries],
        [fingerprints.get(entry.key) for entry in entries],
        [entry.reason for entry in entries],
        [entry.metadata for entry in entries],
        [movements_text(entry.movements) for entry in entries],
        [entry.available_at for entry in entries],
        [entry.expires_at for entry in entries],
        [entry.reverses_seq for entry in entries],
        [entry.transfer_id for entry in entries],
        [entry.written_off for entry in entries],
        [entry.occurred_at for entry in entries],
        [entry.hash for entry in entries],
        [entry.detail for entry in entries],
        [places[account_id] for account_id, _, _, _ in lots],
        [expires_at for _, expires_at, _, _ in lots],
        [available_at for _, _, available_at, _ in lots],
        [points for _, _, _, points in lots],
        # An account that is not in the books (a refused opening) has no place: 0.
        [places.get(record.command.account_id, 0) for record in others],
        [record.command.key for record in others],
        [record.command.fingerprint for record in others],
        [form for form, _, _ in forms],
        [
            entry.account_id if entry else record.command.account_id
            for record, (_, entry, _) in zip(others, forms, strict=True)
        ],
        [entry.seq if entry else None for _, entry, _ in forms],
        [detail for _, _, detail in forms],
        [places[attachment.account_id] for attachment in proposal.attachments],
        [attachment.claim.identifier_id for attachment in proposal.attachments],
        [attachment.claim.type for attachment in proposal.attachments],
        [attachment.claim.digest for attachment in proposal.attachments],
        [attachment.claim.masked for attachment in proposal.attachments],
        [places[revocation.account_id] for revocation in proposal.revocations],
        [revocation.identifier_id for revocation in proposal.revocations],
        more_of(proposal, places),
    )


COLUMNS_TOTAL = 56


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
