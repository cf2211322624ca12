"""Outcomes: what a command came to."""

from dataclasses import dataclass

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.refusals import Refusal
from ledger_service.ledger.slots import through_slots


@through_slots
@dataclass(frozen=True, slots=True)
class Posted:
    """An entry was made."""

    entry: Entry


@through_slots
@dataclass(frozen=True, slots=True)
class PostedSeveral:
    """Entries that belong to one answer were made: a transfer, a merge, a refund. Possibly none."""

    entries: tuple[Entry, ...]


@through_slots
@dataclass(frozen=True, slots=True)
class Repeated:
    """The order of this command was posted before, under another key and with the same meaning."""

    entry: Entry


@through_slots
@dataclass(frozen=True, slots=True)
class Answered:
    """A change without points was made (an account opened, an identifier attached)."""

    detail: str
    """A JSON object: what the caller is told, now and at every replay."""


@through_slots
@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal
    request_id: str
    """Of the request that was refused first: it is part of the stored answer."""


@through_slots
@dataclass(frozen=True, slots=True)
class WrittenTogether:
    """What the commands of a `Together` came to, in their order: all posted, repeated, answered or replayed."""

    outcomes: tuple["Outcome", ...]


First = Posted | PostedSeveral | Repeated | Answered | Refused | WrittenTogether
"""What a command came to the first time."""


@through_slots
@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was known: the first outcome again."""

    first: First


Outcome = First | Replayed
