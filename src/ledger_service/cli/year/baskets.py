"""Baskets of a file, as purchases that the service takes. Pure but for the files themselves."""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ledger_service.cli.console import Misused
from ledger_service.cli.purchases.reading import BadRow, Columns, instant, opened, read_purchases

CURRENCY = "USD"
LINES_MAX = 1000
"""As many lines as a purchase can have; a basket with more is sent as one."""

LABEL_LENGTH_MAX = 128


@dataclass(frozen=True, slots=True)
class Line:
    """One article of a basket."""

    sku: str
    category: str | None
    quantity: str
    amount: Decimal

    def document(self) -> dict[str, Any]:
        """As it is posted."""
        document = {"sku": self.sku, "quantity": self.quantity, "amount": f"{self.amount:f}"}
        return document if self.category is None else document | {"category": self.category}


@dataclass(frozen=True, slots=True)
class Basket:
    """One purchase: who bought, when, for how much, and what, if the file tells."""

    basket_id: str
    account_id: str
    bought_at: str
    """RFC 3339, in UTC."""
    day: date
    """The local day."""
    amount: Decimal
    lines: tuple[Line, ...] = ()

    def purchase(self) -> dict[str, Any]:
        """As it is posted."""
        purchase: dict[str, Any] = {"amount": f"{self.amount:f}", "currency": CURRENCY, "channel": "pos"}
        return purchase | {"lines": [line.document() for line in self.lines]} if self.lines else purchase


def read_baskets(file: Path, lines_file: Path | None, zone: ZoneInfo, prefix: str) -> list[Basket]:
    """All baskets in the order of time. Raises Misused when a row is no basket: a year with holes proves nothing."""
    lines = {} if lines_file is None else read_lines(lines_file)
    baskets = []
    for row in read_purchases(file, Columns(), prefix):
        if isinstance(row, BadRow):
            raise Misused(f"{file}, line {row.line}: {row.reason}.")
        try:
            bought_at = instant(row.at or "")
        except ValueError:
            raise Misused(f"{file}, line {row.line}: {row.at!r} is not a time.") from None
        day = datetime.fromisoformat(bought_at).astimezone(zone).date()
        fitting = lines_of(lines.get(row.order_id, ()), row.amount)
        baskets.append(Basket(row.order_id, row.account_id, bought_at, day, row.amount, fitting))
    if not baskets:
        raise Misused(f"{file} has no baskets.")
    return sorted(baskets, key=lambda basket: basket.bought_at)


def read_lines(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines of the baskets whose lines are known, by basket. Raises Misused."""
    try:
        with opened(file) as text:
            return {str(document["basket_id"]): document["lines"] for document in map(json.loads, text)}
    except (ValueError, KeyError, TypeError, EOFError, OSError, gzip.BadGzipFile) as error:
        raise Misused(f"{file} cannot be read as JSON lines with basket_id and lines: {error}.") from error


def lines_of(documents: Iterable[Mapping[str, Any]], amount: Decimal) -> tuple[Line, ...]:
    """The lines of a basket; none unless they add up to its amount.

    Tills write lines that cost nothing, which say nothing here, and lines of no units, which are taken as one."""
    lines = tuple(
        Line(
            str(document["sku"])[:LABEL_LENGTH_MAX],
            str(document["category"])[:LABEL_LENGTH_MAX] if document.get("category") else None,
            str(document["quantity"]) if Decimal(str(document["quantity"])) > 0 else "1",
            Decimal(document["amount"]),
        )
        for document in documents
        if Decimal(document["amount"]) > 0
    )
    is_fitting = len(lines) <= LINES_MAX and sum((line.amount for line in lines), Decimal(0)) == amount
    return lines if is_fitting else ()


def of_some_households(baskets: list[Basket], baskets_max: int) -> list[Basket]:
    """The whole year of as many households as make up so many baskets, at least one; always the same ones."""
    sizes = Counter(basket.account_id for basket in baskets)
    chosen: set[str] = set()
    total = 0
    for account_id in sorted(sizes, key=lambda account_id: (zlib.crc32(account_id.encode()), account_id)):
        if chosen and total + sizes[account_id] > baskets_max:
            continue
        chosen.add(account_id)
        total += sizes[account_id]
    return [basket for basket in baskets if basket.account_id in chosen]
