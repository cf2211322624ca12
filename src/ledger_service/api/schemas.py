"""Bodies: what callers may send to change something. Strict: no unknown field, no number in quotes."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ledger_service.api.fields import (
    AccountId,
    Currency,
    IdentifierValue,
    Instant,
    Label,
    Metadata,
    Money,
    OrderId,
    Points,
    Quantity,
    Reason,
    SignedPoints,
)

LINES_MAX: Final = 1000
HOLD_SECONDS_DEFAULT: Final = 900
HOLD_SECONDS_MAX: Final = 7 * 24 * 3600

PURCHASE_EXAMPLE: Final[dict[str, Any]] = {
    "amount": "24.70",
    "currency": "EUR",
    "tax": "3.10",
    "channel": "pos",
    "redeemed_value": "5.00",
    "lines": [
        {"sku": "coffee", "category": "DRINKS", "quantity": 2, "amount": "19.80", "tax": "1.30"},
        {"sku": "apples", "quantity": "1.240", "amount": "4.90", "tax": "1.80"},
    ],
}


class Body(BaseModel):
    """What every body has in common. Python's NaN and Infinity are not JSON."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class NoBody(Body):
    """Of calls whose path says everything."""


def within_amount(part: Decimal, info: ValidationInfo) -> Decimal:
    """A part of the body's `amount`, which stands before it."""
    if "amount" in info.data and part > info.data["amount"]:
        raise PydanticCustomError("beyond_amount", "more than amount")
    return part


class LineBody(Body):
    """One line of a receipt."""

    sku: Label = Field(description="The article.")
    category: Label | None = Field(None, description="The article's category.")
    quantity: Quantity = Field(description="How many units, also parts of one. A decimal in quotes is exact.")
    amount: Money = Field(description="Of the whole line, tax included.")
    tax: Money = Field(Decimal(0), description="The part of the amount that is tax.")
    voided: bool = Field(False, description="Taken off the receipt: earns nothing and does not add to the amount.")

    _tax_within_amount = field_validator("tax")(within_amount)


class PurchaseBody(Body):
    """What was bought. The program's rules say what it earns."""

    amount: Money = Field(description="All that was paid, tax and `redeemed_value` included.")
    currency: Currency = Field(description="ISO 4217.")
    tax: Money = Field(Decimal(0), description="The part of the amount that is tax.")
    channel: Label | None = Field(None, description="Where it was bought: `pos`, `web`, …")
    redeemed_value: Money = Field(Decimal(0), description="The part of the amount paid with points; earns nothing.")
    # After `amount`, which it has to add up to.
    lines: Annotated[list[LineBody], Field(max_length=LINES_MAX)] = Field(
        default_factory=list, description="Those that are not voided add up to `amount`."
    )

    _parts_within_amount = field_validator("tax", "redeemed_value")(within_amount)

    @field_validator("lines")
    @classmethod
    def lines_add_up(cls, lines: list[LineBody], info: ValidationInfo) -> list[LineBody]:
        """To the amount of the purchase, unless there are none."""
        total = sum((line.amount for line in lines if not line.voided), Decimal(0))
        if lines and "amount" in info.data and total != info.data["amount"]:
            raise PydanticCustomError("lines_do_not_add_up", "other than amount", {"total": str(total)})
        return lines


# Which of two fields is given is said here for readers and looked at when the command is made: there it costs nothing.
POINTS_OR_PURCHASE: Final[dict[str, Any]] = {
    "oneOf": [
        {
            "required": [given],
            "properties": {given: {"not": {"type": "null"}}, other: {"type": "null"}},
        }
        for given, other in (("points", "purchase"), ("purchase", "points"))
    ]
}


class EarnBody(Body):
    """Points to give, or the purchase that earns them: one of both."""

    points: Points | None = Field(None, description="How many points to give.")
    purchase: PurchaseBody | None = Field(None, description="What was bought: the program's rules give the points.")
    order_id: OrderId | None = Field(None, description="The purchase. Each is earned once per source.")
    occurred_at: Instant | None = Field(None, description="When it happened, if not now; decides limits and dates.")
    reason: Reason | None = Field(None, description="Why, in words for people.")
    metadata: Metadata = Field(default_factory=dict)
    available_at: Instant | None = Field(None, description="When the points can be used. Needs scope `adjust`.")
    expires_at: Instant | None = Field(None, description="When the points are gone. Needs scope `adjust`.")

    model_config = ConfigDict(
        json_schema_extra={
            **POINTS_OR_PURCHASE,
            "examples": [
                {"points": 120, "order_id": "A-1001"},
                {"purchase": PURCHASE_EXAMPLE, "order_id": "A-1001"},
            ],
        }
    )


class RedeemBody(Body):
    """Available points to take, soonest expiry first."""

    points: Points = Field(description="How many points to take.")
    order_id: OrderId | None = Field(None, description="The purchase. Each is redeemed once per source.")
    occurred_at: Instant | None = Field(None, description="When it happened, if not now.")
    reason: Reason | None = Field(None, description="Why, in words for people.")
    metadata: Metadata = Field(default_factory=dict)

    model_config = ConfigDict(json_schema_extra={"examples": [{"points": 50, "order_id": "A-1002"}]})


class AdjustBody(Body):
    """A correction by staff, either way."""

    points: SignedPoints = Field(description="Above 0 gives, below 0 takes.")
    reason: Reason = Field(description="Why, in words for people.")
    allow_negative: bool = Field(False, description="Whether taking may leave a debt.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"points": -20, "reason": "posted twice by mistake"}]})


class ReverseBody(Body):
    """An earn or a redeem to undo, wholly or in part."""

    reason: Reason = Field(description="Why, in words for people.")
    points: Points | None = Field(None, description="How many of its points; left out: all that is left.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "goods returned", "points": 40}]})


class HoldBody(Body):
    """Available points to set aside for a redeem that may follow."""

    points: Points = Field(description="How many points to set aside.")
    expires_in_seconds: Annotated[int, Field(ge=1, le=HOLD_SECONDS_MAX)] = Field(
        HOLD_SECONDS_DEFAULT, description="After so many seconds the hold is released by itself."
    )
    order_id: OrderId | None = Field(None, description="The purchase. The capture redeems it once per source.")
    reason: Reason | None = Field(None, description="Why, in words for people.")
    metadata: Metadata = Field(default_factory=dict)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"points": 200, "expires_in_seconds": 600, "order_id": "A-1003"}]}
    )


class CaptureBody(Body):
    """How much of a hold to redeem."""

    points: Points | None = Field(None, description="So many; the rest is released. Left out: all.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"points": 150}]})


class ReleaseBody(Body):
    """A release is always of all: there is nothing to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class IdentifierBody(Body):
    """A card, phone, e-mail address or external id that finds an account. Its value is kept only as a keyed hash."""

    type: Literal["card", "phone", "email", "external"]
    value: IdentifierValue = Field(description="A phone number is international: +49… or 0049….")

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "card", "value": "2900 0000 1234"}]})


class OpenAccountBody(Body):
    """A new account."""

    account_id: AccountId | None = Field(None, description="The caller's own id; left out, one is made.")
    identifiers: list[IdentifierBody] = Field(default_factory=list, max_length=20)
    metadata: Metadata = Field(default_factory=dict)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"account_id": "m-1", "identifiers": [{"type": "card", "value": "2900 0000 1234"}]}]
        }
    )


class StatusBody(Body):
    """The status an account shall have. Suspended: may earn, may not redeem. Closed: neither."""

    status: Literal["active", "suspended", "closed"]
    reason: Reason = Field(description="Why, in words for people.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "suspended", "reason": "card reported lost"}]})
