"""Said: what an entry's detail means for a replay. It is read once, in full, before any of it is believed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ledger_service.ledger.details import Detail, part_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import Movement, instant, movements_of
from ledger_service.ledger.standing import Floor, QualifyingDay, Tier, tier_of

UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError)
"""What reading a detail that means nothing may raise."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge, or its undoing, brings to an account beside points; below 0 where it takes it away."""

    lifetime: int
    spend: Decimal
    visits: int
    days: tuple[QualifyingDay, ...]
    holds: tuple[str, ...]
    undoes: str | None
    """The merge that is undone."""


@dataclass(frozen=True, slots=True)
class Said:
    """The detail of one entry, as far as a replay follows it."""

    hold_id: str | None = None
    hold_points: int = 0
    hold_expires_at: datetime | None = None
    """Of a `hold` entry."""
    consumed: tuple[Movement, ...] | None = None
    parts_points: int | None = None
    """The sum of the parts of an earn that has several."""
    spend: Decimal = Decimal(0)
    visits: int = 0
    day: date | None = None
    """On which points, spend and visits count towards the tier."""
    has_tier: bool = False
    """Tier and floor are as follows from now on."""
    tier: Tier | None = None
    floor: Floor | None = None
    redeemed_on: date | None = None
    merged: Merged | None = None
    counterpart: str | None = None


NOTHING_SAID = Said()


def said_by(entry: Entry) -> Said:
    """What the entry's detail means. Raises one of `UNREADABLE` when it means nothing."""
    if entry.detail is None:
        return NOTHING_SAID
    detail = json.loads(entry.detail)
    if not isinstance(detail, dict):
        raise ValueError("the detail is no object")
    hold, counts = detail.get("hold", {}), detail.get("counts", {})
    tier, floor = tier_of(detail)
    return Said(
        hold_id=_text(detail.get("hold_id")),
        hold_points=_number(hold.get("points", 0)),
        hold_expires_at=instant(_number(hold["expires_at"])) if hold else None,
        consumed=movements_of(json.dumps(detail["consumed"])) if "consumed" in detail else None,
        parts_points=_sum(part_of(part)[0].points for part in detail["parts"]) if "parts" in detail else None,
        spend=_money(counts.get("spend", "0")),
        visits=_number(counts.get("visits", 0)),
        day=_day(counts.get("day")),
        has_tier="tier" in detail or "floor" in detail,
        tier=tier,
        floor=floor,
        redeemed_on=_day(detail.get("redeemed_on")),
        merged=_merged(detail["merged"]) if "merged" in detail else None,
        counterpart=_text(detail.get("counterpart")),
    )


def holds_moved_in(entry: Entry) -> tuple[str, ...]:
    """The holds that follow their account into this one by this entry; none when it cannot be read."""
    if entry.kind != "merge_in":
        return ()
    try:
        merged = said_by(entry).merged
    except UNREADABLE:
        return ()
    return () if merged is None else merged.holds


def _merged(document: Detail) -> Merged:
    return Merged(
        lifetime=_number(document.get("lifetime", 0)),
        spend=_money(document.get("spend", "0")),
        visits=_number(document.get("visits", 0)),
        days=tuple(
            QualifyingDay(date.fromisoformat(day), _number(points), _money(spend), _number(visits))
            for day, points, spend, visits in document.get("days", ())
        ),
        holds=tuple(str(hold_id) for hold_id in document.get("holds", ())),
        undoes=_text(document.get("undoes")),
    )


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"no text: {value!r}")
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"no whole number: {value!r}")
    return value


def _sum(numbers: Iterable[Any]) -> int:
    return sum(_number(number) for number in numbers)


def _money(value: Any) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError(f"no amount: {value!r}")
    return amount


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value)
