from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.baskets import Basket, basket_of, lines_of, money_text, number_text
from ledger_service.ledger.purchases import Line, Purchase
from tests.builders import line, purchase
from tests.unit.ledger.shopping import purchases

QUARTER, HALF, ALL = Fraction(1, 4), Fraction(1, 2), Fraction(1)


def counted(basket: Basket) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Amount, net amount and units of each item."""
    money, units = basket.money_denominator, basket.units_denominator
    return [(Fraction(i.amount, money), Fraction(i.net, money), Fraction(i.units, units)) for i in basket.items]


def test_a_purchase_without_lines_is_one_line_of_the_whole():
    assert lines_of(purchase("10.00", tax="1.60")) == (Line("", Decimal("10.00"), tax=Decimal("1.60")),)
    basket = basket_of(purchase("10.00", tax="1.60"))
    assert counted(basket) == [(10, Fraction("8.4"), 1)]
    assert basket.items[0].sku is None


def test_what_is_left_of_each_line_counts():
    bought = purchase(
        None, line("coffee", "10.00", quantity="3", tax="1.00"), line("milk", "2.00"), line("tea", "8.00")
    )
    basket = basket_of(bought, (HALF, ALL, Fraction(0)))
    assert counted(basket) == [(5, Fraction("4.5"), Fraction(3, 2)), (2, 2, 1)]
    assert basket.amount == 7


def test_what_was_paid_with_points_does_not_count_but_in_the_whole_amount():
    basket = basket_of(purchase("12.00", redeemed_value="4.00", tax="3.00"), (QUARTER,))
    assert counted(basket) == [(2, Fraction("1.5"), Fraction(1, 6))]
    assert basket.amount == 3


@pytest.mark.parametrize("redeemed_value", ["12.00", "13.00"])
def test_of_what_was_all_paid_with_points_nothing_counts(redeemed_value: str):
    basket = basket_of(purchase("12.00", redeemed_value=redeemed_value))
    assert basket.items == ()
    assert basket.amount == 12


def test_of_a_purchase_of_nothing_nothing_counts():
    assert basket_of(purchase("0")).items == ()
    assert basket_of(purchase(None, line(voided=True), line(amount="0"))).items == ()


def test_the_tax_of_the_lines_comes_before_that_of_the_whole():
    bought = purchase(None, line(amount="10.00", tax="1.00"), line(amount="10.00"), tax="3.00")
    assert [net for _, net, _ in counted(basket_of(bought))] == [9, 10]


def test_the_tax_of_the_whole_is_spread_over_the_lines_that_are_not_voided():
    bought = purchase(None, line(amount="10.00"), line(amount="20.00"), line(amount="7.00", voided=True), tax="3.00")
    assert [net for _, net, _ in counted(basket_of(bought))] == [9, 18]


@given(purchases(), st.data())
def test_a_basket_is_exactly_what_is_left(bought: Purchase, data: st.DataObject):
    lines = lines_of(bought)
    shares = tuple(data.draw(st.fractions(0, 1, max_denominator=1000)) for _ in lines)
    basket = basket_of(bought, shares)
    left = [
        (Fraction(line.amount) * share, Fraction(line.quantity) * share)
        for line, share in zip(lines, shares, strict=True)
        if not line.voided and line.amount * share.numerator
    ]
    assert basket.amount == sum(amount for amount, _ in left)
    paid_with_points = Fraction(bought.redeemed_value) / (Fraction(bought.amount) or 1)
    if paid_with_points < 1:
        part = 1 - paid_with_points
        assert [(one[0], one[2]) for one in counted(basket)] == [(a * part, units * part) for a, units in left]


@pytest.mark.parametrize(
    ("amount", "digits", "text"),
    [
        (Fraction(0), 2, "0.00"),
        (Fraction("12.345"), 2, "12.35"),
        (Fraction("12.344999"), 2, "12.34"),
        (Fraction(1, 3), 4, "0.3333"),
        (Fraction("0.999"), 2, "1.00"),
        (Fraction("1234567890.05"), 2, "1234567890.05"),
    ],
)
def test_money_is_told_rounded_half_up(amount: Fraction, digits: int, text: str):
    assert money_text(amount, digits) == text


@pytest.mark.parametrize(("number", "text"), [("0", "0"), ("100", "100"), ("1.50", "1.5"), ("2/3", "0.6667")])
def test_numbers_are_told_without_zeros_at_their_end(number: str, text: str):
    assert number_text(Fraction(number)) == text
