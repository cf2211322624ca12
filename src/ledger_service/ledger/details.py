"""Details: what an entry says beyond its columns, by its kind. A canonical JSON object, covered by the entry's hash."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement, instant, microseconds, movements_of, movements_text

Detail = dict[str, Any]

# Kept, since `json.dumps` makes a new one for every call that is not at its defaults. A detail holds no circles.
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False).encode

EVENT = "event"
"""In place of `available_at`: the points wait for an event."""


def detail_text(detail: Mapping[str, Any]) -> str | None:
    """A detail as it is stored and hashed: sorted, no white space; None when it says nothing."""
    if not detail:
        return None
    return _text(detail)


def detail_of(entry: Entry) -> Detail:
    """What the entry says; an empty one when it says nothing."""
    detail: Detail = {} if entry.detail is None else json.loads(entry.detail)
    return detail


def part(movement: Movement, rule_id: str | None) -> list[Any]:
    """Points with dates of their own, as an earn with several of them keeps each."""
    waits = movement.available_at == NEVER
    return [
        movement.points,
        None if movement.expires_at == NEVER else microseconds(movement.expires_at),
        EVENT if waits else None if movement.available_at == ALWAYS else microseconds(movement.available_at),
        rule_id,
    ]


def part_of(document: list[Any]) -> tuple[Movement, str | None]:
    """The inverse of `part`: the points with their dates, and the rule whose expiry counts."""
    points, expires_at, available_at, rule_id = document
    available = NEVER if available_at == EVENT else ALWAYS if available_at is None else instant(available_at)
    return Movement(NEVER if expires_at is None else instant(expires_at), available, points), rule_id


def consumed(movements: Iterable[Movement]) -> list[Any]:
    """Which lots a redeem used, when its movements do not say so."""
    document: list[Any] = json.loads(movements_text(movements))
    return document


def consumed_of(entry: Entry) -> tuple[Movement, ...]:
    """Which lots a redeem used, soonest expiry first: points below 0."""
    document = detail_of(entry).get("consumed")
    return entry.movements if document is None else movements_of(json.dumps(document))


def counts(day: date | None, spend: Decimal, visits: int) -> Detail:
    """What an entry adds to the account's spend and visits, and the day on which they count towards its tier."""
    document: Detail = {"spend": str(spend), "visits": visits}
    return document if day is None else {"day": day.isoformat(), **document}


def money(amount: Fraction) -> Decimal:
    """An exact share of money as a decimal of at most four places, rounded half to even."""
    scaled = round(amount * 10_000)
    return (Decimal(scaled) / 10_000).quantize(Decimal("0.01") if scaled % 100 == 0 else Decimal("0.0001"))
