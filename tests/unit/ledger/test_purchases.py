import json
from decimal import Decimal

from hypothesis import given

from ledger_service.ledger.purchases import Purchase
from tests.builders import line, purchase
from tests.unit.ledger.shopping import purchases


@given(purchases())
def test_a_purchase_is_read_from_its_document_as_it_was(bought: Purchase):
    assert Purchase.of(bought.document()) == bought
    assert Purchase.of(json.loads(json.dumps(bought.document()))) == bought


@given(purchases())
def test_a_document_keeps_the_digits_of_all_money(bought: Purchase):
    again = Purchase.of(bought.document())
    assert [str(one.amount) for one in (again, *again.lines)] == [str(one.amount) for one in (bought, *bought.lines)]
    assert again.document() == bought.document()


def test_a_document_leaves_out_what_is_as_usual():
    assert purchase("10.00").document() == {"amount": "10.00", "currency": "EUR"}
    assert purchase(None, line("coffee", "10.00")).document()["lines"] == [{"sku": "coffee", "amount": "10.00"}]


def test_a_document_has_all_that_was_bought():
    one = line("coffee", "10.00", quantity="1.5", category="HOT", tax="1.60", voided=True)
    bought = purchase("20.00", one, tax="3.20", channel="pos", redeemed_value="5.00")
    assert bought.document() == {
        "amount": "20.00",
        "currency": "EUR",
        "tax": "3.20",
        "channel": "pos",
        "redeemed_value": "5.00",
        "lines": [
            {
                "sku": "coffee",
                "amount": "10.00",
                "quantity": "1.5",
                "category": "HOT",
                "tax": "1.60",
                "voided": True,
            }
        ],
    }
    assert bought.lines[0].tax == Decimal("1.60")
