"""Bodies: what callers may send to change something. Strict: no unknown field, no number in quotes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.fields import (
    AccountId,
    IdentifierValue,
    Instant,
    Metadata,
    OrderId,
    Points,
    Reason,
    SignedPoints,
)


class Body(BaseModel):
    """What every body has in common. Python's NaN and Infinity are not JSON."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class NoBody(Body):
    """Of calls whose path says everything."""


class EarnBody(Body):
    """Points to give for a purchase or an event."""

    points: Points = Field(description="How many points to give.")
    order_id: OrderId | None = Field(None, description="The purchase. Each is earned once per source.")
    occurred_at: Instant | None = Field(None, description="When it happened, if not now; decides limits and dates.")
    reason: Reason | None = Field(None, description="Why, in words for people.")
    metadata: Metadata = Field(default_factory=dict)
    available_at: Instant | None = Field(None, description="When the points can be used. Needs scope `adjust`.")
    expires_at: Instant | None = Field(None, description="When the points are gone. Needs scope `adjust`.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"points": 120, "order_id": "A-1001"}]})


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
