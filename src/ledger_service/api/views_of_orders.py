"""Views of orders and holds: what callers are answered about a purchase, and about points that were set aside."""

from pydantic import ConfigDict, Field

from ledger_service.api.fields import AccountId, Metadata
from ledger_service.api.views import AnyMoney, AnyPoints, Count, Entry, Place, Time, View
from ledger_service.ledger.holds import HoldStatus


class RemainingLine(View):
    """What is left of an article."""

    sku: str
    category: str | None = None
    quantity: AnyMoney
    amount: AnyMoney


class RemainingPurchase(View):
    """What is left of a purchase."""

    amount: AnyMoney
    lines: list[RemainingLine]


class Refunded(View):
    """The entries of a refund: what was given back, then what was deducted."""

    entries: list[Entry]
    remaining_purchase: RemainingPurchase


class Hold(View):
    """Points that were set aside."""

    hold_id: str
    account_id: AccountId = Field(description="Whose points they are: follows a merge while the hold is open.")
    points: Place = Field(description="Set aside.")
    status: HoldStatus
    expires_at: Time = Field(description="The instant at which it is released by itself.")
    seq: Place = Field(description="The `hold` entry, in the books of the account on which it was placed.")
    order_id: str | None
    source: str
    reason: str | None
    metadata: Metadata
    created_at: Time
    captured: Count = Field(description="Points that were redeemed of it; all others went back.")
    closed_seq: Place | None = Field(description="The entry that closed it; null while that is not in the books.")
    closed_at: Time | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "hold_id": "hold_3k8w2m5p9r1t6v0x4z7b2d5f8h",
                    "account_id": "m-1",
                    "points": 200,
                    "status": "open",
                    "expires_at": "2026-11-21T10:30:00.123456Z",
                    "seq": 8,
                    "order_id": "A-1003",
                    "source": "shop-berlin",
                    "reason": None,
                    "metadata": {},
                    "created_at": "2026-11-21T10:15:00.123456Z",
                    "captured": 0,
                    "closed_seq": None,
                    "closed_at": None,
                }
            ]
        }
    )


class HoldPage(View):
    """Holds, soonest time-out first."""

    data: list[Hold]
    next_cursor: str | None
    has_more: bool


class Share(View):
    """What a rule or a campaign has to do with a purchase."""

    id: str
    points: AnyPoints = Field(description="Its part of the points.")
    applied: bool
    reason: str = Field(description="Why, or why not, in words for people.")


class Preview(View):
    """What a purchase would earn."""

    points: Count
    rules: list[Share]
    campaigns: list[Share]
    available_at: Time | None = Field(description="null: at once.")
    expires_at: Time | None = Field(description="The first instant at which the points are gone; null: never.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "points": 48,
                    "rules": [{"id": "base", "points": 24, "applied": True, "reason": "1 point for each 1.00 EUR."}],
                    "campaigns": [{"id": "double", "points": 24, "applied": True, "reason": "2 times the points."}],
                    "available_at": "2026-12-05T00:00:00Z",
                    "expires_at": "2027-12-31T23:00:00Z",
                }
            ]
        }
    )
