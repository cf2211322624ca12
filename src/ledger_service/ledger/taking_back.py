"""Taking back: undoing an earn or a redeem, wholly or in part, repeatedly up to the whole (points.md, rule 6)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from ledger_service.ledger.commands import Command, Reverse
from ledger_service.ledger.counting import counting
from ledger_service.ledger.dates import restored_until
from ledger_service.ledger.details import Detail, consumed_of, detail_of, money, part_of
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
    net,
    paying,
)
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.refusals import AlreadyReversed, ExceedsRemaining, NothingToReverse, Refusal
from ledger_service.ledger.remaining import is_nothing, remaining_amount, shares_text, whole
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
        limited = beyond_balance(account, points)
        return limited or give_back(account, command, facts, points, now, settings, command.reason)
    return take_back(account, command, facts, points, now, settings, command.reason)


def take_back(
    account: AccountState,
    command: Command,
    facts: EntryFacts,
    points: int,
    now: datetime,
    settings: ProgramSettings,
    reason: str | None,
) -> Posting:
    """Take back points of an earn. When nothing is left of them the purchase counts no more."""
    posting = taken_back(account, command, facts, points, now, settings, reason)
    entry = facts.entry
    counts = detail_of(entry).get("counts")
    if counts is None:
        return posting
    spend, visits = Decimal(0), 0
    if points == entry.points - facts.reversed_points and "purchase" in detail_of(entry) and not facts.is_uncounted:
        purchase = Purchase.of(detail_of(entry)["purchase"])
        shares = whole(purchase) if facts.shares is None else facts.shares
        spend, visits = -money(remaining_amount(purchase, shares)), 0 if is_nothing(purchase, shares) else -1
        uncounted = {"shares": shares_text(shares), "amount": "0", "uncounted": True}
        posting = replace(posting, detail={**posting.detail, "refund": uncounted})
    return counting(account, posting, spend, visits, day_of(counts), now, settings)


def day_of(counts: Detail) -> date | None:
    """The day on which an earn counts towards the tier."""
    return date.fromisoformat(counts["day"]) if "day" in counts else None


def taken_back(
    account: AccountState,
    command: Command,
    facts: EntryFacts,
    points: int,
    now: datetime,
    settings: ProgramSettings,
    reason: str | None,
) -> Posting:
    """From the earn's own lots first, then soonest expiry first, then pending, then debt as the policy allows."""
    entry = facts.entry
    movements: list[Movement] = []
    lots, missing = account.lots, points
    for expires_at, available_at in _own_dates(facts):
        own, missing = consume_own(lots, missing, expires_at, available_at)
        lots = moved(lots, own)
        movements.extend(own)
    others, missing = consume(lots, missing, now)
    lots = moved(lots, others)
    waiting, missing = consume_pending(lots, missing, now)
    debt_room = max(0, settings.clawback.debt_max(account.lifetime_points) - account.debt)
    written_off = max(0, missing - debt_room)
    taken = points - written_off
    return Posting(
        kind="reverse_earn",
        points=-taken,
        movements=net((*movements, *others, *waiting)),
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=entry.order_id,
        reason=reason,
        reverses_seq=entry.seq,
        reverses_account=None if entry.account_id == account.account_id else entry.account_id,
        written_off=written_off,
        lifetime_change=-taken,
        detail={"requested": points} if written_off else {},
    )


def _own_dates(facts: EntryFacts) -> list[tuple[datetime, datetime]]:
    """The dates of the lots into which the earn went, soonest expiry first."""
    entry = facts.entry
    movements: Iterable[Movement]
    parts = detail_of(entry).get("parts")
    if facts.confirmed_by is not None:
        movements = [movement for movement in facts.confirmed_by.movements if movement.points > 0]
    elif parts is not None:
        movements = [part_of(document)[0] for document in parts]
    else:
        return [(entry.expires_at or NEVER, entry.available_at or ALWAYS)]
    return sorted({(movement.expires_at, movement.available_at) for movement in movements})


def give_back(
    account: AccountState,
    command: Command,
    facts: EntryFacts,
    points: int,
    now: datetime,
    settings: ProgramSettings,
    reason: str | None,
) -> Posting:
    """Back to the lots the points came from, newest consumption first, with their dates; debt is paid first.

    A lot that has expired meanwhile is filled all the same: its due work expires it again in the same breath, so that
    the books show both. With `grace` the points live some days more instead.
    """
    entry = facts.entry
    returned = []
    for lot in _newest_first(consumed_of(entry), facts.reversed_points, points):
        expires_at, available_at = lot.expires_at, lot.available_at
        if expires_at <= now and settings.restore_expired.mode == "grace":
            expires_at, available_at = restored_until(settings.restore_expired.days, now, settings.zone), ALWAYS
        returned.append(Movement(expires_at, available_at, lot.remaining))
    return Posting(
        kind="reverse_redeem",
        points=points,
        movements=net(paying(account.debt, returned)),
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=entry.order_id,
        reason=reason,
        reverses_seq=entry.seq,
        reverses_account=None if entry.account_id == account.account_id else entry.account_id,
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


def left_of(purchase: Purchase, shares: tuple[Fraction, ...]) -> Decimal:
    """The money that is left of a purchase, in currency units."""
    return money(remaining_amount(purchase, shares))
