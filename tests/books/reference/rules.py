"""What a purchase earns, naively (points.md, rule 9): every rule is asked again for every line and every group."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import ceil, floor, prod

from ledger_service.ledger.levels import Level
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Line, Purchase
from ledger_service.ledger.rules import Choice, Rule, When

CENT, GRAM = Fraction(1, 100), Fraction(1, 1000)
"""What is left of money and of quantities is told in these, when the purchase has no finer ones."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Item:
    """What is left of a line."""

    sku: str | None
    category: str | None
    amount: Fraction
    tax: Fraction
    units: Fraction


@dataclass(frozen=True)
class Asked:
    """A purchase, and all that its conditions look at."""

    settings: ProgramSettings
    purchase: Purchase
    at: datetime
    level: Level | None
    is_first: bool
    shares: tuple[Fraction, ...]

    @property
    def amount(self) -> Fraction:
        """What is left of it."""
        if not self.purchase.lines:
            return Fraction(self.purchase.amount) * self.shares[0]
        shared = zip(self.purchase.lines, self.shares, strict=True)
        return sum((Fraction(line.amount) * share for line, share in shared if not line.voided), Fraction(0))

    @property
    def is_left(self) -> bool:
        """Whether anything that was paid did not come back; of a purchase that cost nothing, whether any line."""
        if self.purchase.amount:
            return self.amount > 0
        lines = self.purchase.lines
        return any(share for place, share in enumerate(self.shares) if not (lines and lines[place].voided))

    @property
    def items(self) -> list[Item]:
        purchase = self.purchase
        if not purchase.lines:
            share = self.shares[0]
            items = [Item(None, None, Fraction(purchase.amount) * share, Fraction(purchase.tax) * share, share)]
        else:
            items = [
                Item(
                    line.sku,
                    line.category,
                    Fraction(line.amount) * share,
                    self._tax(line) * share,
                    Fraction(line.quantity) * share,
                )
                for line, share in zip(purchase.lines, self.shares, strict=True)
                if not line.voided
            ]
        return [item for item in items if item.amount > 0]

    def _tax(self, line: Line) -> Fraction:
        """Its own; when only the tax of the whole is known, its part in proportion."""
        if any(one.tax for one in self.purchase.lines) or not self.purchase.amount:
            return Fraction(line.tax)
        return Fraction(self.purchase.tax) * Fraction(line.amount) / Fraction(self.purchase.amount)

    @property
    def paid_share(self) -> Fraction:
        """The part of it that was not paid with points."""
        return (Fraction(self.purchase.amount) - Fraction(self.purchase.redeemed_value)) / Fraction(
            self.purchase.amount
        )


def points_of(asked: Asked) -> tuple[int, list[tuple[int, Rule | None]]]:
    """The points of a purchase, and those of rules with an expiry of their own apart from the others."""
    if asked.purchase.redeemed_value >= asked.purchase.amount or asked.amount == 0:
        return 0, []
    rules = _counting(asked)
    campaigns = [one for one in asked.settings.campaigns if _holds(one.when, asked)]
    factors = [one for one in campaigns if one.type == "multiply" and one.factor is not None]

    def factor_over(item: Item | None) -> Fraction:
        """Of a line; None: of what belongs to no line."""
        over = [one for one in factors if (not one.when.is_scoped if item is None else _in_scope(one.when, item))]
        stacked = prod((Fraction(one.factor or 1) for one in over if one.stackable), start=Fraction(1))
        if asked.level is not None:
            stacked *= Fraction(asked.level.multiplier)
        return max([stacked, *(Fraction(one.factor or 1) for one in over if not one.stackable)])

    def covered_by(item: Item) -> frozenset[str]:
        return frozenset(one.id for one in factors if _in_scope(one.when, item))

    groups = {
        covered: [item for item in asked.items if covered_by(item) == covered]
        for covered in map(covered_by, asked.items)
    }
    exact: dict[str, Fraction] = {}
    for rule in rules:
        points = Fraction(_result(rule, asked.items, asked))
        if rule.type in ("fixed", "visit"):
            points += (factor_over(None) - 1) * points
        else:
            for group in groups.values():
                points += (factor_over(group[0]) - 1) * _result(rule, group, asked)
        exact[rule.id] = points
    total = _rounded(sum(exact.values(), Fraction(0)), asked.settings.rounding)
    total += sum(one.points or 0 for one in campaigns if one.type == "add")
    portions: list[tuple[int, Rule | None]] = [(floor(exact[rule.id]), rule) for rule in rules if rule.expiry]
    rest = total - sum(points for points, _ in portions)
    return total, [part for part in [*portions, (rest, None)] if part[0]]


def _counting(asked: Asked) -> list[Rule]:
    """The rules that count: those that match and add up, or the one that counts alone."""
    matching = [rule for rule in asked.settings.rules if _matches(rule, asked)]
    alone = [rule for rule in matching if not rule.stackable]
    if not alone:
        return matching
    return [min(alone, key=lambda rule: (-rule.priority, -_result(rule, asked.items, asked), rule.id))]


def _matches(rule: Rule, asked: Asked) -> bool:
    currency = rule.currency or asked.settings.currency
    if rule.type == "spend" and currency is not None and currency != asked.purchase.currency:
        return False
    return _holds(rule.when, asked) and bool(_lines(rule, asked.items))


def _holds(when: When, asked: Asked) -> bool:
    local = asked.at.astimezone(asked.settings.zone)
    level = None if asked.level is None else asked.level.id
    return (
        (when.min_amount is None or asked.amount >= when.min_amount)
        and (not when.tiers or level in when.tiers)
        and (not when.channels or asked.purchase.channel in when.channels)
        and (not when.weekdays or WEEKDAYS[local.weekday()] in when.weekdays)
        and (when.from_day is None or local.date() >= when.from_day)
        and (when.until_day is None or local.date() < when.until_day)
        and (when.first_purchase is None or when.first_purchase == asked.is_first)
        and (when.between is None or _is_between(when.between, local))
        and (not when.is_scoped or any(_in_scope(when, item) for item in asked.items))
    )


def _is_between(between: tuple[object, object], local: datetime) -> bool:
    begin, end, now = between[0], between[1], local.time()
    if begin <= end:  # type: ignore[operator]
        return begin <= now < end  # type: ignore[operator]
    return now >= begin or now < end  # type: ignore[operator]


def _in_scope(when: When, item: Item) -> bool:
    return _chosen(when.skus, item.sku) and _chosen(when.categories, item.category)


def _chosen(choice: Choice, value: str | None) -> bool:
    return (not choice.include or value in choice.include) and value not in choice.exclude


def _lines(rule: Rule, items: Sequence[Item]) -> list[Item]:
    return [
        item
        for item in items
        if _in_scope(rule.when, item) and rule.sku in (None, item.sku) and rule.category in (None, item.category)
    ]


def _result(rule: Rule, items: Sequence[Item], asked: Asked) -> int:
    """What the rule gives for these lines alone, floored."""
    lines = _lines(rule, items)
    if rule.type in ("fixed", "visit"):
        return rule.points
    if rule.type == "item":
        return floor(sum((item.units for item in lines), Fraction(0)) * asked.paid_share * rule.points)
    amounts = (item.amount - item.tax if rule.tax == "excluded" else item.amount for item in lines)
    basis = sum(amounts, Fraction(0)) * asked.paid_share
    steps = basis / Fraction(rule.per or 1)
    return floor(steps) * rule.points if rule.whole_steps else floor(steps * rule.points)


def _rounded(exact: Fraction, rounding: str) -> int:
    match rounding:
        case "ceil":
            return ceil(exact)
        case "half_up":
            return floor(exact + Fraction(1, 2))
        case _:
            return floor(exact)


def whole(purchase: Purchase) -> tuple[Fraction, ...]:
    """Nothing was returned."""
    return tuple(Fraction(1) for _ in purchase.lines) or (Fraction(1),)


def _all_or(wanted: Fraction, there: Fraction, told_in: Fraction) -> Fraction:
    """Who returns all that is left, as it was told rounded, returns all of it."""
    return there if abs(wanted - there) < told_in else wanted


@dataclass(frozen=True)
class TooMuch(Exception):
    """More comes back than is left."""

    remaining: Fraction


def left_after(
    asked: Asked, amount: Fraction | None, lines: Sequence[tuple[str, Fraction | None, Fraction | None]]
) -> tuple[Fraction, ...] | None:
    """What is left of each line when this comes back: an amount, or (sku, units, money). None: no such line."""
    shares = list(asked.shares)
    if amount is not None:
        amount = _all_or(amount, asked.amount, CENT)
        if amount > asked.amount:
            raise TooMuch(asked.amount)
        factor = (asked.amount - amount) / asked.amount if asked.amount else Fraction(0)
        return tuple(share * factor for share in shares)
    for sku, units, money in lines:
        wanted = units if units is not None else money
        assert wanted is not None
        places = [place for place, line in enumerate(asked.purchase.lines) if line.sku == sku and not line.voided]
        if not places:
            return None
        wholes = {
            place: Fraction(
                asked.purchase.lines[place].quantity if units is not None else asked.purchase.lines[place].amount
            )
            for place in places
        }
        there = sum((wholes[place] * shares[place] for place in places), Fraction(0))
        wanted = _all_or(wanted, there, GRAM if units is not None else CENT)
        if wanted > there:
            raise TooMuch(there)
        for place in places:
            taken = min(wanted, wholes[place] * shares[place])
            wanted -= taken
            if wholes[place]:
                shares[place] -= taken / wholes[place]
    return tuple(shares)
