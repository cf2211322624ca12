"""Holds: points set aside for a redeem that may follow (points.md, rule 5)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger_service.ledger.lots import Movement

HoldStatus = Literal["open", "captured", "released", "timed_out"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Points that an open hold took from their lots."""

    hold_id: str
    account_id: str
    seq: int
    """The `hold` entry, in the books of the account on which it was placed."""
    points: int
    expires_at: datetime
    """The instant at which it is released by itself."""
    movements: tuple[Movement, ...]
    """What it took, from which lots: points below 0, soonest expiry first."""
    source: str
    order_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold as it stands, open or not."""

    hold: Hold
    status: HoldStatus = "open"
    captured: int = 0
    """Points that were redeemed from it; all others went back."""
    closed_seq: int | None = None
    """The entry that closed it: the `redeem` of a capture, else the `release`."""
    closed_at: datetime | None = None
