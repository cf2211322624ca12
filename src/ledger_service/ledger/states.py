"""States: what the books know of an account before a command, and how an entry changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger_service.ledger.commands import IdentifierClaim, Status
from ledger_service.ledger.entries import GENESIS, Entry
from ledger_service.ledger.lots import NEVER, Lot, usable
from ledger_service.ledger.outcomes import First
from ledger_service.ledger.program import ProgramState


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

    def available(self, now: datetime) -> int:
        """Points that can be redeemed at this instant; below 0 while there is debt."""
        return usable(self.lots, now) - self.debt

    @property
    def next_due_at(self) -> datetime | None:
        """The next instant at which a lot expires; None when nothing falls due."""
        if not self.lots or self.lots[0].expires_at == NEVER:
            return None
        return self.lots[0].expires_at


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier as it stands in the books."""

    claim: IdentifierClaim
    account_id: str
    attached_at: datetime


@dataclass(frozen=True, slots=True)
class KnownOutcome:
    """What an idempotency key stands for."""

    fingerprint: bytes
    first: First


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """An entry that a command refers to, with how many of its points were taken or given back so far."""

    entry: Entry
    reversed_points: int = 0


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
    """By (account_id, seq): the entries that commands want reversed."""
    identifiers: tuple[Identifier, ...] = ()
    """Those that commands want to attach or revoke, and those of accounts whose whole view is the answer."""
