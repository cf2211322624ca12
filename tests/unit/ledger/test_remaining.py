from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger_service.ledger.commands import Refund, ReturnedLine
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.refusals import ExceedsRemaining, OutOfRange
from ledger_service.ledger.remaining import (
    Shares,
    remaining_amount,
    remaining_document,
    returned,
    shares_of,
    shares_text,
    whole,
)
from tests.builders import ACCOUNT, SOURCE, line, purchase
from tests.unit.ledger.shopping import purchases

NONE, HALF, ALL = Fraction(0), Fraction(1, 2), Fraction(1)


def back(*lines: ReturnedLine, amount: str | None = None, currency: str = "EUR") -> Refund:
    return Refund(
        account_id=ACCOUNT,
        source=SOURCE,
        key=None,
        fingerprint=bytes(16),
        request_id="",
        order_id="order-1",
        currency=currency,
        amount=None if amount is None else Decimal(amount),
        lines=lines,
    )


def units(sku: str, quantity: str) -> ReturnedLine:
    return ReturnedLine(sku, quantity=Decimal(quantity))


def worth(sku: str, amount: str) -> ReturnedLine:
    return ReturnedLine(sku, amount=Decimal(amount))


def left_after(bought: Purchase, *refunds: Refund) -> Shares:
    """What is left after refunds that are none too many."""
    shares = whole(bought)
    for refund in refunds:
        answer = returned(bought, shares, refund)
        assert isinstance(answer, tuple), answer
        shares = answer
    return shares


def test_rule_6_nothing_came_back_yet():
    assert whole(purchase("10.00")) == (1,)
    assert whole(purchase(None, line(), line())) == (1, 1)
    assert remaining_amount(purchase("12.34"), (ALL,)) == Decimal("12.34")


def test_rule_6_of_a_voided_line_nothing_is_left_from_the_start():
    assert whole(purchase(None, line(), line("milk", voided=True))) == (1, 0)
    assert remaining_amount(purchase(None, line(), line("milk", voided=True)), (ALL, NONE)) == 10


def test_rule_6_an_amount_comes_off_the_whole():
    assert left_after(purchase("10.00"), back(amount="2.50")) == (Fraction(3, 4),)


def test_rule_6_an_amount_alone_is_spread_over_the_remaining_lines_in_proportion():
    bought = purchase(None, line("coffee", "10.00"), line("milk", "30.00"), line("tea", "0.00"))
    assert left_after(bought, back(amount="20.00")) == (HALF, HALF, HALF)
    assert left_after(bought, back(units("milk", "1")), back(amount="5.00")) == (HALF, NONE, HALF)


def test_rule_6_lines_are_matched_by_sku():
    bought = purchase(None, line("coffee", "10.00", quantity="4"), line("milk", "30.00"))
    assert left_after(bought, back(units("coffee", "1"))) == (Fraction(3, 4), ALL)
    assert left_after(bought, back(worth("milk", "10.00"))) == (ALL, Fraction(2, 3))
    assert left_after(bought, back(worth("milk", "15.00"), units("coffee", "2"))) == (HALF, HALF)


def test_rule_6_several_lines_of_one_sku_are_taken_in_their_order():
    bought = purchase(
        None, line("coffee", "2.00"), line("milk", "9.00"), line("coffee", voided=True), line("coffee", quantity="2")
    )
    assert left_after(bought, back(units("coffee", "2"))) == (NONE, ALL, NONE, HALF)
    assert left_after(bought, back(worth("coffee", "7.00"))) == (NONE, ALL, NONE, HALF)
    assert left_after(bought, back(worth("coffee", "12.00"))) == (NONE, ALL, NONE, NONE)


def test_rule_6_a_line_without_amount_comes_back_by_its_quantity():
    bought = purchase(None, line("sample", "0.00", quantity="2"), line())
    assert left_after(bought, back(units("sample", "1"))) == (HALF, ALL)
    assert returned(bought, whole(bought), back(worth("sample", "0.01"))) == ExceedsRemaining("0.00")


@pytest.mark.parametrize(
    ("refund", "remaining"),
    [
        (back(amount="20.01"), "20.00"),
        (back(worth("coffee", "10.01")), "10.00"),
        (back(units("coffee", "4.001")), "4"),
        (back(units("coffee", "3"), units("coffee", "3")), "1"),
        (back(units("coffee", "3"), worth("coffee", "2.51")), "2.50"),
    ],
)
def test_rule_6_never_more_than_is_left(refund: Refund, remaining: str):
    bought = purchase(None, line("coffee", "10.00", quantity="4"), line("milk", "10.00"))
    assert returned(bought, whole(bought), refund) == ExceedsRemaining(remaining)


def test_rule_6_nothing_comes_back_twice():
    bought = purchase(None, line("coffee"), line("milk"))
    shares = left_after(bought, back(units("coffee", "1")))
    assert returned(bought, shares, back(units("coffee", "1"))) == ExceedsRemaining("0")
    assert returned(bought, shares, back(amount="10.01")) == ExceedsRemaining("10.00")
    shares = left_after(bought, back(amount="20.00"))
    assert shares == (0, 0)
    assert returned(bought, shares, back(amount="0.01")) == ExceedsRemaining("0.00")


@pytest.mark.parametrize(
    ("refund", "pointer"),
    [
        (back(units("coffee", "1"), units("tea", "1")), "/lines/1/sku"),
        (back(units("milk", "1")), "/lines/0/sku"),
        (back(units("coffee", "0.0001")), "/lines/0/quantity"),
        (back(worth("coffee", "0.001")), "/lines/0/amount"),
        (back(amount="0.001"), "/amount"),
        (back(amount="1.00", currency="USD"), "/currency"),
    ],
)
def test_what_cannot_be_of_this_purchase_is_refused_with_its_place(refund: Refund, pointer: str):
    bought = purchase(None, line("coffee"), line("milk", voided=True))
    answer = returned(bought, whole(bought), refund)
    assert isinstance(answer, OutOfRange)
    assert answer.pointer == pointer


def test_a_purchase_without_lines_has_no_line_to_return():
    answer = returned(purchase("10.00"), (ALL,), back(units("coffee", "1")))
    assert isinstance(answer, OutOfRange)
    assert answer.pointer == "/lines/0/sku"


def test_rule_6_the_last_refund_may_be_what_is_left_as_it_was_told():
    bought = purchase(None, line("coffee", "10.00", quantity="3"))
    shares = left_after(bought, back(units("coffee", "1")))
    assert remaining_document(bought, shares)["amount"] == "6.67"
    assert returned(bought, shares, back(amount="6.68")) == ExceedsRemaining("6.67")
    for last in (back(amount="6.67"), back(amount="6.66"), back(worth("coffee", "6.67")), back(units("coffee", "2"))):
        assert returned(bought, shares, last) == (0,)


def test_a_cent_that_can_be_refunded_by_itself_stays_behind():
    bought = purchase("10.00")
    assert left_after(bought, back(amount="9.99")) == (Fraction(1, 1000),)
    assert left_after(purchase("10.000"), back(amount="9.999")) == (Fraction(1, 10_000),)


def test_what_is_left_is_told_with_the_lines_that_add_up():
    bought = purchase(
        None,
        line("coffee", "10.00", quantity="3", category="HOT"),
        line("milk"),
        line("tea"),
        line("void", voided=True),
    )
    assert remaining_document(bought, left_after(bought, back(amount="10.00"))) == {
        "amount": "20.00",
        "lines": [
            {"sku": "coffee", "category": "HOT", "quantity": "2", "amount": "6.67"},
            {"sku": "milk", "quantity": "0.667", "amount": "6.67"},
            {"sku": "tea", "quantity": "0.667", "amount": "6.66"},
        ],
    }


def test_lines_that_came_back_are_not_told():
    bought = purchase(None, line("coffee"), line("milk"))
    assert remaining_document(bought, left_after(bought, back(units("coffee", "1"))))["lines"] == [
        {"sku": "milk", "quantity": "1", "amount": "10.00"}
    ]


def test_what_is_left_has_the_digits_of_the_purchase_but_two_at_least():
    assert remaining_document(purchase("1000"), (HALF,)) == {"amount": "500.00", "lines": []}
    assert remaining_document(purchase("1.0000"), (Fraction(1, 3),)) == {"amount": "0.3333", "lines": []}
    assert remaining_document(purchase("1E+3"), (ALL,)) == {"amount": "1000.00", "lines": []}


bought_lines = purchases(with_lines=True).filter(lambda bought: any(whole(bought)))
thousandths = st.integers(0, 1000).map(lambda thousandth: Fraction(thousandth, 1000))


def amounts_within(total: Decimal) -> st.SearchStrategy[list[str]]:
    """Amounts in cents that are together at most the total."""
    cents = int(total * 100)
    cuts = st.lists(st.integers(0, cents), max_size=5).map(sorted)
    return cuts.map(lambda cuts: [str(Decimal(b - a) / 100) for a, b in zip([0, *cuts], cuts, strict=False) if b > a])


@given(purchases().filter(lambda bought: bought.amount > 0), st.data(), st.randoms())
def test_rule_6_any_split_and_order_of_amounts_leaves_the_same(bought: Purchase, data: st.DataObject, chance: Random):
    refunds = [back(amount=amount) for amount in data.draw(amounts_within(bought.amount))]
    assume(refunds)
    at_once = left_after(bought, back(amount=str(sum(refund.amount or 0 for refund in refunds))))
    assert left_after(bought, *refunds) == at_once
    chance.shuffle(refunds)
    assert left_after(bought, *refunds) == at_once
    assert remaining_amount(bought, at_once) == bought.amount - sum(refund.amount or 0 for refund in refunds)


@given(bought_lines, st.sampled_from(["quantity", "amount"]), st.data(), st.randoms())
def test_rule_6_any_split_and_order_of_returned_lines_leaves_the_same(
    bought: Purchase, field: str, data: st.DataObject, chance: Random
):
    returned_lines = []
    for sku in sorted({one.sku for one in bought.lines if not one.voided}):
        of_sku = [one for one in bought.lines if one.sku == sku and not one.voided]
        total = sum((getattr(one, field) for one in of_sku), Decimal(0))
        returned_lines += [ReturnedLine(sku, **{field: Decimal(part)}) for part in data.draw(amounts_within(total))]
    assume(returned_lines)
    together = left_after(bought, back(*returned_lines))
    chance.shuffle(returned_lines)
    assert left_after(bought, *(back(one) for one in returned_lines)) == together


@given(purchases(), st.lists(st.tuples(st.booleans(), st.integers(0, 4), thousandths), max_size=6))
def test_rule_6_refunds_in_any_mixture_end_with_nothing_and_never_below(
    bought: Purchase, steps: list[tuple[bool, int, Fraction]]
):
    shares = whole(bought)
    for by_line, place, part in steps:
        if by_line and bought.lines:
            one = bought.lines[place % len(bought.lines)]
            refund = back(
                ReturnedLine(one.sku, quantity=(one.quantity * part.numerator / 1000).quantize(Decimal("0.001")))
            )
        else:
            told = Decimal(remaining_document(bought, shares)["amount"])
            refund = back(amount=str((told * part.numerator / part.denominator).quantize(Decimal("0.01"))))
        answer = returned(bought, shares, refund)
        if isinstance(answer, tuple):
            assert all(0 <= after <= before for after, before in zip(answer, shares, strict=True))
            shares = answer
    rest = remaining_document(bought, shares)["amount"]
    if remaining_amount(bought, shares):
        assert returned(bought, shares, back(amount=rest)) == (0,) * len(shares)


@given(purchases(), st.data())
def test_the_lines_that_are_left_add_up_to_the_amount(bought: Purchase, data: st.DataObject):
    shares = tuple(share * data.draw(thousandths) for share in whole(bought))
    document = remaining_document(bought, shares)
    assert abs(Fraction(document["amount"]) - remaining_amount(bought, shares)) <= Fraction(1, 200)
    if bought.lines:
        assert sum(Decimal(one["amount"]) for one in document["lines"]) == Decimal(document["amount"])


@given(bought_lines, st.data())
def test_every_line_that_is_left_may_be_returned_as_it_is_told(bought: Purchase, data: st.DataObject):
    shares = tuple(share * data.draw(thousandths) for share in whole(bought))
    by_sku: dict[str, list[dict[str, Any]]] = {}
    for told in remaining_document(bought, shares)["lines"]:
        by_sku.setdefault(told["sku"], []).append(told)
    for sku, lines in by_sku.items():
        if len(lines) == 1 and Decimal(lines[0]["amount"]):
            answer = returned(bought, shares, back(worth(sku, lines[0]["amount"])))
            assert isinstance(answer, tuple), answer
            assert not any(answer[place] for place, one in enumerate(bought.lines) if one.sku == sku and one.amount)


@given(st.lists(st.fractions(0, 1)).map(tuple))
def test_shares_are_kept_exactly(shares: Shares):
    assert shares_of(shares_text(shares)) == shares


def test_shares_are_kept_as_short_fractions():
    assert shares_text((ALL, HALF, NONE)) == ["1", "1/2", "0"]
