"""Entries: the immutable rows of an account's books, and the hash chain that binds them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring
from typing import Final, Literal

from ledger_service.ledger.lots import Movement, microseconds, movements_text
from ledger_service.ledger.slots import through_slots

Kind = Literal[
    "earn",
    "redeem",
    "expire",
    "reverse_earn",
    "reverse_redeem",
    "adjust",
    "transfer_out",
    "transfer_in",
    "merge_out",
    "merge_in",
    "hold",
    "release",
    "confirm",
    "tier",
]
"""What sort of change an entry is."""

GENESIS: Final = bytes(32)
"""The previous hash of an account's first entry."""

UPKEEP_SOURCE: Final = "ledger"
"""The source of entries that nobody asked for: due work."""


@through_slots
@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one account's points, as it stands in the books for ever."""

    program_id: int
    account_id: str
    seq: int
    """1 for an account's first entry, then without gaps."""
    kind: Kind
    points: int
    """Signed."""
    balance_after: int
    """Available + pending + held, in points."""
    available_after: int
    """Below 0 only while there is debt."""
    held_after: int
    order_id: str | None
    source: str
    key: str | None
    """The idempotency key of the command; none for due work."""
    reason: str | None
    metadata: str
    """A JSON object, canonical: sorted, no white space."""
    movements: tuple[Movement, ...]
    available_at: datetime | None
    """When the points earned can be used; none: at once."""
    expires_at: datetime | None
    """The first instant at which the points earned are gone; none: never."""
    reverses_seq: int | None
    transfer_id: str | None
    written_off: int
    """Points that should have been taken back but that the clawback policy let go."""
    rule_version: int
    """The version of the program's settings that decided."""
    occurred_at: datetime
    recorded_at: datetime
    previous_hash: bytes
    hash: bytes
    detail: str | None = None
    """What else the entry says, by its kind (`details`): a JSON object, canonical. None: nothing."""

    @property
    def pending_after(self) -> int:
        return self.balance_after - self.available_after - self.held_after


def canonical_bytes(entry: Entry) -> bytes:
    """The bytes that an entry's hash covers, after the previous hash: a JSON array of strings, integers and nulls.

    Instants are microseconds since 1970. The leading number is the version of this form: 1 for entries without detail,
    2 for those with one, which it adds at the end. A later form gets another number, so that old entries verify for
    ever. Not ASCII only, no white space.
    """
    # Written out: the encoder of the standard library takes twice as long, and every posting pays it.
    form, detail = (1, "") if entry.detail is None else (2, f",{encode_basestring(entry.detail)}")
    recorded_at = microseconds(entry.recorded_at)
    # Nearly all that is recorded happened just now: the same instant is not counted out twice.
    occurred_at = recorded_at if entry.occurred_at is entry.recorded_at else microseconds(entry.occurred_at)
    # Nothing in a kind or in the movements would have to be escaped.
    return (
        f'[{form},{entry.program_id},{encode_basestring(entry.account_id)},{entry.seq},"{entry.kind}"'
        f",{entry.points},{entry.balance_after},{entry.available_after},{entry.held_after}"
        f",{_text(entry.order_id)},{encode_basestring(entry.source)},{_text(entry.key)},{_text(entry.reason)}"
        f',{encode_basestring(entry.metadata)},"{movements_text(entry.movements)}"'
        f",{_instant(entry.available_at)},{_instant(entry.expires_at)}"
        f",{_number(entry.reverses_seq)},{_text(entry.transfer_id)},{entry.written_off},{entry.rule_version}"
        f",{occurred_at},{recorded_at}{detail}]"
    ).encode()


def _text(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)


def _number(number: int | None) -> str:
    return "null" if number is None else str(number)


def _instant(instant: datetime | None) -> str:
    return "null" if instant is None else str(microseconds(instant))


def chain_hash(entry: Entry) -> bytes:
    """SHA-256 over the previous entry's hash (32 bytes) and this entry's canonical bytes."""
    return hashlib.sha256(entry.previous_hash + canonical_bytes(entry)).digest()


def seal(entry: Entry) -> Entry:
    """Give a new entry its hash.

    The one place where an entry is written to after it was made: nobody has seen it yet, and a copy of its
    fields would cost as much as all else that makes it.
    """
    object.__setattr__(entry, "hash", chain_hash(entry))
    return entry
