"""Bodies about orders: what comes back of a purchase, what became of it, and what one would earn."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from ledger_service.api.fields import AccountId, Currency, Instant, Label, Money, Quantity, Reason
from ledger_service.api.schemas import LINES_MAX, PURCHASE_EXAMPLE, Body, PurchaseBody

AMOUNT_OR_LINES: Final[dict[str, Any]] = {
    "oneOf": [
        {"required": ["amount"], "properties": {"amount": {"type": "string"}, "lines": {"type": "null"}}},
        {"required": ["lines"], "properties": {"lines": {"type": "array"}, "amount": {"type": "null"}}},
    ]
}


class ReturnedLineBody(Body):
    """What comes back of one article: so many units, or so much money."""

    sku: Label = Field(description="As on the purchase.")
    quantity: Quantity | None = Field(None, description="So many units.")
    amount: Money | None = Field(None, description="So much of the article's amount, tax included; above 0.")


class RefundBody(Body):
    """What comes back of a purchase: an amount, or lines of it."""

    amount: Money | None = Field(None, description="Spread over what is left of the purchase; above 0.")
    lines: Annotated[list[ReturnedLineBody], Field(min_length=1, max_length=LINES_MAX)] | None = Field(
        None, description="Matched by sku. Each has a quantity or an amount."
    )
    currency: Currency = Field(description="That of the purchase.")
    reason: Reason | None = Field(None, description="Why, in words for people.")

    model_config = ConfigDict(
        json_schema_extra={
            **AMOUNT_OR_LINES,
            "examples": [
                {"amount": "12.00", "currency": "EUR", "reason": "goods returned"},
                {"lines": [{"sku": "coffee", "quantity": 1}], "currency": "EUR"},
            ],
        }
    )


class OrderBody(Body):
    """What became of an order."""

    reason: Reason | None = Field(None, description="Why, in words for people.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "delivered"}]})


class PreviewBody(Body):
    """A purchase that nobody made yet."""

    account_id: AccountId | None = Field(None, description="Who would buy; left out: somebody new.")
    purchase: PurchaseBody
    occurred_at: Instant | None = Field(None, description="When, if not now.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"account_id": "m-1", "purchase": PURCHASE_EXAMPLE}]})
