"""What the fold says, in the words of the naive books."""

from typing import Any

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.outcomes import (
    Answered,
    Outcome,
    Posted,
    PostedSeveral,
    Refused,
    Repeated,
    Replayed,
    WrittenTogether,
)
from ledger_service.ledger.refusals import (
    AccountMerged,
    AccountNotActive,
    DuplicateOrder,
    ExceedsRemaining,
    HoldNotOpen,
    InsufficientPoints,
    LimitExceeded,
    NothingToReverse,
    Refusal,
)
from tests.books.reference.books import Answer


def answer_of(outcome: Outcome) -> Answer:
    match outcome:
        case Posted(entry):
            return ("posted", told(entry))
        case PostedSeveral(entries):
            return ("several", tuple(told(entry) for entry in entries))
        case Repeated(entry):
            return ("repeated", entry.account_id, entry.seq)
        case Answered():
            return ("answered",)
        case Refused(refusal):
            return ("refused", refusal.code, *numbers_of(refusal))
        case WrittenTogether(outcomes):
            return ("together", tuple(answer_of(one) for one in outcomes))
        case Replayed(first):
            return ("replayed", answer_of(first))


def told(entry: Entry) -> tuple[Any, ...]:
    numbers = (entry.points, entry.balance_after, entry.available_after, entry.held_after, entry.written_off)
    return (entry.account_id, entry.seq, entry.kind, *numbers)


def numbers_of(refusal: Refusal) -> tuple[Any, ...]:
    """What the caller is told beside the code, as far as the naive books know it."""
    match refusal:
        case InsufficientPoints(available=available, as_of_seq=seq):
            return (available, seq)
        case LimitExceeded(limit=limit, allowed=allowed):
            return (limit, allowed)
        case ExceedsRemaining(remaining=int(remaining)):
            return (remaining,)
        case DuplicateOrder(account_id=account_id, seq=seq):
            return (account_id, seq)
        case AccountNotActive(status=status) | HoldNotOpen(status=status):
            return (status,)
        case AccountMerged(into=into):
            return (into,)
        case NothingToReverse(kind=kind):
            return (kind,)
        case _:
            return ()
