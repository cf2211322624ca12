"""Baskets of a file: whatever tills write, what is posted adds up."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ledger_service.cli.console import Misused
from ledger_service.cli.year.baskets import Basket, lines_of, of_some_households, read_baskets

ZONE = ZoneInfo("America/New_York")


def line(amount: str, quantity: int = 1, sku: str = "1") -> dict[str, Any]:
    return {"sku": sku, "category": "BEEF", "department": "MEAT", "quantity": quantity, "amount": amount}


def test_lines_of_no_units_are_one_unit_and_lines_that_cost_nothing_are_left_out():
    found = lines_of([line("2.00", quantity=0), line("0.00", quantity=3), line("1.50", quantity=2)], Decimal("3.50"))
    assert [(each.quantity, each.amount) for each in found] == [("1", Decimal("2.00")), ("2", Decimal("1.50"))]


def test_lines_that_do_not_add_up_are_not_sent():
    assert lines_of([line("2.00")], Decimal("2.01")) == ()


def test_baskets_are_in_order_of_time_and_belong_to_the_local_day(tmp_path: Path):
    file, lines_file = tmp_path / "year.csv", tmp_path / "lines.jsonl"
    file.write_text(
        "basket_id,household_id,at,amount\n"
        "2,9,2018-01-01T04:01:20Z,10.00\n"
        "1,9,2017-03-12T06:59:59Z,2.50\n"  # one second before clocks go forward
    )
    lines_file.write_text(json.dumps({"basket_id": "1", "lines": [line("2.50")]}) + "\n")
    first, second = read_baskets(file, lines_file, ZONE, "household-")
    assert (first.day, second.day) == (date(2017, 3, 12), date(2017, 12, 31))
    assert first.account_id == "household-9"
    assert first.purchase()["lines"] == [{"sku": "1", "category": "BEEF", "quantity": "1", "amount": "2.50"}]
    assert "lines" not in second.purchase()


@pytest.mark.parametrize(
    ("row", "told"),
    [("1,9,yesterday,2.00", "is not a time"), ("1,9,2017-01-01,a lot", "line 2: amount"), ("", "has no baskets")],
)
def test_a_file_with_a_row_that_is_no_basket_is_refused(row: str, told: str, tmp_path: Path):
    file = tmp_path / "year.csv"
    file.write_text(f"basket_id,household_id,at,amount\n{row}\n")
    with pytest.raises(Misused, match=told):
        read_baskets(file, None, ZONE, "")


def test_lines_that_are_no_lines_are_refused(tmp_path: Path):
    file, lines_file = tmp_path / "year.csv", tmp_path / "lines.jsonl"
    file.write_text("basket_id,household_id,at,amount\n1,9,2017-01-01,2.00\n")
    lines_file.write_text("[]\n")
    with pytest.raises(Misused, match="JSON lines"):
        read_baskets(file, lines_file, ZONE, "")


def test_a_limit_keeps_whole_households():
    baskets = [
        Basket(f"{number}", f"household-{number % 50}", "2017-03-12T12:00:00Z", date(2017, 3, 12), Decimal(number))
        for number in range(1_000)
    ]
    some = of_some_households(baskets, 200)
    chosen = {basket.account_id for basket in some}
    assert some == [basket for basket in baskets if basket.account_id in chosen]
    assert len(some) == 200
    assert of_some_households(baskets, 1) != []
