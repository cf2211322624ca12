from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.baskets import Basket, basket_of
from ledger_service.ledger.matching import Result
from ledger_service.ledger.multipliers import Lines, Multiplier, bonuses_of
from ledger_service.ledger.rules import Rule
from tests.builders import line, purchase

BASKET = basket_of(purchase(None, line("coffee", "10.00"), line("milk", "20.00"), line("tea", "30.00")))
SPEND = Result(Rule("base", "spend", 1, per=Decimal(1)), (0, 1, 2), 60)
VISIT = Result(Rule("visit", "visit", 5), (0, 1, 2), 5)


def multiplier(factor: str, *covers: int, stackable: bool = True) -> Multiplier:
    """Over these lines, or over the whole purchase."""
    return Multiplier(Fraction(factor), stackable, frozenset(covers) or None)


def gains(*multipliers: Multiplier, basket: Basket = BASKET) -> tuple[Fraction, ...]:
    return bonuses_of(multipliers, (SPEND, VISIT), basket).of_multipliers


def test_rule_9_without_multipliers_there_is_no_bonus():
    bonuses = bonuses_of((), (SPEND,), BASKET)
    assert (bonuses.of_multipliers, bonuses.of_results) == ((), (0,))


def test_rule_9_what_belongs_to_no_line_is_under_unscoped_multipliers_only():
    bonuses = bonuses_of((multiplier("2", 0, 1, 2), multiplier("1.5")), (SPEND, VISIT), BASKET)
    assert bonuses.of_results == (2 * 60, Fraction("2.5"))


def test_rule_9_multipliers_that_stack_share_their_bonus_as_their_factors_exceed_one():
    assert gains(multiplier("2"), multiplier("4")) == (65 * 7 * Fraction(1, 4), 65 * 7 * Fraction(3, 4))


def test_rule_9_when_factors_are_equal_the_ones_that_stack_count():
    assert gains(multiplier("2"), multiplier("2", stackable=False)) == (65, 0)


def test_rule_9_a_multiplier_may_count_for_some_lines_and_be_outdone_for_others():
    multipliers = (multiplier("2"), multiplier("3", 1, stackable=False))
    bonuses = bonuses_of(multipliers, (SPEND, VISIT), BASKET)
    assert bonuses.of_multipliers == (10 + 30 + 5, 2 * 20)
    assert bonuses.outdone == {0}


def test_rule_9_a_factor_of_one_adds_nothing():
    assert gains(multiplier("1"), multiplier("1", 0)) == (0, 0)


covered: st.SearchStrategy[Lines] = st.none() | st.frozensets(st.integers(0, 2), min_size=1)
multipliers = st.lists(
    st.builds(Multiplier, st.fractions(1, 5, max_denominator=20), st.booleans(), covered), max_size=5
)


@given(multipliers)
def test_rule_9_the_bonus_is_the_same_told_by_multiplier_and_by_rule(several: list[Multiplier]):
    bonuses = bonuses_of(several, (SPEND, VISIT), BASKET)
    assert sum(bonuses.of_multipliers) == sum(bonuses.of_results)
    assert all(bonus >= 0 for bonus in bonuses.of_multipliers + bonuses.of_results)


@given(multipliers, st.builds(Multiplier, st.fractions(1, 5, max_denominator=20), st.booleans(), st.none()))
def test_rule_9_one_more_unscoped_multiplier_never_takes_a_bonus_away(several: list[Multiplier], one: Multiplier):
    before = bonuses_of(several, (SPEND, VISIT), BASKET).of_results
    assert sum(bonuses_of([*several, one], (SPEND, VISIT), BASKET).of_results) >= sum(before)
