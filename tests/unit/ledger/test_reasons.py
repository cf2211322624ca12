from fractions import Fraction

import pytest

from ledger_service.ledger.baskets import basket_of
from ledger_service.ledger.matching import Result
from ledger_service.ledger.reasons import of_addition, of_multiplier, of_result, points_text
from tests.builders import purchase
from tests.unit.ledger.shopping import program, spend

STARS = {"point_name": {"one": "star", "many": "stars"}}


@pytest.mark.parametrize(("points", "text"), [(0, "0 stars"), (1, "1 star"), (2, "2 stars")])
def test_points_are_called_as_the_program_calls_them(points: int, text: str):
    assert points_text(program(**STARS), points) == text


def test_a_rule_says_what_it_gives_for_what():
    settings = program(spend(2, "0.50"), spend(whole_steps=True, tax="excluded"), {"type": "item", "points": 1})
    basket = basket_of(purchase("12.00", tax="2.00", redeemed_value="3.00"))
    assert [of_result(settings, Result(rule, (0,), 0), basket, "EUR") for rule in settings.rules] == [
        "2 points for every 0.50 EUR of 9.00 EUR.",
        "1 point for every full 1.00 EUR of 7.50 EUR without tax.",
        "1 point for each unit; units: 0.75.",
    ]


def test_a_multiplier_says_what_it_adds_and_where_fractions_are_rounded():
    assert of_multiplier(program(), Fraction("1.25"), 3, rounds=False) == "Times 1.25 gives 3 points more."
    assert of_multiplier(program(), Fraction(2), 1, rounds=True) == (
        "Times 2 gives 1 point more, the fractions of all multipliers rounded here."
    )


def test_an_addition_says_what_it_adds():
    assert of_addition(program(**STARS), 1) == "1 star on top."
