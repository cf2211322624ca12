"""Views: what callers are answered, as the API document says it. A contract test holds real answers against them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.fields import AccountId, Metadata
from ledger_service.ledger.entries import Kind
from ledger_service.ledger.points import POINTS_MAX

Time = Annotated[
    str,
    Field(
        json_schema_extra={"format": "date-time"},
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$",
        description="RFC 3339 in UTC.",
        examples=["2026-12-05T00:00:00Z"],
    ),
]
AnyMoney = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="A decimal.", examples=["12.50"])]
AnyPoints = Annotated[int, Field(ge=-POINTS_MAX, le=POINTS_MAX)]
Count = Annotated[int, Field(ge=0, le=POINTS_MAX)]
Place = Annotated[int, Field(ge=1, le=POINTS_MAX)]


class View(BaseModel):
    """Answers have these fields and no others; a later release may add some."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Entry(View):
    """One immutable row of an account's books."""

    account_id: AccountId
    seq: Place = Field(description="1 for an account's first entry, then without gaps.")
    kind: Kind
    points: AnyPoints = Field(description="Signed: above 0 in, below 0 out.")
    balance_after: AnyPoints = Field(description="available_after + pending_after + held_after.")
    available_after: AnyPoints = Field(description="Below 0 only while there is debt.")
    pending_after: Count
    held_after: Count
    order_id: str | None
    source: str = Field(description="Of the API key that posted it; `ledger` for due work such as expiry.")
    reason: str | None
    metadata: Metadata
    available_at: Time | None = Field(description="null: at once; the last instant of 9999: when it is confirmed.")
    expires_at: Time | None = Field(description="The first instant at which the points are gone; null: never.")
    reverses_seq: Place | None = Field(description="The entry that this one undoes.")
    transfer_id: str | None
    written_off: Count = Field(description="Points that should have been taken back but were let go.")
    rule_version: Place = Field(description="The version of the program's settings that decided.")
    occurred_at: Time
    recorded_at: Time
    idempotency_key: str | None
    hash: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 over this entry and the hash of the one before.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account_id": "m-1",
                    "seq": 7,
                    "kind": "earn",
                    "points": 120,
                    "balance_after": 620,
                    "available_after": 500,
                    "pending_after": 120,
                    "held_after": 0,
                    "order_id": "A-1001",
                    "source": "shop-berlin",
                    "reason": None,
                    "metadata": {},
                    "available_at": "2026-12-05T00:00:00Z",
                    "expires_at": "2027-12-31T23:00:00Z",
                    "reverses_seq": None,
                    "transfer_id": None,
                    "written_off": 0,
                    "rule_version": 3,
                    "occurred_at": "2026-11-21T10:15:00Z",
                    "recorded_at": "2026-11-21T10:15:00.123456Z",
                    "idempotency_key": "till-7-000123",
                    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                }
            ]
        }
    )


class Entries(View):
    """Entries that were made together."""

    entries: list[Entry]


class Identifier(View):
    """A card, phone, e-mail address or external id that finds an account. Its value is never shown."""

    identifier_id: str
    type: Literal["card", "phone", "email", "external"]
    masked: str
    created_at: Time

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "identifier_id": "idn_01",
                    "type": "card",
                    "masked": "****1234",
                    "created_at": "2026-11-21T10:15:00Z",
                }
            ]
        }
    )


class RevokedIdentifier(View):
    """An identifier that no longer finds its account."""

    identifier_id: str
    revoked: Literal[True]


class Counters(View):
    lifetime_points: AnyPoints = Field(description="Earned less taken back; redeeming and expiry do not lower it.")
    spend: AnyMoney = Field(description="Of all purchases less what was returned, in currency units.")
    visits: int = Field(description="Purchases that were not wholly returned.")


class NextTier(View):
    """The level above."""

    id: str
    at: Count | AnyMoney = Field(description="The measure from which on it is reached.")
    missing: Count | AnyMoney


class Tier(View):
    """The level that counts for an account now, and how far the next one is."""

    id: str | None = Field(description="null: none yet.")
    since: Time | None
    valid_until: Time | None = Field(description="When it is looked at again; null: it cannot be lost.")
    measure: AnyPoints | AnyMoney = Field(description="Points or visits, or spend as a decimal.")
    next: NextTier | None = Field(description="null: there is none above.")


class Account(View):
    """A member's books in one program."""

    account_id: AccountId
    status: Literal["active", "suspended", "closed", "merged"]
    tier: Tier | None = Field(description="null: the program has no tiers.")
    counters: Counters
    merged_into: str | None
    metadata: Metadata
    identifiers: list[Identifier]
    seq: Count
    version: Place = Field(description="Writes of the account so far; the ETag.")
    created_at: Time | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account_id": "m-1",
                    "status": "active",
                    "tier": None,
                    "counters": {"lifetime_points": 620, "spend": "412.50", "visits": 9},
                    "merged_into": None,
                    "metadata": {},
                    "identifiers": [],
                    "seq": 7,
                    "version": 9,
                    "created_at": "2026-11-21T10:15:00Z",
                }
            ]
        }
    )


class NextExpiry(View):
    """The next points to expire."""

    at: Time
    points: Place


class Balance(View):
    """What an account has at one moment."""

    account_id: AccountId
    seq: Count = Field(description="The last entry that is in it.")
    balance: AnyPoints = Field(description="available + pending + held.")
    available: AnyPoints = Field(description="Can be redeemed now; below 0 only while there is debt.")
    pending: Count = Field(description="Earned, but not to be used yet.")
    held: Count = Field(description="Set aside.")
    as_of: Time
    tier: Tier | None = Field(description="null: the program has no tiers.")
    next_expiry: NextExpiry | None
    source: Literal["primary", "replica"] = Field(
        description="replica: it may be behind, as in a failover. `seq` says how far it is, `min_seq` asks for more."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account_id": "m-1",
                    "seq": 7,
                    "balance": 620,
                    "available": 500,
                    "pending": 120,
                    "held": 0,
                    "as_of": "2026-11-21T10:15:00.123456Z",
                    "tier": None,
                    "next_expiry": {"at": "2027-12-31T23:00:00Z", "points": 500},
                    "source": "primary",
                }
            ]
        }
    )


class AccountAndBalance(View):
    """An account found by one of its identifiers."""

    account: Account
    balance: Balance


class Lot(View):
    """Points with the same dates."""

    expires_at: Time | None = Field(description="null: never.")
    available_at: Time | None = Field(description="null: from the start.")
    points: Place


class EntryPage(View):
    """Entries, newest first."""

    data: list[Entry]
    next_cursor: str | None
    has_more: bool


class Event(View):
    """Something that happened in the program."""

    id: str = Field(description="Stays the same however often the event is read.")
    type: str = Field(description="`entry.` and the kind of the entry.", examples=["entry.earn"])
    entry: Entry


class EventPage(View):
    """Events in the order in which they can be read without gaps."""

    data: list[Event]
    next_cursor: str | None = Field(description="Where to go on, now or later; null while nothing ever happened.")
    has_more: bool


class BulkResult(View):
    """What the single call would have answered."""

    status: int
    body: dict[str, Any] = Field(description="What the operation answers, or a problem.")


class BulkResults(View):
    """A result for each operation, in their order."""

    results: list[BulkResult]
