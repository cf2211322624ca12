"""Views of reports: what whole programs, and explanations, look like in answers."""

from typing import Annotated

from pydantic import ConfigDict, Field

from ledger_service.api.views import Place, Time, View
from ledger_service.ledger.entries import Kind

ManyPoints = Annotated[int, Field(description="Points of all accounts together.")]


class Origin(View):
    """Points that one entry brought."""

    seq: Place
    points: Place


class ExplainedLot(View):
    """Points with the same dates, and where they came from."""

    expires_at: Time | None = Field(description="null: never.")
    available_at: Time | None = Field(description="null: from the start.")
    points: Place
    from_: list[Origin] = Field(alias="from", description="The entries that brought them, oldest first.")


class ExplainedEntry(View):
    """What one entry did."""

    seq: Place
    kind: Kind
    points: int = Field(description="Signed: above 0 in, below 0 out.")
    rule_version: Place
    sentence: str = Field(description="To be read out.")


class Explanation(View):
    """Where the points of an account came from and went."""

    balance: int = Field(description="The points in lots and those set aside, less debt.")
    lots: list[ExplainedLot] = Field(description="Soonest expiry first.")
    movements: list[ExplainedEntry] = Field(description="The last entries, newest first.")
    sentence: str = Field(description="The balance in words, to be read out.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "balance": 90,
                    "lots": [
                        {
                            "expires_at": "2027-12-31T23:00:00Z",
                            "available_at": None,
                            "points": 90,
                            "from": [{"seq": 1, "points": 70}, {"seq": 3, "points": 20}],
                        }
                    ],
                    "movements": [
                        {
                            "seq": 3,
                            "kind": "earn",
                            "points": 20,
                            "rule_version": 2,
                            "sentence": "20 points were earned on 3 December 2026 (order A-1002); "
                            "they can be used through 31 December 2027.",
                        },
                        {
                            "seq": 2,
                            "kind": "redeem",
                            "points": -30,
                            "rule_version": 2,
                            "sentence": "30 points were redeemed on 2 December 2026 (order A-1001).",
                        },
                        {
                            "seq": 1,
                            "kind": "earn",
                            "points": 100,
                            "rule_version": 2,
                            "sentence": "100 points were earned on 1 December 2026; "
                            "they can be used through 31 December 2027.",
                        },
                    ],
                    "sentence": "90 points can be used now. "
                    "90 points can be used through 31 December 2027, then are gone.",
                }
            ]
        }
    )


class Month(View):
    """Points whose last day is in a month."""

    month: str = Field(pattern=r"^\d{4}-\d{2}$", examples=["2027-12"], description="In the program's time zone.")
    points: ManyPoints


class Liability(View):
    """What a program owes its members at an instant: each number is the sum of what the accounts' balances say."""

    as_of: Time
    available: ManyPoints = Field(description="Usable points less debt.")
    pending: ManyPoints
    held: ManyPoints
    debt: ManyPoints = Field(description="What members owe. `available` is less it already.")
    total: ManyPoints = Field(description="available + pending + held.")
    never_expiring: ManyPoints = Field(description="Of the points not held: those without a date, or without one yet.")
    by_expiry: list[Month] = Field(
        description="Of the points not held: those with a date, by the month of their last day. Together with "
        "`never_expiring` they are available + pending + debt."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "as_of": "2026-12-31T22:59:59.999999Z",
                    "available": 48000,
                    "pending": 2000,
                    "held": 500,
                    "debt": 100,
                    "total": 50500,
                    "never_expiring": 100,
                    "by_expiry": [{"month": "2027-06", "points": 20000}, {"month": "2027-12", "points": 30000}],
                }
            ]
        }
    )


class RollForward(View):
    """How a program's points came from one instant to a later one. Signed: the first eight add up, since
    opening + issued + restored + adjusted + redeemed + expired + taken_back = closing."""

    opening: ManyPoints
    issued: ManyPoints
    restored: ManyPoints = Field(description="Redeemed points that were given back.")
    adjusted: ManyPoints
    redeemed: ManyPoints
    expired: ManyPoints
    taken_back: ManyPoints
    closing: ManyPoints
    written_off: ManyPoints = Field(description="For information: what was let go when it should be taken back.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "opening": 40000,
                    "issued": 15000,
                    "restored": 300,
                    "adjusted": -50,
                    "redeemed": -3500,
                    "expired": -1000,
                    "taken_back": -250,
                    "closing": 50500,
                    "written_off": 20,
                }
            ]
        }
    )


class CounterAccount(View):
    """One side of the books."""

    name: str = Field(description="`members`, or what points were given for.", examples=["members", "issued"])
    points: ManyPoints


class TrialBalance(View):
    """What members have, and what the program's counter accounts owe for it."""

    as_of: Time
    accounts: list[CounterAccount]
    total: int = Field(description="The sum of all accounts: 0 in sound books.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "as_of": "2026-12-03T12:00:00Z",
                    "accounts": [
                        {"name": "members", "points": 90},
                        {"name": "issued", "points": -120},
                        {"name": "redeemed", "points": 30},
                    ],
                    "total": 0,
                }
            ]
        }
    )
