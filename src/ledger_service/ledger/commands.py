"""Commands: changes asked for, frozen and complete. A verb of the HTTP contract each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["active", "suspended", "closed", "merged"]
IdentifierType = Literal["card", "phone", "email", "external"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Earn(Command):
    points: int
    order_id: str | None = None
    occurred_at: datetime | None = None
    reason: str | None = None
    metadata: str = "{}"
    available_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(Command):
    points: int
    order_id: str | None = None
    occurred_at: datetime | None = None
    reason: str | None = None
    metadata: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(Command):
    points: int
    """Signed, not 0."""
    reason: str
    allow_negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Command):
    seq: int
    """The entry to undo."""
    reason: str
    points: int | None = None
    """How many of its points; None: all that is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Command):
    """Do an account's due work (expiry), because nobody else came by."""


@dataclass(frozen=True, slots=True)
class IdentifierClaim:
    """A card, phone, e-mail or external id that shall find an account. The plain value stays outside."""

    identifier_id: str
    type: IdentifierType
    digest: bytes
    """Keyed HMAC-SHA-256 of the normalised value."""
    masked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(Command):
    identifiers: tuple[IdentifierClaim, ...] = ()
    metadata: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus(Command):
    status: Literal["active", "suspended", "closed"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachIdentifier(Command):
    identifier: IdentifierClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeIdentifier(Command):
    identifier_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Command):
    """Several commands that are all written or not at all. `account_id` is the first command's."""

    commands: tuple[Command, ...]

    @property
    def account_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(command.account_id for command in self.commands))


def singles(commands: Sequence[Command]) -> list[Command]:
    """The commands with those of every `Together` laid open."""
    laid_open: list[Command] = []
    for command in commands:
        if isinstance(command, Together):
            laid_open.extend(command.commands)
        else:
            laid_open.append(command)
    return laid_open
