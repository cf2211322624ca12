from fractions import Fraction
from typing import Any

from ledger_service.ledger.baskets import basket_of
from ledger_service.ledger.conditions import Occasion
from ledger_service.ledger.matching import Result, basis, given, matched
from ledger_service.ledger.purchases import Purchase
from tests.builders import NOON, line, purchase
from tests.unit.ledger.shopping import only, program, spend

BOUGHT = purchase(None, line("coffee", "0.60", quantity="3"), line("milk", "0.60"), line("coffee", "0.60"))


def results(*rules: dict[str, Any], bought: Purchase = BOUGHT) -> list[Result | str]:
    basket = basket_of(bought)
    return matched(program(*rules), basket, Occasion(basket.amount, bought.currency, None, None, False, NOON))


def test_rule_9_a_rule_counts_the_lines_that_it_is_about():
    assert [one.places for one in results(spend(), spend(when=only("coffee"))) if isinstance(one, Result)] == [
        (0, 1, 2),
        (0, 2),
    ]


def test_rule_9_sku_and_category_of_a_rule_count_beside_its_conditions():
    rule = {"type": "item", "points": 1, "sku": "coffee"}
    assert [one.points for one in results(rule | {"when": only("coffee", "milk")}) if isinstance(one, Result)] == [4]
    assert results(rule | {"when": only("milk")}) == ["The purchase has no line that it is about."]
    assert results(rule | {"category": "HOT"}) == ["The purchase has no line that it is about."]


def test_rule_9_some_lines_alone_give_less_than_all_together_when_each_is_floored():
    settings, basket = program(spend()), basket_of(BOUGHT)
    assert given(settings.rules[0], basket, (0, 1, 2)) == 1
    assert [given(settings.rules[0], basket, (place,)) for place in range(3)] == [0, 0, 0]


def test_rule_9_the_basis_is_money_or_units():
    settings, basket = program(spend(), {"type": "item", "points": 2}), basket_of(BOUGHT)
    assert [basis(rule, basket, (0, 2)) for rule in settings.rules] == [Fraction("1.2"), 4]


def test_rule_9_of_equal_rules_that_do_not_stack_the_first_id_counts_in_any_order():
    one, other = spend(stackable=False) | {"id": "a"}, spend(stackable=False, when=only("coffee")) | {"id": "b"}
    bought = purchase(None, line("coffee", "10.00"), line("milk", "0.10"))
    for rules in ((one, other), (other, one)):
        assert [found.rule.id for found in results(*rules, bought=bought) if isinstance(found, Result)] == ["a"]


def test_rule_9_a_rule_that_counts_alone_may_give_nothing():
    alone = results(spend(), spend(1, "100.00", stackable=False, priority=1))
    assert alone[0] == "The rule rule-1 counts alone."
    assert isinstance(alone[1], Result)
    assert alone[1].points == 0
