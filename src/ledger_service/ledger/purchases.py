"""Purchases: what a till says was bought. Money is exact: Decimal, in currency units."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger_service.ledger.slots import through_slots


@through_slots
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt."""

    sku: str
    amount: Decimal
    """Of the whole line, tax included."""
    quantity: Decimal = Decimal(1)
    category: str | None = None
    tax: Decimal = Decimal(0)
    """The part of the amount that is tax."""
    voided: bool = False


@through_slots
@dataclass(frozen=True, slots=True)
class Purchase:
    amount: Decimal
    """All that was paid, tax and `redeemed_value` included: the sum of the lines that are not voided, if any."""
    currency: str
    """ISO 4217."""
    tax: Decimal = Decimal(0)
    channel: str | None = None
    redeemed_value: Decimal = Decimal(0)
    """The part of the amount paid with points."""
    lines: tuple[Line, ...] = ()

    def document(self) -> dict[str, Any]:
        """As it is kept with the entry; `of` is the inverse. What is at its default is left out."""
        document: dict[str, Any] = {"amount": str(self.amount), "currency": self.currency}
        if self.tax:
            document["tax"] = str(self.tax)
        if self.channel is not None:
            document["channel"] = self.channel
        if self.redeemed_value:
            document["redeemed_value"] = str(self.redeemed_value)
        if self.lines:
            document["lines"] = [_line_document(line) for line in self.lines]
        return document

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Purchase":
        return cls(
            amount=Decimal(document["amount"]),
            currency=document["currency"],
            tax=Decimal(document.get("tax", 0)),
            channel=document.get("channel"),
            redeemed_value=Decimal(document.get("redeemed_value", 0)),
            lines=tuple(
                Line(
                    sku=line["sku"],
                    amount=Decimal(line["amount"]),
                    quantity=Decimal(line.get("quantity", 1)),
                    category=line.get("category"),
                    tax=Decimal(line.get("tax", 0)),
                    voided=line.get("voided", False),
                )
                for line in document.get("lines", ())
            ),
        )


def _line_document(line: Line) -> dict[str, Any]:
    document: dict[str, Any] = {"sku": line.sku, "amount": str(line.amount)}
    if line.quantity != 1:
        document["quantity"] = str(line.quantity)
    if line.category is not None:
        document["category"] = line.category
    if line.tax:
        document["tax"] = str(line.tax)
    if line.voided:
        document["voided"] = True
    return document
