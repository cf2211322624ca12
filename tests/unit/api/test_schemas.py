"""Bodies that say more than one number: money and quantities are exact, and the parts of a purchase agree."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ledger_service.api.commands import purchase_of
from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import Body, PurchaseBody
from ledger_service.api.schemas_of_accounts import TransferBody
from ledger_service.api.validation import read_json
from ledger_service.ledger.purchases import Purchase

PURCHASE: TypeAdapter[PurchaseBody] = TypeAdapter(PurchaseBody)
money = st.decimals(0, Decimal("99999.9999"), places=4).map(lambda amount: format(amount, "f"))


def purchase(**fields: Any) -> dict[str, Any]:
    return {"amount": "10.00", "currency": "EUR"} | fields


def line(**fields: Any) -> dict[str, Any]:
    return {"sku": "coffee", "quantity": 1, "amount": "10.00"} | fields


def errors(adapter: TypeAdapter[Any], body: Any) -> list[tuple[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Unfit) as raised:
        read_json(adapter, content)
    return [(error["pointer"], error["code"]) for error in raised.value.fields["errors"]]


@pytest.mark.parametrize(
    "amount", ["", "1.", ".5", "-1", "+1", "1e3", "1,50", " 1", "1\n", "1.23456", "1" * 13, "NaN", "Infinity", "١"]
)
def test_money_is_a_plain_decimal_below_a_million_million_with_at_most_4_decimals(amount: str) -> None:
    assert errors(PURCHASE, purchase(amount=amount)) == [("/amount", "not_money")]


@pytest.mark.parametrize("amount", [b"10", b"10.5", b"null", b"true", b"[]"])
def test_money_is_written_in_quotes(amount: bytes) -> None:
    assert errors(PURCHASE, b'{"currency":"EUR","amount":%b}' % amount) == [("/amount", "not_money")]


@pytest.mark.parametrize("amount", ["0", "0.0", "999999999999.9999", "0010.50"])
def test_money_is_taken_exactly(amount: str) -> None:
    assert read_json(PURCHASE, json.dumps(purchase(amount=amount)).encode()).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        (b"2", "2"),
        (b"2.0", "2"),
        (b"2e1", "20"),
        (b"0.1", "0.1"),
        (b'"0.1"', "0.1"),
        (b"1.240", "1.24"),
        (b"0.000001", "0.000001"),
        (b"999999999.999999", "999999999.999999"),
        (b'"999999999.999999"', "999999999.999999"),
    ],
)
def test_a_quantity_is_what_was_written_never_a_float_near_it(written: bytes, exact: str) -> None:
    body = b'{"amount":"1","currency":"EUR","lines":[{"sku":"a","amount":"1","quantity":%b}]}' % written
    assert read_json(PURCHASE, body).lines[0].quantity == Decimal(exact)


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "0.0",
        '"0"',
        '"0.000"',
        "-1",
        "1e9",
        "1000000000",
        "1e-7",
        '"1e3"',
        '""',
        "true",
        "null",
        "[1]",
        "1e400",
        "0.30000000000000004",
        '"0.1234567"',
    ],
)
def test_a_quantity_is_above_0_and_has_at_most_6_decimals(written: str) -> None:
    body = b'{"amount":"1","currency":"EUR","lines":[{"sku":"a","amount":"1","quantity":%b}]}' % written.encode()
    assert errors(PURCHASE, body) == [("/lines/0/quantity", "not_a_quantity")]


@given(st.decimals(Decimal("0.000001"), Decimal("999999999.999999"), places=6))
def test_a_quantity_is_the_same_as_a_number_and_in_quotes(quantity: Decimal) -> None:
    def read(written: str) -> Decimal:
        body = f'{{"amount":"1","currency":"EUR","lines":[{{"sku":"a","amount":"1","quantity":{written}}}]}}'
        return read_json(PURCHASE, body.encode()).lines[0].quantity

    text = format(quantity, "f")
    assert read(text) == read(f'"{text}"') == quantity


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"tax": "10.01"}, "/tax"),
        ({"redeemed_value": "10.01"}, "/redeemed_value"),
        ({"lines": [line(tax="10.01")]}, "/lines/0/tax"),
    ],
)
def test_a_part_is_not_more_than_its_whole(fields: dict[str, Any], pointer: str) -> None:
    assert errors(PURCHASE, purchase(**fields)) == [(pointer, "beyond_amount")]


@pytest.mark.parametrize(
    "lines",
    [
        [line(amount="9.99")],
        [line(), line(amount="0.01")],
        [line(voided=True)],
    ],
)
def test_lines_that_are_not_voided_add_up_to_the_amount(lines: list[dict[str, Any]]) -> None:
    assert errors(PURCHASE, purchase(lines=lines)) == [("/lines", "lines_do_not_add_up")]


def test_the_problem_says_what_the_lines_come_to() -> None:
    with pytest.raises(Unfit) as raised:
        read_json(PURCHASE, json.dumps(purchase(lines=[line(amount="4.50"), line(amount="5.49")])).encode())
    assert raised.value.fields["errors"][0]["detail"].endswith("they come to 9.99.")


def test_an_amount_that_does_not_fit_is_told_alone() -> None:
    body = purchase(amount="ten", tax="1.00", lines=[line()])
    assert errors(PURCHASE, body) == [("/amount", "not_money")]


def test_a_purchase_has_at_most_1000_lines() -> None:
    lines = [line(amount="0.01")] * 1001
    assert errors(PURCHASE, purchase(amount="10.01", lines=lines)) == [("/lines", "too_long")]
    assert len(read_json(PURCHASE, json.dumps(purchase(lines=lines[:1000])).encode()).lines) == 1000


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", "", None])
def test_a_currency_has_three_capital_letters(currency: Any) -> None:
    assert errors(PURCHASE, purchase(currency=currency))[0][0] == "/currency"


@given(st.lists(st.tuples(money, st.booleans()), max_size=6), st.sampled_from(["pos", None]))
def test_a_purchase_comes_back_from_the_books_as_it_was_sent(amounts: list[Any], channel: str | None) -> None:
    lines = [line(sku=f"s-{n}", amount=amount, voided=voided) for n, (amount, voided) in enumerate(amounts)]
    total = sum((Decimal(amount) for amount, voided in amounts if not voided), Decimal(0))
    body = purchase(amount=format(total, "f"), channel=channel, lines=lines)
    sent = purchase_of(read_json(PURCHASE, json.dumps(body).encode()))
    assert Purchase.of(json.loads(json.dumps(sent.document()))) == sent


def test_an_account_transfers_to_another_one() -> None:
    adapter: TypeAdapter[Body] = TypeAdapter(TransferBody)
    body = {"from_account": "m-1", "to_account": "m-1", "points": 5}
    assert errors(adapter, body) == [("/to_account", "the_same_account")]
