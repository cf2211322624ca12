"""Matching: which rules count for a purchase, and what each of them gives (points.md, rule 9)."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from ledger_service.ledger.baskets import Basket
from ledger_service.ledger.conditions import Occasion, chosen, nothing_chosen, obstacle
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rules import Rule
from ledger_service.ledger.slots import through_slots

ONE_CURRENCY_UNIT = Decimal(1)


@through_slots
@dataclass(frozen=True, slots=True)
class Result:
    """A rule that counts, and what it gives by itself."""

    rule: Rule
    places: tuple[int, ...]
    """The lines that it is about."""
    points: int

    @property
    def belongs_to_lines(self) -> bool:
        """`fixed` and `visit` belong to the whole purchase, whichever lines they ask for."""
        return self.rule.type in ("spend", "item")


def matched(settings: ProgramSettings, basket: Basket, occasion: Occasion) -> list[Result | str]:
    """What each rule gives, or in a sentence why it gives nothing; in the order of the settings."""
    found = [_result(rule, settings, basket, occasion) for rule in settings.rules]
    alone = [result for result in found if isinstance(result, Result) and not result.rule.stackable]
    if not alone:
        return found
    # The id decides last: which of two equal rules counts must not hang on the order in which they were written.
    winner = min(alone, key=lambda result: (-result.rule.priority, -result.points, result.rule.id))
    why = f"The rule {winner.rule.id} counts alone."
    return [why if isinstance(result, Result) and result is not winner else result for result in found]


def _result(rule: Rule, settings: ProgramSettings, basket: Basket, occasion: Occasion) -> Result | str:
    currency = rule.currency or settings.currency
    if rule.type == "spend" and currency is not None and currency != occasion.currency:
        return f"It counts {currency}; this purchase is in {occasion.currency}."
    reason = obstacle(rule.when, occasion)
    if reason is not None:
        return reason
    places = chosen(rule.when, basket.items)
    if rule.sku is not None:
        places = tuple(place for place in places if basket.items[place].sku == rule.sku)
    if rule.category is not None:
        places = tuple(place for place in places if basket.items[place].category == rule.category)
    if not places:
        return nothing_chosen(basket)
    return Result(rule, places, given(rule, basket, places))


def given(rule: Rule, basket: Basket, places: Collection[int]) -> int:
    """What a rule gives for these lines alone, floored."""
    if rule.type in ("visit", "fixed"):
        return rule.points
    counted, denominator = _counted(rule, basket, places)
    if rule.type == "item":
        return counted * rule.points // denominator
    step, step_denominator = (rule.per or ONE_CURRENCY_UNIT).as_integer_ratio()
    counted, step = counted * step_denominator, step * denominator
    return counted // step * rule.points if rule.whole_steps else counted * rule.points // step


def basis(rule: Rule, basket: Basket, places: Collection[int]) -> Fraction:
    """What a rule counts of these lines: money in currency units, or units of the articles."""
    return Fraction(*_counted(rule, basket, places))


def _counted(rule: Rule, basket: Basket, places: Collection[int]) -> tuple[int, int]:
    items = basket.items
    if rule.type == "item":
        return sum(items[place].units for place in places), basket.units_denominator
    if rule.tax == "included":
        return sum(items[place].amount for place in places), basket.money_denominator
    return sum(items[place].net for place in places), basket.money_denominator
