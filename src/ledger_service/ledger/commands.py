"""Commands: changes asked for, frozen and complete. A verb of the HTTP contract each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.slots import through_slots

Status = Literal["active", "suspended", "closed", "merged"]
IdentifierType = Literal["card", "phone", "email", "external"]


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What every change carries: whose books, who asks, and under which idempotency key."""

    account_id: str
    source: str
    key: str | None
    """Idempotency key, once per program for ever. None only for a rehearsal, which is never written."""
    fingerprint: bytes
    """16 bytes over verb, path and meaning of the body: equal for equal requests."""
    request_id: str

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts whose books this command may touch."""
        return (self.account_id,)


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Earn(Command):
    points: int | None = None
    """Explicit points; None: what the program's rules give for the purchase."""
    purchase: Purchase | None = None
    order_id: str | None = None
    occurred_at: datetime | None = None
    reason: str | None = None
    metadata: str = "{}"
    available_at: datetime | None = None
    expires_at: datetime | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(Command):
    points: int
    order_id: str | None = None
    occurred_at: datetime | None = None
    reason: str | None = None
    metadata: str = "{}"


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(Command):
    points: int
    """Signed, not 0."""
    reason: str
    allow_negative: bool = False


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Command):
    seq: int
    """The entry to undo."""
    reason: str
    points: int | None = None
    """How many of its points; None: all that is left."""


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold(Command):
    """Set points aside for a redeem that may follow."""

    hold_id: str
    points: int
    expires_in_seconds: int
    order_id: str | None = None
    reason: str | None = None
    metadata: str = "{}"


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCommand(Command):
    """About an account that was found by something else (an order, a hold), and may have been merged meanwhile."""

    chain: tuple[str, ...] = ()
    """Further accounts that it may touch: those that `account_id` was merged into, those of the order's redeem."""

    @property
    def account_ids(self) -> tuple[str, ...]:
        return _each_once(self.account_id, *self.chain)


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(ChainCommand):
    """Redeem what a hold set aside, all or less; the rest goes back."""

    hold_id: str
    points: int | None = None
    """None: all of it."""
    order_id: str | None = None
    """The hold's, under which the redeem is counted once."""


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Release(ChainCommand):
    """Give back what a hold set aside."""

    hold_id: str


@through_slots
@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """What comes back of one article: so many units, or so much money."""

    sku: str
    quantity: Decimal | None = None
    amount: Decimal | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(ChainCommand):
    """A purchase comes back, wholly or in part: by `amount`, or by `lines`."""

    order_id: str
    currency: str
    amount: Decimal | None = None
    lines: tuple[ReturnedLine, ...] = ()
    reason: str | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOrder(ChainCommand):
    """Free the points of an order that wait for this."""

    order_id: str
    reason: str | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(ChainCommand):
    """Take back all points of an order."""

    order_id: str
    reason: str | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Command):
    """Available points from `account_id` to another account."""

    to_account: str
    points: int
    transfer_id: str
    reason: str | None = None

    @property
    def account_ids(self) -> tuple[str, ...]:
        return _each_once(self.account_id, self.to_account)


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Command):
    """Everything of `account_id` moves to another account."""

    into: str
    transfer_id: str
    reason: str

    @property
    def account_ids(self) -> tuple[str, ...]:
        return _each_once(self.account_id, self.into)


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Unmerge(Command):
    """Undo the merge of `account_id`."""

    into: str
    """The account that it was merged into, as found before; the fold makes sure."""
    transfer_id: str
    reason: str

    @property
    def account_ids(self) -> tuple[str, ...]:
        return _each_once(self.account_id, self.into)


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class SetTier(Command):
    """A tier given by hand: a floor, not a ceiling. None ends it."""

    tier: str | None
    reason: str
    until: datetime | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(Command):
    """What a purchase would earn, and why. Never written. Without an account (""): for one that is new."""

    purchase: Purchase
    occurred_at: datetime | None = None


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Command):
    """Do an account's due work (expiry, hold time-outs, tiers), because nobody else came by."""


@through_slots
@dataclass(frozen=True, slots=True)
class IdentifierClaim:
    """A card, phone, e-mail or external id that shall find an account. The plain value stays outside."""

    identifier_id: str
    type: IdentifierType
    digest: bytes
    """Keyed HMAC-SHA-256 of the normalised value."""
    masked: str


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(Command):
    identifiers: tuple[IdentifierClaim, ...] = ()
    metadata: str = "{}"


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus(Command):
    status: Literal["active", "suspended", "closed"]
    reason: str


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class AttachIdentifier(Command):
    identifier: IdentifierClaim


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeIdentifier(Command):
    identifier_id: str


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Command):
    """Several commands that are all written or not at all. `account_id` is the first command's."""

    commands: tuple[Command, ...]

    @property
    def account_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(account_id for command in self.commands for account_id in command.account_ids))


def _each_once(*account_ids: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(account_ids))


def singles(commands: Sequence[Command]) -> list[Command]:
    """The commands with those of every `Together` laid open."""
    laid_open: list[Command] = []
    for command in commands:
        if isinstance(command, Together):
            laid_open.extend(command.commands)
        else:
            laid_open.append(command)
    return laid_open
