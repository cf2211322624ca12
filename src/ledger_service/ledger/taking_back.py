"""Taking back: undoing an earn or a redeem, wholly or in part, repeatedly up to the whole (points.md, rule 6)."""

from datetime import datetime

from ledger_service.ledger.commands import Reverse
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.limits import beyond_balance
from ledger_service.ledger.lots import (
    ALWAYS,
    NEVER,
    Lot,
    Movement,
    consume,
    consume_own,
    consume_pending,
    moved,
)
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AlreadyReversed, ExceedsRemaining, NothingToReverse, Refusal
from ledger_service.ledger.states import AccountState, EntryFacts


def decide_reverse(
    account: AccountState, command: Reverse, facts: EntryFacts, now: datetime, settings: ProgramSettings
) -> Posting | Refusal:
    """Undo an entry, never more than it still has. Whatever the account's status is: returns come late."""
    entry = facts.entry
    if entry.kind not in ("earn", "redeem") or entry.points == 0:
        return NothingToReverse(entry.kind)
    remaining = abs(entry.points) - facts.reversed_points
    if remaining == 0:
        return AlreadyReversed(entry.seq)
    points = remaining if command.points is None else command.points
    if points > remaining:
        return ExceedsRemaining(remaining)
    if entry.kind == "redeem":
        return beyond_balance(account, points) or _give_back(account, command, facts, points, now)
    return _take_back(account, command, entry, points, now, settings)


def _take_back(
    account: AccountState,
    command: Reverse,
    entry: Entry,
    points: int,
    now: datetime,
    settings: ProgramSettings,
) -> Posting:
    """From the earn's own lot first, then soonest expiry first, then pending, then debt as the policy allows."""
    own, missing = consume_own(account.lots, points, entry.expires_at or NEVER, entry.available_at or ALWAYS)
    lots = moved(account.lots, own)
    others, missing = consume(lots, missing, now)
    lots = moved(lots, others)
    waiting, missing = consume_pending(lots, missing, now)
    debt_room = max(0, settings.clawback.debt_max(account.lifetime_points) - account.debt)
    written_off = max(0, missing - debt_room)
    taken = points - written_off
    return Posting(
        kind="reverse_earn",
        points=-taken,
        movements=own + others + waiting,
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=entry.order_id,
        reason=command.reason,
        reverses_seq=entry.seq,
        written_off=written_off,
        lifetime_change=-taken,
    )


def _give_back(account: AccountState, command: Reverse, facts: EntryFacts, points: int, now: datetime) -> Posting:
    """Back to the lots the points came from, newest consumption first, with their dates; debt is paid first.

    A lot that has expired meanwhile is filled all the same: its due work expires it again in the same breath,
    so that the books show both.
    """
    entry = facts.entry
    returned = _newest_first(entry.movements, facts.reversed_points, points)
    debt = account.debt
    movements = []
    for lot in returned:
        paid = min(debt, lot.remaining)
        debt -= paid
        if lot.remaining > paid:
            movements.append(Movement(lot.expires_at, lot.available_at, lot.remaining - paid))
    return Posting(
        kind="reverse_redeem",
        points=points,
        movements=tuple(movements),
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=entry.order_id,
        reason=command.reason,
        reverses_seq=entry.seq,
    )


def _newest_first(movements: tuple[Movement, ...], already: int, points: int) -> list[Lot]:
    """The part of a redeem's consumption that goes back now, when `already` points of it went back before."""
    parts = []
    for movement in reversed(movements):
        consumed = -movement.points
        skipped = min(already, consumed)
        already -= skipped
        part = min(points, consumed - skipped)
        points -= part
        if part:
            parts.append(Lot(movement.expires_at, movement.available_at, part))
    return parts
