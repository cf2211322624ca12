"""Lots: points with the same dates (points.md, rule 2), and the movements that entries make in them."""

import json
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger_service.ledger.slots import through_slots

NEVER = datetime.max.replace(tzinfo=UTC)
"""The expiry of points that do not expire; sorts after every real instant."""

ALWAYS = datetime.min.replace(tzinfo=UTC)
"""The availability of points that could be used from the start; sorts before every real instant."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@through_slots
@dataclass(frozen=True, slots=True, order=True)
class Lot:
    """Points with the same dates. Lots are consumed in the order of these fields."""

    expires_at: datetime
    """The first instant at which the points are gone."""
    available_at: datetime
    """The first instant at which they can be used."""
    remaining: int
    """Points, never below 0."""


@through_slots
@dataclass(frozen=True, slots=True)
class Movement:
    """What one entry gave to a lot (points > 0) or took from it (points < 0)."""

    expires_at: datetime
    available_at: datetime
    points: int


def usable(lots: Iterable[Lot], now: datetime) -> int:
    """The points that can be used at this instant."""
    points = 0
    for lot in lots:
        if lot.available_at <= now < lot.expires_at:
            points += lot.remaining
    return points


def pending(lots: Iterable[Lot], now: datetime) -> int:
    """The points that are earned but cannot be used yet."""
    return sum(lot.remaining for lot in lots if lot.available_at > now and lot.expires_at > now)


def consume(lots: Iterable[Lot], points: int, now: datetime) -> tuple[tuple[Movement, ...], int]:
    """Take points from usable lots, soonest expiry first (points.md, rule 2).

    The second answer is what no lot could give: nothing when redeeming, since that was checked before; what
    pending lots, debt or the clawback policy must answer for when taking back.
    """
    return _take((lot for lot in lots if lot.available_at <= now < lot.expires_at), points)


def consume_own(
    lots: Iterable[Lot], points: int, expires_at: datetime, available_at: datetime
) -> tuple[tuple[Movement, ...], int]:
    """Take points from the lot with these dates only, usable or pending."""
    same = (lot for lot in lots if lot.expires_at == expires_at and lot.available_at == available_at)
    return _take(same, points)


def consume_pending(lots: Iterable[Lot], points: int, now: datetime) -> tuple[tuple[Movement, ...], int]:
    """Take points from lots that cannot be used yet, soonest expiry first."""
    return _take((lot for lot in lots if lot.available_at > now and lot.expires_at > now), points)


def _take(lots: Iterable[Lot], points: int) -> tuple[tuple[Movement, ...], int]:
    movements = []
    for lot in lots:
        if points == 0:
            break
        taken = min(lot.remaining, points)
        if taken:
            movements.append(Movement(lot.expires_at, lot.available_at, -taken))
            points -= taken
    return tuple(movements), points


def moved(lots: tuple[Lot, ...], movements: tuple[Movement, ...]) -> tuple[Lot, ...]:
    """The lots after these movements: sorted, without the empty ones. An overdrawn lot is a bug: ValueError."""
    if len(lots) == 1 == len(movements):
        # Nearly every account has one lot, and nearly every entry moves it.
        (lot,), (movement,) = lots, movements
        left = lot.remaining + movement.points
        if left > 0 and lot.expires_at == movement.expires_at and lot.available_at == movement.available_at:
            return (Lot(lot.expires_at, lot.available_at, left),)
    # An account may have hundreds of lots, of which an entry moves a few: the others stay where they are.
    after = list(lots)
    for movement in movements:
        dates = (movement.expires_at, movement.available_at)
        place = bisect_left(after, dates, key=_dates)
        is_there = place < len(after) and _dates(after[place]) == dates
        left = (after[place].remaining if is_there else 0) + movement.points
        if left < 0:
            raise ValueError(f"a movement of {movement.points} overdraws its lot by {-left} points")
        after[place : place + is_there] = [Lot(*dates, left)] if left else []
    return tuple(after)


def _dates(lot: Lot) -> tuple[datetime, datetime]:
    return lot.expires_at, lot.available_at


def net(movements: Iterable[Movement]) -> tuple[Movement, ...]:
    """One movement for each lot, none of 0 points."""
    sums: dict[tuple[datetime, datetime], int] = {}
    for movement in movements:
        dates = (movement.expires_at, movement.available_at)
        sums[dates] = sums.get(dates, 0) + movement.points
    return tuple(Movement(*dates, points) for dates, points in sums.items() if points)


def paying(debt: int, movements: Iterable[Movement]) -> tuple[Movement, ...]:
    """What is left of these incoming points when they have paid the debt, the first of them first."""
    left = []
    for movement in movements:
        paid = min(debt, movement.points)
        debt -= paid
        if movement.points > paid:
            left.append(Movement(movement.expires_at, movement.available_at, movement.points - paid))
    return tuple(left)


def microseconds(instant: datetime) -> int:
    """The instant as whole microseconds since 1970, exact (a float is not)."""
    return (instant - EPOCH) // MICROSECOND


def instant(microseconds_since_1970: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + microseconds_since_1970 * MICROSECOND


def movements_text(movements: Iterable[Movement]) -> str:
    """Movements as they are stored and hashed: a JSON array of [expires_at, available_at, points].

    Instants are microseconds since 1970; null stands for never (expiry) and for always (availability).
    """
    return "[" + ",".join([_movement_text(movement) for movement in movements]) + "]"


def _movement_text(movement: Movement) -> str:
    expires_at = "null" if movement.expires_at == NEVER else microseconds(movement.expires_at)
    available_at = "null" if movement.available_at == ALWAYS else microseconds(movement.available_at)
    return f"[{expires_at},{available_at},{movement.points}]"


def movements_of(text: str) -> tuple[Movement, ...]:
    """The inverse of `movements_text`."""
    return tuple(
        Movement(
            NEVER if expires_at is None else instant(expires_at),
            ALWAYS if available_at is None else instant(available_at),
            points,
        )
        for expires_at, available_at, points in json.loads(text)
    )
