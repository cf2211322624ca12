"""Proposals: what the fold hands to the gate. The core proposes, the database disposes."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ledger_service.ledger.commands import Command
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.groups import Groups
from ledger_service.ledger.holds import Hold, HoldStatus
from ledger_service.ledger.membership import Attachment, Revocation
from ledger_service.ledger.outcomes import First, Outcome
from ledger_service.ledger.slots import through_slots
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.ledger.states import AccountState


@through_slots
@dataclass(frozen=True, slots=True)
class AccountChange:
    """An account that the batch touches: as loaded (by its version) and as it shall be."""

    loaded_version: int
    loaded_hash: bytes
    """The head of its chain as loaded: what its next entry must continue."""
    after: AccountState
    group: int
    """Accounts of one group are written together or not at all."""


@through_slots
@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What an idempotency key stands for from now on."""

    command: Command
    first: First


@dataclass(frozen=True, slots=True)
class HoldClosing:
    """A hold that is open no more."""

    hold_id: str
    account_id: str
    """The account whose books closed it."""
    seq: int
    """The `redeem` of a capture, else the `release`."""
    status: HoldStatus
    captured: int
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """An open hold, or an identifier, that follows its account into another one, or back."""

    id: str
    from_account: str
    to_account: str


@through_slots
@dataclass(frozen=True, slots=True)
class DayChange:
    """What a batch adds to a qualifying day of an account, or takes from it."""

    account_id: str
    change: QualifyingDay


@through_slots
@dataclass(frozen=True, slots=True)
class Proposal:
    """One batch as decided: an outcome for each command, in order, and what is to be written."""

    program_id: int
    rule_version: int
    now: datetime
    outcomes: tuple[Outcome, ...]
    accounts: tuple[AccountChange, ...]
    """Sorted by account_id, the order in which every writer locks."""
    entries: tuple[Entry, ...]
    """In the order of each account's seq."""
    keys: tuple[KeyRecord, ...]
    groups: Groups
    attachments: tuple[Attachment, ...] = ()
    revocations: tuple[Revocation, ...] = ()
    holds_placed: tuple[Hold, ...] = ()
    holds_closed: tuple[HoldClosing, ...] = ()
    """Some of which may have been placed by this batch."""
    holds_moved: tuple[Move, ...] = ()
    """After placing, before closing."""
    identifiers_moved: tuple[Move, ...] = ()
    days: tuple[DayChange, ...] = ()
    """Net, one for each account and day, sorted."""

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written: every command was answered from what the books already hold."""
        return not self.accounts and not self.keys

    def is_void(self, command: Command, conflicts: frozenset[str]) -> bool:
        """The command's answer rests on an account that was not as loaded: it must be decided again."""
        if not conflicts:
            return False
        # What is said of an account outside the books hangs on no version: the gate keeps it only without conflicts.
        return self.groups.touch(command.account_ids, conflicts) or (
            not self._proposes(command.account_id) and any(record.command.key == command.key for record in self.keys)
        )

    def _proposes(self, account_id: str) -> bool:
        place = bisect_left(self.accounts, account_id, key=lambda change: change.after.account_id)
        return place < len(self.accounts) and self.accounts[place].after.account_id == account_id

    def lot_changes(self) -> Iterator[tuple[str, datetime, datetime, int]]:
        """What the entries do to the lots: (account_id, expires_at, available_at, points), sorted, never 0."""
        return lot_changes(self.entries)


def lot_changes(entries: Iterable[Entry]) -> Iterator[tuple[str, datetime, datetime, int]]:
    """The net change of each lot over these entries."""
    net: dict[tuple[str, datetime, datetime], int] = {}
    for entry in entries:
        for movement in entry.movements:
            lot = entry.account_id, movement.expires_at, movement.available_at
            net[lot] = net.get(lot, 0) + movement.points
    return ((*lot, points) for lot, points in sorted(net.items()) if points)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a proposal at the gate."""

    conflicts: frozenset[str] = frozenset()
    """Accounts that somebody else wrote first; nothing was written of them."""
    gate_seconds: float = 0.0
    """How long the gate took until it let the batch commit."""
