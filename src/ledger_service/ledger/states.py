"""States: what the books know of an account before a command, and how an entry changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from ledger_service.ledger.commands import IdentifierClaim, Status
from ledger_service.ledger.entries import GENESIS, Entry
from ledger_service.ledger.holds import Hold, HoldFacts
from ledger_service.ledger.lots import NEVER, Lot, usable
from ledger_service.ledger.outcomes import First
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.slots import through_slots
from ledger_service.ledger.standing import NEWCOMER, QualifyingDay, Standing


@through_slots
@dataclass(frozen=True, slots=True)
class AccountState:
    """One account's books in short: everything a rule may need to decide about it."""

    account_id: str
    status: Status = "active"
    version: int = 0
    """Writes of the row so far; 0: the account is not in the books yet."""
    seq: int = 0
    balance: int = 0
    held: int = 0
    debt: int = 0
    """Points owed; above 0 only while no usable lot is left."""
    lifetime_points: int = 0
    """Earned less taken back; redeeming and expiry do not lower it."""
    head_hash: bytes = GENESIS
    merged_into: str | None = None
    metadata: str = "{}"
    created_at: datetime | None = None
    lots: tuple[Lot, ...] = ()
    """Open lots, in the order in which they are consumed."""
    holds: tuple[Hold, ...] = ()
    """Open holds, soonest time-out first."""
    standing: Standing = NEWCOMER
    days: tuple[QualifyingDay, ...] = ()
    """What its days count towards the tier, in their order. None in programs without tiers."""

    def available(self, now: datetime) -> int:
        """Points that can be redeemed at this instant; below 0 while there is debt."""
        return usable(self.lots, now) - self.debt

    def is_due(self, now: datetime) -> bool:
        """Whether there is due work at this instant: `next_due_at` is not after it."""
        if self.lots and self.lots[0].expires_at <= now:
            return True
        if self.holds and self.holds[0].expires_at <= now:
            return True
        return self.standing is not NEWCOMER and self.standing.due_at <= now

    @property
    def next_due_at(self) -> datetime | None:
        """The next instant at which a lot expires, a hold times out, or the tier is looked at."""
        due = self.lots[0].expires_at if self.lots else NEVER
        if self.holds:
            due = min(due, self.holds[0].expires_at)
        if self.standing is not NEWCOMER:
            due = min(due, self.standing.due_at)
        return None if due == NEVER else due


@through_slots
@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier as it stands in the books."""

    claim: IdentifierClaim
    account_id: str
    attached_at: datetime


@through_slots
@dataclass(frozen=True, slots=True)
class KnownOutcome:
    """What an idempotency key stands for."""

    fingerprint: bytes
    first: First


@through_slots
@dataclass(frozen=True, slots=True)
class EntryFacts:
    """An entry that a command refers to, with how many of its points were taken or given back so far."""

    entry: Entry
    reversed_points: int = 0
    shares: tuple[Fraction, ...] | None = None
    """Of a purchase that was refunded before: what is left of each of its lines (of all of it, when it has none)."""
    is_uncounted: bool = False
    """The whole purchase was taken back: its spend and visit count no more."""
    confirmed_by: Entry | None = None
    """The entry that freed its points, when they waited for that."""


@through_slots
@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything one batch needs: one program, one instant, and the accounts its commands touch."""

    program: ProgramState
    now: datetime
    accounts: Mapping[str, AccountState] = field(default_factory=dict)
    outcomes: Mapping[str, KnownOutcome] = field(default_factory=dict)
    """By idempotency key."""
    orders: Mapping[tuple[str, str, str], Entry] = field(default_factory=dict)
    """By (source, kind, order_id): the entry that earned or redeemed this order."""
    entries: Mapping[tuple[str, int], EntryFacts] = field(default_factory=dict)
    """By (account_id, seq): the entries that commands want reversed, and those of orders."""
    holds: Mapping[str, HoldFacts] = field(default_factory=dict)
    """By hold_id: the holds that commands name."""
    settings: Mapping[int, ProgramSettings] = field(default_factory=dict)
    """By version: the settings under which the orders that commands name were earned."""
    identifiers: tuple[Identifier, ...] = ()
    """Those that commands want to attach or revoke, and those of accounts whose whole view is the answer."""
