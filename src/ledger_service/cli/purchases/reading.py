"""Reading purchases from a CSV file. Pure but for the file itself."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import TextIO

from ledger_service.cli.console import Misused

GZIP_MAGIC = b"\x1f\x8b"
DELIMITERS = ",;\t|"
POINTS_MAX = 2**53 - 1
AMOUNT = re.compile(r"\d{1,16}(\.\d{1,18})?")
ACCOUNT_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
ORDER_ID = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns are called in this file. `at` and `store` may be missing from it."""

    order: str = "basket_id"
    account: str = "household_id"
    amount: str = "amount"
    at: str = "at"
    store: str = "store_id"

    @classmethod
    def parse(cls, text: str) -> "Columns":
        """Read `order=…,account=…`; what is not named keeps its default. Raises Misused."""
        named: dict[str, str] = {}
        known = [field.name for field in fields(cls)]
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, column = part.partition("=")
            if not equals or not column or name not in known:
                raise Misused(f"--columns: {part!r} is not one of {', '.join(f'{one}=COLUMN' for one in known)}.")
            named[name] = column
        return cls(**named)


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row: who bought, for how much, and where and when if the file tells."""

    line: int
    order_id: str
    account_id: str
    amount: Decimal
    at: str | None
    store: str | None

    def points(self, rate: Decimal) -> int:
        """Whole points: the amount times the rate, rounded down."""
        return int((self.amount * rate).to_integral_value(ROUND_FLOOR))


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no purchase, and why."""

    line: int
    reason: str


def read_purchases(path: Path, columns: Columns, account_prefix: str = "") -> Iterator[Purchase | BadRow]:
    """All rows of a CSV file, gzip or not. Raises Misused when the file cannot be read or lacks a column."""
    with opened(path) as file:
        try:
            header = file.readline()
            names = next(csv.reader([header], delimiter=(delimiter := delimiter_of(header))), [])
            places = {name: names.index(name) for name in wanted(columns) if name in names}
            for name in (columns.order, columns.account, columns.amount):
                if name not in places:
                    raise Misused(
                        f"{path} has no column {name!r}; it has {', '.join(names) or 'no columns at all'}. "
                        "Say which is which: --columns order=…,account=…,amount=…"
                    )
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            for row in rows:
                if row:
                    yield read_row(rows.line_num + 1, row, len(names), places, columns, account_prefix)
        except (UnicodeDecodeError, csv.Error, EOFError, OSError) as error:
            raise Misused(f"{path} cannot be read as CSV in UTF-8: {error}.") from error


def opened(path: Path) -> TextIO:
    """The text of a file, unpacked if its first bytes say that it is packed. Raises Misused."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        binary = gzip.open(path) if is_packed else path.open("rb")  # noqa: SIM115 - the text closes it
        return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}.") from error


def count_rows(path: Path) -> int:
    """About how many rows there are, for a progress bar: lines, without the header."""
    with opened(path) as file:
        return max(0, sum(1 for _ in file) - 1)


def delimiter_of(header: str) -> str:
    """What separates the columns: whichever candidate is most frequent in the header."""
    return max(DELIMITERS, key=header.count)


def wanted(columns: Columns) -> list[str]:
    return [getattr(columns, field.name) for field in fields(columns)]


def read_row(
    line: int, row: list[str], width: int, places: dict[str, int], columns: Columns, account_prefix: str
) -> Purchase | BadRow:
    """One row as a purchase, or why it is none."""
    if len(row) != width:
        return BadRow(line, f"{len(row)} columns instead of {width}")

    def cell(name: str) -> str | None:
        return (row[places[name]].strip() or None) if name in places else None

    order_id = cell(columns.order) or ""
    account_id = account_prefix + (cell(columns.account) or "")
    amount = cell(columns.amount) or ""
    if not ORDER_ID.fullmatch(order_id):
        return BadRow(line, f"{columns.order}: needs 1 to 128 characters")
    if not ACCOUNT_ID.fullmatch(account_id) or account_id == account_prefix:
        return BadRow(line, f"{columns.account}: an account id is 1 to 64 of A-Z a-z 0-9 . _ ~ -")
    if not AMOUNT.fullmatch(amount):
        return BadRow(line, f"{columns.amount}: {amount[:40]!r} is not an amount of 0 or more")
    return Purchase(line, order_id, account_id, Decimal(amount), cell(columns.at), cell(columns.store))


def instant(text: str) -> str:
    """A date, or a date and time, as an instant; without an offset it is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
