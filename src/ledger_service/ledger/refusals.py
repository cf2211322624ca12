"""Refusals: the books say no. Values, since a no is an ordinary answer and about one command among hundreds."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ledger_service.ledger.commands import Status
from ledger_service.ledger.holds import HoldStatus


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command was refused, with the numbers the caller needs. Its fields are the fields of the problem."""

    code: ClassVar[str]
    is_kept: ClassVar[bool] = True
    """Stays refused under its key: the same key asked again answers the same."""

    def fields(self) -> dict[str, Any]:
        """What the caller is told beside the code."""
        return asdict(self)

    def stored(self) -> dict[str, Any]:
        """What makes the same refusal again."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class InsufficientPoints(Refusal):
    code = "insufficient_points"
    available: int
    requested: int
    as_of_seq: int

    def fields(self) -> dict[str, Any]:
        return asdict(self) | {"missing": self.requested - self.available}


@dataclass(frozen=True, slots=True)
class AccountNotActive(Refusal):
    code = "account_not_active"
    status: Status


@dataclass(frozen=True, slots=True)
class AccountMerged(Refusal):
    code = "account_merged"
    into: str | None


@dataclass(frozen=True, slots=True)
class AccountExists(Refusal):
    code = "account_exists"
    account_id: str


@dataclass(frozen=True, slots=True)
class IdentifierInUse(Refusal):
    """Another account of the program has this card, phone, address or external id."""

    code = "identifier_in_use"
    type: str
    masked: str


@dataclass(frozen=True, slots=True)
class DuplicateOrder(Refusal):
    """The order was posted before by this source, with other points or on another account."""

    code = "duplicate_order"
    order_id: str
    account_id: str
    seq: int
    points: int


@dataclass(frozen=True, slots=True)
class AlreadyReversed(Refusal):
    code = "already_reversed"
    seq: int


@dataclass(frozen=True, slots=True)
class ExceedsRemaining(Refusal):
    """More than an entry, a hold, or a purchase still has."""

    code = "exceeds_remaining"
    remaining: int | str
    """Points; of a purchase: money or units, as a decimal."""


@dataclass(frozen=True, slots=True)
class HoldNotOpen(Refusal):
    """The hold was captured, released, or timed out."""

    code = "hold_not_open"
    hold_id: str
    status: HoldStatus


@dataclass(frozen=True, slots=True)
class NothingToReverse(Refusal):
    code = "nothing_to_reverse"
    kind: str


@dataclass(frozen=True, slots=True)
class LimitExceeded(Refusal):
    code = "limit_exceeded"
    limit: int
    allowed: int


@dataclass(frozen=True, slots=True)
class BulkAborted(Refusal):
    """Nothing of an atomic bulk was written, because one operation of it was refused."""

    code = "bulk_aborted"
    failed_index: int
    refused: dict[str, Any]
    """Code and fields of the refused operation."""


@dataclass(frozen=True, slots=True)
class ProgramExists(Refusal):
    """Another program has this slug."""

    code = "program_exists"
    slug: str


@dataclass(frozen=True, slots=True)
class AccountNotFound(Refusal):
    code = "account_not_found"
    is_kept = False
    account_id: str


@dataclass(frozen=True, slots=True)
class EntryNotFound(Refusal):
    code = "entry_not_found"
    is_kept = False
    account_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class HoldNotFound(Refusal):
    code = "hold_not_found"
    is_kept = False
    hold_id: str


@dataclass(frozen=True, slots=True)
class OrderNotFound(Refusal):
    code = "order_not_found"
    is_kept = False
    order_id: str


@dataclass(frozen=True, slots=True)
class MergedMeanwhile(Refusal):
    """The account was merged between finding it and deciding: to be found and asked again."""

    code = "account_merged"
    is_kept = False
    into: str | None


@dataclass(frozen=True, slots=True)
class IdentifierNotFound(Refusal):
    code = "not_found"
    is_kept = False
    identifier_id: str


@dataclass(frozen=True, slots=True)
class KeyReused(Refusal):
    """The key was used before, for another request."""

    code = "idempotency_key_reused"
    is_kept = False


@dataclass(frozen=True, slots=True)
class OutOfRange(Refusal):
    """A field is well-formed but outside what the program or its clock allows."""

    code = "validation_failed"
    is_kept = False
    pointer: str
    detail: str


KEPT: dict[str, type[Refusal]] = {
    kind.code: kind
    for kind in (
        InsufficientPoints,
        AccountNotActive,
        AccountMerged,
        AccountExists,
        IdentifierInUse,
        DuplicateOrder,
        AlreadyReversed,
        ExceedsRemaining,
        HoldNotOpen,
        NothingToReverse,
        LimitExceeded,
        BulkAborted,
        ProgramExists,
    )
}
"""The refusals that are stored, by their code."""
