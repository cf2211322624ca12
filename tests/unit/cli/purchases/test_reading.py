"""Reading purchases: whatever a till exports, each row is a purchase or says why it is none."""

import csv
import gzip
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.cli.console import Misused
from ledger_service.cli.purchases.reading import BadRow, Columns, Purchase, instant, read_purchases

COLUMNS = Columns()
HEADER = "basket_id,household_id,store_id,at,amount"


def purchase(amount: str) -> Purchase:
    return Purchase(2, "B-1", "m-1", Decimal(amount), None, None)


def rows_of(path: Path, text: str, columns: Columns = COLUMNS) -> list[Purchase | BadRow]:
    path.write_bytes(text.encode())
    return list(read_purchases(path, columns))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "purchases.csv"


@pytest.mark.parametrize(
    ("amount", "rate", "points"),
    [
        ("0.99", "1", 0),
        ("1.00", "1", 1),
        ("19.99", "1", 19),
        ("0.29", "100", 29),  # as floats this would be 28
        ("10.00", "0.5", 5),
        ("0.07", "100", 7),
        ("3", "0.333", 0),
    ],
)
def test_points_are_the_amount_times_the_rate_rounded_down(amount: str, rate: str, points: int):
    assert purchase(amount).points(Decimal(rate)) == points


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_rounding_down_never_gives_a_point_too_many_nor_takes_a_whole_one(cents: int, per_mille: int):
    amount, rate = Decimal(cents) / 100, Decimal(per_mille) / 1000
    points = purchase(str(amount)).points(rate)
    assert points <= amount * rate < points + 1


def test_a_packed_file_is_known_by_its_first_bytes_not_by_its_name(tmp_path: Path):
    text = f"{HEADER}\nB-1,m-1,7,2017-01-01T11:53:26Z,2.50\n".encode()
    (plain := tmp_path / "plain.gz").write_bytes(text)
    (packed := tmp_path / "packed.csv").write_bytes(gzip.compress(text))
    expected = [Purchase(2, "B-1", "m-1", Decimal("2.50"), "2017-01-01T11:53:26Z", "7")]
    assert list(read_purchases(plain, COLUMNS)) == expected
    assert list(read_purchases(packed, COLUMNS)) == expected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_other_delimiters_and_a_byte_order_mark_are_understood(path: Path, delimiter: str, mark: str):
    text = mark + f"{HEADER}\nB-1,m-1,7,,2.50\n".replace(",", delimiter)
    assert rows_of(path, text) == [Purchase(2, "B-1", "m-1", Decimal("2.50"), None, "7")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("B-1,m-1,7,,-2.50", "amount"),
        ("B-1,m-1,7,,", "amount"),
        ("B-1,m-1,7,,1e3", "amount"),
        ("B-1,m-1,7,,NaN", "amount"),
        ("B-1,m-1,7,,1_000", "amount"),
        ("B-1,,7,,2.50", "household_id"),
        ("B-1,Müller,7,,2.50", "household_id"),
        (",m-1,7,,2.50", "basket_id"),
        (f"{'B' * 129},m-1,7,,2.50", "basket_id"),
        ("B-1,m-1", "columns instead of"),
    ],
)
def test_a_row_that_is_no_purchase_says_why_and_where(path: Path, row: str, reason: str):
    good = "B-2,m-1,7,,1.00"
    bad, following = rows_of(path, f"{HEADER}\n{row}\n{good}\n")
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert reason in bad.reason
    assert following == Purchase(3, "B-2", "m-1", Decimal("1.00"), None, "7")


def test_columns_may_have_other_names_and_only_three_are_needed(path: Path):
    columns = Columns.parse("order=bon, account=karte,amount=summe")
    assert rows_of(path, "summe,karte,bon\n3.00,m-1,B-1\n", columns) == [
        Purchase(2, "B-1", "m-1", Decimal("3.00"), None, None)
    ]


@pytest.mark.parametrize("text", ["order", "order=", "colour=red", "=x"])
def test_columns_that_make_no_sense_are_refused(text: str):
    with pytest.raises(Misused, match="order=COLUMN"):
        Columns.parse(text)


@pytest.mark.parametrize("content", [b"", b"only,names\n", b"\xff\xfe\n", gzip.compress(b"basket_id", mtime=0)[:-4]])
def test_a_file_that_is_none_is_refused_in_words(path: Path, content: bytes):
    path.write_bytes(content)
    with pytest.raises(Misused):
        list(read_purchases(path, COLUMNS))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=5, max_size=5), max_size=5))
def test_any_text_in_the_cells_gives_one_answer_per_row(path: Path, cells: list[list[str]]):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER.split(","), *cells])
    try:
        rows = rows_of(path, text.getvalue())
    except Misused:
        return  # a byte that no CSV may hold
    assert len(rows) == len(cells)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-01-01", "2017-01-01T00:00:00Z"),
        ("2017-01-01T12:00:00", "2017-01-01T12:00:00Z"),
        ("2017-01-01 12:00:00+02:00", "2017-01-01T10:00:00Z"),
        ("2017-01-01T12:00:00Z", "2017-01-01T12:00:00Z"),
    ],
)
def test_a_time_without_an_offset_is_utc(text: str, expected: str):
    assert instant(text) == expected
