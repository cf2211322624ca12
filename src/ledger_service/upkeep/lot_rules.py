"""Lot rules: from which lots an entry of each kind may take points (points.md, rules 2 to 6)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement
from ledger_service.upkeep.said import Said

USABLE_ONLY = frozenset({"redeem", "hold", "transfer_out"})
GIVES_ONLY = frozenset({"reverse_redeem", "release", "transfer_in", "tier"})
MOVES_LOTS = frozenset({"earn", "redeem"})
"""The kinds that may be an activity, which moves lots to a later date (points.md, rule 3)."""

Dates = tuple[datetime, datetime]
"""(expires_at, available_at)."""


def wrongly_taken(entry: Entry, said: Said, seen_at: datetime, lots: dict[Dates, int]) -> Iterator[Dates]:
    """The lots from which this entry took points that it may not take; `lots` are as they are after it."""
    kind = entry.kind
    if kind in MOVES_LOTS and (said.consumed is not None or kind == "earn"):
        consumed = () if said.consumed is None or said.hold_id is not None else said.consumed
        for movement in consumed:
            if not _usable(movement, seen_at):
                yield movement.expires_at, movement.available_at
        yield from _not_moved_later(entry.movements, consumed, gains=kind == "earn")
        return
    for movement in entry.movements:
        if movement.points < 0 and not _may_take(entry, movement, seen_at, lots):
            yield movement.expires_at, movement.available_at


def _may_take(entry: Entry, movement: Movement, seen_at: datetime, lots: dict[Dates, int]) -> bool:
    kind = entry.kind
    if kind in USABLE_ONLY:
        return _usable(movement, seen_at)
    if kind == "expire":
        return movement.expires_at <= entry.occurred_at and (movement.expires_at, movement.available_at) not in lots
    if kind == "confirm":
        return movement.available_at == NEVER
    return kind not in GIVES_ONLY


def _usable(movement: Movement, at: datetime) -> bool:
    return movement.available_at <= at < movement.expires_at


def _not_moved_later(movements: Iterable[Movement], consumed: tuple[Movement, ...], *, gains: bool) -> Iterator[Dates]:
    """The lots that lost points which neither were consumed nor came into a lot of a later date."""
    moved: defaultdict[datetime, Counter[datetime]] = defaultdict(Counter)
    used = {(movement.expires_at, movement.available_at) for movement in consumed}
    for movement in movements:
        moved[movement.available_at][movement.expires_at] += movement.points
    for movement in consumed:
        moved[movement.available_at][movement.expires_at] -= movement.points
    for available_at, by_expiry in moved.items():
        lost = {expires_at: -points for expires_at, points in by_expiry.items() if points < 0}
        if not lost:
            if not gains and any(by_expiry.values()):
                yield min(by_expiry), available_at
            continue
        later = sum(points for expires_at, points in by_expiry.items() if points > 0 and expires_at > max(lost))
        total = sum(lost.values())
        # The rule works on the lots as they were moved, so none is consumed at the date from which it was moved away.
        is_used = any((expires_at, available_at) in used for expires_at in lost)
        if later < total or is_used or (not gains and sum(by_expiry.values()) != 0):
            yield min(lost), available_at


def dated(expires_at: datetime, available_at: datetime) -> str:
    """Which lot is meant, for people."""
    available = "an event" if available_at == NEVER else "none" if available_at == ALWAYS else available_at.isoformat()
    expires = "none" if expires_at == NEVER else expires_at.isoformat()
    return f"in the lot of expires_at {expires}, available_at {available}"
