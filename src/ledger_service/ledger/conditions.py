"""Conditions: on which purchases, and on which of their lines, a rule or campaign counts (points.md, rule 9)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from fractions import Fraction

from ledger_service.ledger.baskets import Basket, Item, money_text
from ledger_service.ledger.rules import Choice, Weekday, When
from ledger_service.ledger.slots import through_slots

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday`."""


@through_slots
@dataclass(frozen=True, slots=True)
class Occasion:
    """What the conditions on a whole purchase are tested on."""

    amount: Fraction
    """The whole amount, or what refunds left of it, in currency units."""
    currency: str
    channel: str | None
    level_id: str | None
    is_first_purchase: bool
    local: datetime
    """The moment of the purchase, in the program's time zone."""


def obstacle(when: When, occasion: Occasion) -> str | None:
    """Why a purchase does not meet the conditions, in a sentence; None: it does."""
    if when.min_amount is not None and occasion.amount < Fraction(when.min_amount):
        return f"It counts from {when.min_amount} {occasion.currency} on; this is {money_text(occasion.amount)}."
    if when.tiers and occasion.level_id not in when.tiers:
        return f"It is for these tiers: {_list(when.tiers)}."
    if when.channels and occasion.channel not in when.channels:
        return f"It is for these channels: {_list(when.channels)}."
    if when.first_purchase is not None and when.first_purchase != occasion.is_first_purchase:
        return "It is for the first purchase only." if when.first_purchase else "It is for purchases after the first."
    return _obstacle_in_time(when, occasion.local)


def _obstacle_in_time(when: When, local: datetime) -> str | None:
    if when.from_day is not None and local.date() < when.from_day:
        return f"It begins on {when.from_day}."
    if when.until_day is not None and local.date() >= when.until_day:
        return f"It ended before {when.until_day}."
    if when.weekdays and WEEKDAYS[local.weekday()] not in when.weekdays:
        return f"It is for these days of the week: {_list(when.weekdays)}."
    if when.between is not None and not _is_between(local.time(), *when.between):
        return f"It is for purchases from {when.between[0]:%H:%M} to {when.between[1]:%H:%M}."
    return None


def _is_between(moment: time, begin: time, end: time) -> bool:
    if begin <= end:
        return begin <= moment < end
    return moment >= begin or moment < end


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def chosen(when: When, items: Sequence[Item]) -> tuple[int, ...]:
    """The places of the lines that a rule or campaign is about."""
    if not when.is_scoped:
        return tuple(range(len(items)))
    return tuple(
        place
        for place, item in enumerate(items)
        if _admits(when.skus, item.sku) and _admits(when.categories, item.category)
    )


def nothing_chosen(basket: Basket) -> str:
    """Why there is no line that a rule or campaign is about."""
    if basket.items:
        return "The purchase has no line that it is about."
    return "Nothing of the purchase is left to earn points: it came back, or was paid with points."


def _admits(choice: Choice, value: str | None) -> bool:
    return (not choice.include or value in choice.include) and value not in choice.exclude
