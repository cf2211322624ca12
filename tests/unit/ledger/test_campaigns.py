from decimal import Decimal
from fractions import Fraction
from typing import Any

from ledger_service.ledger.baskets import basket_of
from ledger_service.ledger.campaigns import Addition, Offer, offered
from ledger_service.ledger.conditions import Occasion
from ledger_service.ledger.levels import Level
from ledger_service.ledger.multipliers import Multiplier
from tests.builders import NOON, line, purchase
from tests.unit.ledger.shopping import only, program, times


def offers(*campaigns: dict[str, Any], level: Level | None = None) -> list[Offer]:
    basket = basket_of(purchase(None, line("coffee"), line("milk")))
    occasion = Occasion(basket.amount, "EUR", None, None if level is None else level.id, False, NOON)
    return offered(program(campaigns=list(campaigns)), level, basket, occasion)


def test_rule_9_a_multiplier_covers_the_lines_in_its_scope_or_everything():
    assert offers(times("2", when=only("milk")), times("3", stackable=False)) == [
        Offer("times-2", Multiplier(Fraction(2), True, frozenset({1}))),
        Offer("times-3", Multiplier(Fraction(3), False, None)),
    ]


def test_rule_9_a_level_multiplies_everything_and_is_told_first():
    gold = Level("gold", Decimal(1000), multiplier=Decimal("1.25"))
    assert offers({"id": "plus", "type": "add", "points": 50}, level=gold) == [
        Offer("tier:gold", Multiplier(Fraction(5, 4), True, None)),
        Offer("plus", Addition(50)),
    ]


def test_rule_9_a_level_that_does_not_multiply_is_not_told():
    assert offers(level=Level("bronze", Decimal(0))) == []


def test_rule_9_conditions_keep_a_campaign_from_counting():
    plus = {"id": "plus", "type": "add", "points": 50}
    assert [offer.gives for offer in offers(plus | {"when": {"tiers": ["gold"]}}, plus | {"when": only("tea")})] == [
        "It is for these tiers: gold.",
        "The purchase has no line that it is about.",
    ]
