"""Baskets: what of a purchase can earn points, in whole numbers (points.md, rule 9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from ledger_service.ledger.purchases import Line, Purchase
from ledger_service.ledger.slots import through_slots

Ratio = tuple[int, int]


class Item(NamedTuple):
    """A line that counts: neither voided nor zero nor returned. Its numbers are numerators, see `Basket`."""

    sku: str | None
    """None: the one item of a purchase without lines."""
    category: str | None
    amount: int
    net: int
    """The amount without its tax."""
    units: int


@through_slots
@dataclass(frozen=True, slots=True)
class Basket:
    """What of a purchase can earn points: less what came back, and less what was paid with points.

    Its numbers are whole, over one denominator each: as exact as fractions, at a tenth of their cost.
    """

    items: tuple[Item, ...]
    """None when nothing of the purchase is left, or when all of it was paid with points."""
    money_denominator: int
    """So many make one unit of the currency."""
    units_denominator: int
    amount: Fraction
    """What is left of the whole amount, tax and what was paid with points included."""


def lines_of(purchase: Purchase) -> tuple[Line, ...]:
    """Its lines; of a purchase without any, one of the whole amount whose sku is empty."""
    return purchase.lines or (Line(sku="", amount=purchase.amount, tax=purchase.tax),)


def basket_of(purchase: Purchase, shares: Sequence[Fraction] | None = None) -> Basket:
    """What of a purchase can earn points. `shares`: what is left of each of `lines_of`; None: all of it."""
    lines = lines_of(purchase)
    taxes = _taxes(purchase, lines)
    places = [
        place for place, line in enumerate(lines) if line.amount and not line.voided and (not shares or shares[place])
    ]
    money = [lines[place].amount.as_integer_ratio() for place in places] + [taxes[place] for place in places]
    units = [lines[place].quantity.as_integer_ratio() for place in places]
    if shares:
        left = [shares[place].as_integer_ratio() for place in places]
        money = [_product(ratio, share) for ratio, share in zip(money, left + left, strict=True)]
        units = [_product(ratio, share) for ratio, share in zip(units, left, strict=True)]
    sums, money_denominator = _over_one_denominator(money)
    counts, units_denominator = _over_one_denominator(units)
    amount = Fraction(sum(sums[: len(places)]), money_denominator)
    # What is left after refunds counts as paid with points in the same proportion as the whole was.
    part, whole = _part_paid_with_money(purchase)
    if not part:
        return Basket((), 1, 1, amount)
    return Basket(
        items=tuple(
            [
                Item(lines[place].sku or None, lines[place].category, gross * part, (gross - tax) * part, count * part)
                for place, gross, tax, count in zip(places, sums, sums[len(places) :], counts, strict=False)
            ]
        ),
        money_denominator=money_denominator * whole,
        units_denominator=units_denominator * whole,
        amount=amount,
    )


def _taxes(purchase: Purchase, lines: Sequence[Line]) -> list[Ratio]:
    """The tax of each line. When it was given for the whole purchase only: spread in proportion to the amounts."""
    if not purchase.tax or any(line.tax for line in lines):
        return [line.tax.as_integer_ratio() for line in lines]
    rate = Fraction(purchase.tax) / (sum(Fraction(line.amount) for line in lines if not line.voided) or 1)
    return [(rate * Fraction(line.amount)).as_integer_ratio() for line in lines]


def _part_paid_with_money(purchase: Purchase) -> Ratio:
    if not purchase.redeemed_value:
        return 1, 1
    if purchase.redeemed_value >= purchase.amount:
        return 0, 1
    return (1 - Fraction(purchase.redeemed_value) / Fraction(purchase.amount)).as_integer_ratio()


def _product(one: Ratio, other: Ratio) -> Ratio:
    return one[0] * other[0], one[1] * other[1]


def _over_one_denominator(ratios: Sequence[Ratio]) -> tuple[list[int], int]:
    denominator = lcm(*[ratio[1] for ratio in ratios])
    return [ratio[0] * (denominator // ratio[1]) for ratio in ratios], denominator


def money_text(amount: Fraction, digits: int = 2) -> str:
    """An amount for people, in currency units, rounded half up."""
    scaled = (2 * amount.numerator * 10**digits + amount.denominator) // (2 * amount.denominator)
    return f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}}"


def number_text(number: Fraction, digits: int = 4) -> str:
    """A number for people, rounded half up, without zeros at its end."""
    return money_text(number, digits).rstrip("0").rstrip(".")
