from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.earned import Circumstances, Portion, Share, evaluate, points_of
from ledger_service.ledger.levels import Level
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase
from tests.builders import line, purchase
from tests.unit.ledger.shopping import (
    at,
    circumstances,
    earned,
    only,
    points,
    program,
    programs,
    purchases,
    scaled,
    spend,
    times,
)

GOLD = Level("gold", Decimal(1000), multiplier=Decimal("1.5"))
MILK = {"categories": {"include": ["MILK"]}}


def test_rule_9_a_program_without_rules_earns_nothing():
    assert earned(program(), purchase()) == earned(program(), purchase("0"))
    assert points(program(), purchase()) == 0


@pytest.mark.parametrize(
    ("amount", "rule", "result"),
    [
        ("12.34", spend(), 12),
        ("12.34", spend(10), 123),
        ("12.34", spend(3, "2.00"), 18),
        ("12.34", spend(3, "2.00", whole_steps=True), 18),
        ("13.99", spend(3, "2.00", whole_steps=True), 18),
        ("13.99", spend(3, "2.00"), 20),
        ("0.99", spend(), 0),
        ("0.30", spend(1, "0.10"), 3),
        ("999999999999.9999", spend(1, "0.0001"), 9999999999999999),
    ],
)
def test_rule_9_spend_is_basis_times_points_over_per_floored(amount: str, rule: dict[str, object], result: int):
    assert points(program(rule), purchase(amount)) == result


def test_rule_9_another_currency_than_that_of_the_rule_does_not_match():
    share = earned(program(spend(currency="USD")), purchase("10.00")).rules[0]
    assert share == Share("rule-0", 0, False, "It counts USD; this purchase is in EUR.")
    assert points(program(spend(currency="USD")), purchase("10.00", currency="USD")) == 10


def test_rule_9_a_rule_without_currency_has_the_one_of_the_program():
    assert points(program(spend()), purchase("10.00", currency="USD")) == 0
    assert points(program(spend(), currency=None), purchase("10.00", currency="USD")) == 10


def test_rule_9_a_visit_counts_once_whatever_was_bought():
    settings = program({"type": "visit", "points": 5})
    assert points(settings, purchase("0.01")) == points(settings, purchase("10000")) == 5


def test_rule_9_items_count_per_unit():
    settings = program(
        {"type": "item", "points": 2, "sku": "coffee"}, {"type": "item", "points": 1, "category": "MILK"}
    )
    bought = purchase(None, line("coffee", quantity="3"), line("milk", quantity="1.5", category="MILK"))
    assert [share.points for share in earned(settings, bought).rules] == [6, 1]


def test_rule_9_an_item_rule_may_choose_by_the_conditions_of_lines():
    settings = program({"type": "item", "points": 2, "when": only("coffee")})
    assert points(settings, purchase(None, line("coffee", quantity="3"), line("milk"))) == 6


def test_rule_9_fixed_points_count_once():
    assert points(program({"type": "fixed", "points": 100}), purchase("0.01")) == 100


def test_rule_9_the_basis_is_with_or_without_tax():
    bought = purchase(None, line(amount="11.90", tax="1.90"), line(amount="1.00"))
    assert points(program(spend()), bought) == 12
    assert points(program(spend(tax="excluded")), bought) == 11


def test_rule_9_tax_of_the_whole_purchase_is_spread_over_its_lines():
    bought = purchase(None, line("coffee", amount="30.00"), line("milk", amount="10.00"), tax="8.00")
    assert points(program(spend(tax="excluded")), bought) == 32
    assert points(program(spend(tax="excluded", when=only("milk"))), bought) == 8
    assert points(program(spend(tax="excluded")), purchase("40.00", tax="8.00")) == 32


def test_rule_9_sku_and_category_choose_lines():
    bought = purchase(None, line("coffee", "3.00"), line("milk", "5.00", category="MILK"), line("gift-card", "7.00"))
    assert points(program(spend(when=only("coffee"))), bought) == 3
    assert points(program(spend(when=MILK)), bought) == 5
    assert points(program(spend(when={"skus": {"exclude": ["gift-card"]}})), bought) == 8
    assert points(program(spend(when={"categories": {"exclude": ["MILK"]}})), bought) == 10


def test_rule_9_shipping_lines_are_out_by_their_category():
    bought = purchase(None, line(amount="20.00"), line("parcel", "4.90", category="SHIPPING"))
    assert points(program(spend(when={"categories": {"exclude": ["SHIPPING"]}})), bought) == 20


def test_rule_9_a_purchase_without_lines_is_one_line_without_sku_and_category():
    included, excluded = only("coffee"), {"skus": {"exclude": ["coffee"]}}
    assert points(program(spend(when=included)), purchase("10.00")) == 0
    assert points(program(spend(when=excluded)), purchase("10.00")) == 10
    assert points(program({"type": "item", "points": 3}), purchase("10.00")) == 3


def test_rule_9_the_minimum_purchase_is_tested_on_the_whole_amount():
    settings = program(spend(when={"min_amount": "10.00"} | only("coffee")))
    assert points(settings, purchase(None, line("coffee", "1.00"), line("milk", "9.00"))) == 1
    assert points(settings, purchase(None, line("coffee", "1.00"), line("milk", "8.99"))) == 0


def test_rule_9_fixed_points_for_an_article_need_that_article():
    settings = program({"type": "fixed", "points": 100, "when": only("coffee")})
    assert points(settings, purchase(None, line("coffee"), line("coffee"))) == 100
    share = earned(settings, purchase(None, line("milk"))).rules[0]
    assert share == Share("rule-0", 0, False, "The purchase has no line that it is about.")


def test_rule_9_each_rule_floors_its_own_result():
    settings = program(spend(1, "4.00"), spend(1, "4.00"))
    assert points(settings, purchase("7.99")) == 2


def test_rule_9_stackable_rules_add_up():
    settings = program(spend(), {"type": "visit", "points": 5}, {"type": "fixed", "points": 100})
    assert points(settings, purchase("12.00")) == 117


def test_rule_9_a_rule_that_is_not_stackable_counts_alone():
    settings = program(spend(), {"type": "visit", "points": 5, "stackable": False})
    evaluation = earned(settings, purchase("12.00"))
    assert evaluation.points == 5
    assert evaluation.rules[0] == Share("rule-0", 0, False, "The rule rule-1 counts alone.")


def test_rule_9_of_rules_that_are_not_stackable_the_highest_priority_counts_then_the_larger_result():
    low, high = {"stackable": False, "priority": 1}, {"stackable": False, "priority": 2}
    settings = program(spend(9, **low), spend(2, **high), spend(3, **high))
    assert [share.points for share in earned(settings, purchase("10.00")).rules] == [0, 0, 30]


def test_rule_9_a_rule_that_does_not_match_keeps_no_other_from_counting():
    settings = program(spend(), spend(9, stackable=False, when={"min_amount": "100.00"}))
    assert points(settings, purchase("10.00")) == 10


def test_rule_9_an_unscoped_multiplier_covers_the_whole_purchase():
    settings = program(spend(), {"type": "visit", "points": 5}, {"type": "fixed", "points": 7}, campaigns=[times("3")])
    assert points(settings, purchase("10.00")) == 3 * (10 + 5 + 7)


def test_rule_9_a_scoped_multiplier_covers_the_lines_in_its_scope_and_no_visit_or_fixed_points():
    settings = program(
        spend(),
        {"type": "visit", "points": 5},
        {"type": "fixed", "points": 7},
        campaigns=[times("3", when=only("coffee"))],
    )
    bought = purchase(None, line("coffee", "2.00"), line("milk", "8.00"))
    assert points(settings, bought) == 10 + 5 + 7 + 2 * 2


def test_rule_9_a_bonus_is_on_the_floored_results_of_its_group_of_lines_alone():
    settings = program(spend(), campaigns=[times("11", when=only("coffee"))])
    bought = purchase(None, line("coffee", "0.60"), line("milk", "0.60"))
    assert points(settings, bought) == 1, "the coffee alone gives no point that could be multiplied"
    bought = purchase(None, line("coffee", "0.60"), line("milk", "0.60"), line("coffee", "0.60"))
    assert points(settings, bought) == 1 + 10


def test_rule_9_multipliers_that_stack_are_multiplied_together():
    settings = program(spend(), campaigns=[times("2"), times("3")])
    assert points(settings, purchase("10.00")) == 60


def test_rule_9_of_multipliers_that_do_not_stack_the_best_one_counts_when_it_beats_the_others():
    alone, better = times("4", stackable=False), times("5", stackable=False)
    stacked = [times("2"), times("2.5")]
    assert points(program(spend(), campaigns=[alone, better]), purchase("10.00")) == 50
    assert points(program(spend(), campaigns=[*stacked, alone]), purchase("10.00")) == 50
    evaluation = earned(program(spend(), campaigns=[times("2"), alone, better]), purchase("10.00"))
    assert [(share.points, share.applied) for share in evaluation.campaigns] == [(0, False), (0, False), (40, True)]
    assert evaluation.campaigns[0].reason == "Others that do not combine with it are better."


def test_rule_9_each_group_of_lines_has_the_factor_of_its_own_multipliers():
    settings = program(spend(), campaigns=[times("2", when=only("coffee", "milk")), times("3", when=only("milk"))])
    bought = purchase(None, line("coffee", "10.00"), line("milk", "10.00"), line("tea", "10.00"))
    assert points(settings, bought) == 2 * 10 + 6 * 10 + 10


def test_rule_9_a_level_multiplies_the_whole_purchase_and_stacks():
    settings = program(spend(), {"type": "visit", "points": 10}, campaigns=[times("2")])
    evaluation = earned(settings, purchase("10.00"), level=GOLD)
    assert evaluation.points == 3 * 20
    assert [(share.id, share.points) for share in evaluation.campaigns] == [("tier:gold", 13), ("times-2", 27)]
    assert (
        evaluation.campaigns[1].reason == "Times 2 gives 27 points more, the fractions of all multipliers rounded here."
    )


@pytest.mark.parametrize(("rounding", "total"), [("floor", 7), ("half_up", 8), ("ceil", 8)])
def test_rule_9_the_total_is_rounded_once_as_the_program_says(rounding: str, total: int):
    """5 and three bonuses of 5/6: rounding each of them would give 5 or 8."""
    factor = {"campaigns": [times("1.1666666666666666666666666667", when=only(sku)) | {"id": sku} for sku in "abc"]}
    settings = program(*(spend(5, "10.00", when=only(sku)) for sku in "abc"), rounding=rounding, **factor)
    bought = purchase(None, *(line(sku, "10.00") for sku in "abc"))
    assert points(settings, bought) == 15 + total - 5


def test_rule_9_half_up_rounds_a_half_up_and_less_down():
    halves = program(spend(), campaigns=[times("1.5")], rounding="half_up")
    assert points(halves, purchase("1.00")) == 2
    assert points(program(spend(), campaigns=[times("1.4999")], rounding="half_up"), purchase("1.00")) == 1


def test_rule_9_a_multiplier_of_lines_that_earn_nothing_says_so():
    settings = program(spend(when=only("coffee")), campaigns=[times("2", when=only("milk"))])
    evaluation = earned(settings, purchase(None, line("coffee"), line("milk")))
    assert evaluation.campaigns == (Share("times-2", 0, False, "No rule gave points for what it covers."),)


def test_rule_9_additions_come_last_and_are_not_multiplied():
    settings = program(spend(), campaigns=[{"id": "plus", "type": "add", "points": 50}, times("2")])
    evaluation = earned(settings, purchase("10.00"))
    assert evaluation.points == 70
    assert evaluation.campaigns[0] == Share("plus", 50, True, "50 points on top.")


def test_rule_9_points_are_never_earned_on_the_part_paid_with_points():
    assert points(program(spend()), purchase("10.00", redeemed_value="4.00")) == 6
    units = program({"type": "item", "points": 1})
    assert points(units, purchase(None, line(quantity="10"), redeemed_value="4.00")) == 6


def test_rule_9_of_lines_in_scope_the_same_part_counts_as_paid_with_points():
    settings = program(spend(when=only("coffee")))
    bought = purchase(None, line("coffee", "10.00"), line("milk", "30.00"), redeemed_value="10.00")
    assert points(settings, bought) == 7


def test_rule_9_a_purchase_all_paid_with_points_earns_nothing_at_all():
    settings = program(spend(), {"type": "visit", "points": 5}, campaigns=[{"id": "plus", "type": "add", "points": 50}])
    evaluation = earned(settings, purchase("10.00", redeemed_value="10.00"))
    assert evaluation.points == 0
    assert {share.reason for share in evaluation.rules + evaluation.campaigns} == {
        "Nothing of the purchase is left to earn points: it came back, or was paid with points."
    }


def test_rule_9_voided_and_zero_lines_earn_nothing():
    settings = program(spend(), {"type": "item", "points": 1}, {"type": "fixed", "points": 9, "when": only("milk")})
    bought = purchase(None, line("coffee", "5.00"), line("milk", "5.00", voided=True), line("milk", "0.00"))
    assert points(settings, bought) == 5 + 1


def test_rule_9_whoever_asks_is_told_the_reason_of_every_rule():
    settings = program(
        spend(whole_steps=True, tax="excluded"),
        {"type": "item", "points": 1},
        {"type": "visit", "points": 5},
        {"type": "fixed", "points": 7},
        spend(when={"channels": ["web"]}),
        campaigns=[times("2", when=only("tea")), times("1.5")],
        point_name={"one": "star", "many": "stars"},
    )
    evaluation = earned(settings, purchase("11.90", tax="1.90"))
    assert [(share.points, share.reason) for share in evaluation.rules + evaluation.campaigns] == [
        (10, "1 star for every full 1.00 EUR of 10.00 EUR without tax."),
        (1, "1 star for each unit; units: 1."),
        (5, "5 stars for the visit."),
        (7, "7 stars for the purchase."),
        (0, "It is for these channels: web."),
        (0, "The purchase has no line that it is about."),
        (11, "Times 1.5 gives 11 stars more."),
    ]


def test_rule_3_points_of_rules_with_an_expiry_of_their_own_are_apart():
    settings = program(
        spend(expiry={"mode": "never"}),
        {"type": "visit", "points": 5},
        campaigns=[times("1.25"), {"id": "plus", "type": "add", "points": 50}],
    )
    evaluation = earned(settings, purchase("10.00"))
    assert evaluation.points == 68
    assert evaluation.portions == (Portion(12, settings.rules[0]), Portion(56, None))


def test_rule_3_no_portion_is_empty():
    settings = program(spend(expiry={"mode": "never"}))
    assert earned(settings, purchase("0.50")).portions == ()
    assert earned(settings, purchase("1.00")).portions == (Portion(1, settings.rules[0]),)


def test_rule_6_the_target_of_a_refund_is_what_the_remaining_purchase_would_have_earned():
    settings = program(spend(1, "3.00"), {"type": "visit", "points": 5})
    bought = purchase(None, line("coffee", "10.00"), line("milk", "10.00"))
    whole, half, none = Fraction(1), Fraction(1, 2), Fraction(0)
    assert evaluate(settings, bought, at(), (whole, whole)).points == 6 + 5
    assert evaluate(settings, bought, at(), (whole, half)).points == 5 + 5
    assert evaluate(settings, bought, at(), (none, half)).points == 1 + 5
    assert evaluate(settings, bought, at(), (none, none)).points == 0


def test_rule_6_the_rest_of_a_purchase_may_miss_the_minimum():
    settings = program(spend(when={"min_amount": "10.00"}))
    assert evaluate(settings, purchase("20.00"), at(), (Fraction(1, 2),)).points == 10
    assert evaluate(settings, purchase("20.00"), at(), (Fraction(499, 1000),)).points == 0


def test_rule_6_what_is_left_was_paid_with_points_in_the_proportion_of_the_whole():
    settings = program(spend())
    assert evaluate(settings, purchase("20.00", redeemed_value="10.00"), at(), (Fraction(1, 2),)).points == 5


shares_left = st.integers(0, 8).map(lambda eighths: Fraction(eighths, 8))


def shares_for(bought: Purchase) -> st.SearchStrategy[tuple[Fraction, ...]]:
    return st.tuples(*(shares_left for _ in bought.lines or [bought]))


bought_and_left = purchases().flatmap(lambda bought: st.tuples(st.just(bought), shares_for(bought)))


@given(programs(), bought_and_left, circumstances)
def test_rule_9_an_evaluation_is_never_negative_and_its_parts_add_up(
    settings: ProgramSettings, left: tuple[Purchase, tuple[Fraction, ...]], around: Circumstances
):
    evaluation = evaluate(settings, left[0], around, left[1])
    shares = evaluation.rules + evaluation.campaigns
    assert evaluation.points >= 0
    assert sum(share.points for share in shares) == evaluation.points
    assert all(share.points >= 0 and (share.applied or share.points == 0) for share in shares)
    assert sum(portion.points for portion in evaluation.portions) == evaluation.points
    assert all(portion.points > 0 for portion in evaluation.portions)
    assert all(portion.rule is None or portion.rule.expiry is not None for portion in evaluation.portions)


@given(programs(), bought_and_left, circumstances)
def test_rule_9_the_points_without_reasons_are_the_points(
    settings: ProgramSettings, left: tuple[Purchase, tuple[Fraction, ...]], around: Circumstances
):
    assert points_of(settings, left[0], around, left[1]) == evaluate(settings, left[0], around, left[1]).points


@given(programs(), bought_and_left, circumstances)
def test_rule_9_every_rule_and_campaign_has_its_reason(
    settings: ProgramSettings, left: tuple[Purchase, tuple[Fraction, ...]], around: Circumstances
):
    evaluation = evaluate(settings, left[0], around, left[1])
    assert [share.id for share in evaluation.rules] == [rule.id for rule in settings.rules]
    of_campaigns = [share.id for share in evaluation.campaigns if not share.id.startswith("tier:")]
    assert of_campaigns == [campaign.id for campaign in settings.campaigns]
    assert all(share.reason.endswith(".") for share in evaluation.rules + evaluation.campaigns)


@given(programs(), purchases(), circumstances, st.randoms())
def test_rule_9_the_order_in_which_rules_and_campaigns_are_written_does_not_count(
    settings: ProgramSettings, bought: Purchase, around: Circumstances, chance: Random
):
    rules, campaigns = list(settings.rules), list(settings.campaigns)
    chance.shuffle(rules)
    chance.shuffle(campaigns)
    evaluation = evaluate(settings, bought, around)
    other = evaluate(replace(settings, rules=tuple(rules), campaigns=tuple(campaigns)), bought, around)
    assert other.points == evaluation.points
    assert {share.id: share for share in other.rules} == {share.id: share for share in evaluation.rules}
    assert sorted(portion.points for portion in other.portions) == sorted(p.points for p in evaluation.portions)


@given(programs(), purchases(), circumstances, st.randoms())
def test_rule_9_the_order_of_the_lines_does_not_count(
    settings: ProgramSettings, bought: Purchase, around: Circumstances, chance: Random
):
    lines = list(bought.lines)
    chance.shuffle(lines)
    assert points_of(settings, replace(bought, lines=tuple(lines)), around) == points_of(settings, bought, around)


@given(programs(), purchases(), circumstances, st.integers(0, 3))
def test_rule_9_points_never_come_from_what_was_paid_with_points(
    settings: ProgramSettings, bought: Purchase, around: Circumstances, excess: int
):
    wholly = replace(bought, redeemed_value=bought.amount + excess)
    assert evaluate(settings, wholly, around).points == 0


@given(programs(stackable=st.just(True), minimum=False), bought_and_left, circumstances)
def test_rule_9_a_smaller_purchase_never_earns_more_when_all_rules_stack(
    settings: ProgramSettings, left: tuple[Purchase, tuple[Fraction, ...]], around: Circumstances
):
    """Without minimums of scoped campaigns: missing one puts lines together, whose fractions then make a point."""
    bought, shares = left
    assert points_of(settings, bought, around, shares) <= points_of(settings, bought, around)


@given(programs(stackable=st.just(True), minimum=False), purchases(), circumstances, shares_left)
def test_rule_9_paying_more_with_points_never_earns_more_when_all_rules_stack(
    settings: ProgramSettings, bought: Purchase, around: Circumstances, part: Fraction
):
    less = replace(bought, redeemed_value=bought.redeemed_value * part.numerator / part.denominator)
    assert points_of(settings, bought, around) <= points_of(settings, less, around)


@given(programs(), purchases(with_lines=True), circumstances, st.data())
def test_rule_6_what_is_left_earns_as_a_purchase_of_just_that(
    settings: ProgramSettings, bought: Purchase, around: Circumstances, data: st.DataObject
):
    bought = replace(bought, tax=Decimal(0), redeemed_value=Decimal(0))
    shares = data.draw(shares_for(bought))
    assert points_of(settings, bought, around, shares) == points_of(settings, scaled(bought, shares), around)


@given(programs(), purchases(with_lines=True), circumstances, shares_left)
def test_rule_6_half_of_a_purchase_earns_as_one_of_half_of_everything(
    settings: ProgramSettings, bought: Purchase, around: Circumstances, share: Fraction
):
    shares = (share,) * len(bought.lines)
    half = replace(
        scaled(bought, shares),
        tax=bought.tax * share.numerator / share.denominator,
        redeemed_value=bought.redeemed_value * share.numerator / share.denominator,
    )
    assert points_of(settings, bought, around, shares) == points_of(settings, half, around)
