"""Rule 9, earning rules, as the books apply them. `tests/unit/ledger/test_earned.py` has every sentence of it."""

import json
from typing import Any

import pytest

from ledger_service.ledger.outcomes import Answered, Repeated
from tests.builders import earn, line, preview, purchase, refund
from tests.rules.till import Till

BASE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}
MILK = {"categories": {"include": ["MILK"]}}
DOUBLE_MILK = {"id": "double", "type": "multiply", "factor": "2", "when": MILK}


def points(of: Any, *rules: dict[str, Any], **settings: Any) -> int:
    return Till(rules=list(rules), **settings).post(earn(purchase=of)).points


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (BASE, 12),
        ({"id": "steps", "type": "spend", "points": 10, "per": "5.00", "whole_steps": True}, 20),
        ({"id": "visit", "type": "visit", "points": 5}, 5),
        ({"id": "coffee", "type": "item", "points": 3, "sku": "coffee"}, 6),
        ({"id": "milk", "type": "item", "points": 1, "category": "MILK"}, 1),
        ({"id": "hello", "type": "fixed", "points": 100}, 100),
    ],
)
def test_rule_9_a_purchase_is_evaluated_by_the_rules(rule: dict[str, Any], expected: int):
    bought = purchase(None, line("coffee", "9.00", quantity="2"), line("milk", "3.99", category="MILK"))
    assert points(bought, rule) == expected


def test_rule_9_another_currency_does_not_match():
    assert points(purchase("10.00", currency="USD"), BASE | {"currency": "EUR"}) == 0
    assert points(purchase("10.00", currency="USD"), BASE, currency="EUR") == 0
    assert points(purchase("10.00", currency="USD"), BASE) == 10


def test_rule_9_each_rule_floors_its_own_result_and_stackable_ones_add_up():
    assert points(purchase("1.90"), BASE, BASE | {"id": "again"}) == 2


def test_rule_9_of_rules_that_are_not_stackable_the_highest_priority_counts_alone():
    alone = BASE | {"id": "alone", "stackable": False}
    assert points(purchase("10.00"), BASE, alone, alone | {"id": "small", "points": 3, "priority": -1}) == 10
    assert points(purchase("10.00"), BASE, alone, alone | {"id": "larger", "points": 3}) == 30


def test_rule_9_a_multiplier_covers_the_lines_in_its_scope():
    bought = purchase(None, line("milk", "5.00", category="MILK"), line("tea", "5.00"))
    assert points(bought, BASE, campaigns=[DOUBLE_MILK]) == 15


def test_rule_9_fixed_and_visit_points_are_touched_by_unscoped_multipliers_only():
    bought = purchase(None, line("milk", "5.00", category="MILK"))
    visit = {"id": "visit", "type": "visit", "points": 5}
    assert points(bought, visit, campaigns=[DOUBLE_MILK]) == 5
    assert points(bought, visit, campaigns=[DOUBLE_MILK | {"when": {}}]) == 10


def test_rule_9_explicit_points_are_never_multiplied():
    till = Till(rules=[BASE], campaigns=[DOUBLE_MILK | {"when": {}}])
    assert till.post(earn(10)).points == 10


@pytest.mark.parametrize(("rounding", "expected"), [("floor", 7), ("half_up", 8), ("ceil", 8)])
def test_rule_9_the_total_is_rounded_once_and_additions_come_last(rounding: str, expected: int):
    more = {"id": "more", "type": "multiply", "factor": "1.5"}
    plus = {"id": "plus", "type": "add", "points": 100}
    assert points(purchase("5.00"), BASE, campaigns=[plus, more], rounding=rounding) == expected + 100


def test_rule_9_nothing_is_earned_on_the_part_paid_with_points_or_on_voided_or_zero_lines():
    assert points(purchase("10.00", redeemed_value="2.50"), BASE) == 7
    assert points(purchase("10.00", redeemed_value="10.00"), BASE, {"id": "visit", "type": "visit", "points": 5}) == 0
    coffee = {"id": "coffee", "type": "item", "points": 3, "sku": "coffee"}
    assert points(purchase(None, line("coffee", "0.00"), line("coffee", "2.00", voided=True)), coffee) == 0


def test_rule_9_nothing_is_earned_twice_for_one_order():
    till = Till(rules=[BASE])
    first = till.post(earn(purchase=purchase("10.00"), order_id="A-1"))
    assert till.ask(earn(purchase=purchase("10.00"), order_id="A-1")) == Repeated(first)
    assert till.refuse(earn(purchase=purchase("11.00"), order_id="A-1")).code == "duplicate_order"
    assert till.balance() == 10


def test_rule_9_a_first_purchase_is_the_first_and_counts_again_when_that_was_wholly_returned():
    till = Till(rules=[{"id": "hello", "type": "fixed", "points": 100, "when": {"first_purchase": True}}])
    assert till.post(earn(purchase=purchase(), order_id="A-1")).points == 100
    assert till.post(earn(purchase=purchase())).points == 0
    till.post(refund("A-1", "10.00"))
    assert till.post(earn(purchase=purchase())).points == 0


def test_rule_9_a_purchase_that_earns_nothing_is_in_the_books():
    entry = Till().post(earn(purchase=purchase()))
    assert (entry.kind, entry.points) == ("earn", 0)


def test_rule_9_a_preview_gives_the_number_of_the_earn_that_follows_and_every_reason():
    silver = BASE | {"id": "insiders", "when": {"tiers": ["silver"]}}
    levels = [{"id": "bronze", "at": 0}, {"id": "silver", "at": 50}]
    till = Till(rules=[BASE, silver], campaigns=[DOUBLE_MILK], tiers={"levels": levels})
    bought = purchase(None, line("milk", "5.00", category="MILK"), line("tea", "50.00"))
    said = till.ask(preview(bought))
    assert isinstance(said, Answered)
    answer = json.loads(said.detail)
    assert answer["points"] == till.post(earn(purchase=bought)).points == 60
    assert [(share["id"], share["points"], share["applied"]) for share in answer["rules"]] == [
        ("base", 55, True),
        ("insiders", 0, False),
    ]
    assert [(share["id"], share["points"]) for share in answer["campaigns"]] == [("double", 5)]
    assert all(share["reason"] for share in answer["rules"] + answer["campaigns"])
