"""The tally: what commands came to, counted for the operators."""

from prometheus_client import Counter

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    Merge,
    OpenAccount,
    PlaceHold,
    Redeem,
    Refund,
    Release,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    SetTier,
    Settle,
    Together,
    Transfer,
    Unmerge,
)
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.outcomes import (
    Outcome,
    Posted,
    PostedSeveral,
    Refused,
    Repeated,
    Replayed,
    WrittenTogether,
)
from ledger_service.metrics import ENTRIES, POINTS, REFUSALS, REPLAYS

# What a command asks for, as far as its type tells. A posted entry says more: reverse_earn or reverse_redeem.
KINDS: dict[type[Command], str] = {
    Earn: "earn",
    Redeem: "redeem",
    Adjust: "adjust",
    Reverse: "reverse",
    PlaceHold: "hold",
    Capture: "redeem",
    Release: "release",
    Refund: "refund",
    ConfirmOrder: "confirm",
    CancelOrder: "cancel",
    Transfer: "transfer",
    Merge: "merge",
    Unmerge: "merge",
    Settle: "expire",
    OpenAccount: "account",
    SetStatus: "account",
    SetTier: "tier",
    AttachIdentifier: "identifier",
    RevokeIdentifier: "identifier",
    Together: "together",
}

# labels() takes longer than counting; its answers are few, and kept.
_entries: dict[tuple[str, str], Counter] = {}
_points: dict[str, Counter] = {}
_refusals: dict[str, Counter] = {}
_replayed_by_key = REPLAYS.labels("key")
_replayed_by_order = REPLAYS.labels("reference")


def count(command: Command, outcome: Outcome) -> None:
    """Count what a command came to. The commands of a `Together` count one each, and so does their refusal."""
    if isinstance(outcome, Posted):
        _count_posted(outcome.entry)
    elif isinstance(outcome, PostedSeveral):
        for entry in outcome.entries:
            _count_posted(entry)
    elif isinstance(outcome, WrittenTogether) and isinstance(command, Together):
        for single, its_outcome in zip(command.commands, outcome.outcomes, strict=True):
            count(single, its_outcome)
    elif isinstance(outcome, Replayed):
        _count_entry(KINDS[type(command)], "replayed")
        _replayed_by_key.inc()
    elif isinstance(outcome, Repeated):
        _count_entry(KINDS[type(command)], "repeated")
        _replayed_by_order.inc()
    elif isinstance(outcome, Refused):
        _count_entry(KINDS[type(command)], "refused")
        if isinstance(command, Redeem):
            _count_refusal(outcome.refusal.code)
    else:
        _count_entry(KINDS[type(command)], "posted")


def count_failure(command: Command) -> None:
    """Count a command that failed: it never came to an outcome, by a fault of ours."""
    _count_entry(KINDS.get(type(command), "other"), "failed")


def _count_posted(entry: Entry) -> None:
    _count_entry(entry.kind, "posted")
    counter = _points.get(entry.kind)
    if counter is None:
        counter = _points[entry.kind] = POINTS.labels(entry.kind)
    counter.inc(abs(entry.points))


def _count_entry(kind: str, result: str) -> None:
    counter = _entries.get((kind, result))
    if counter is None:
        counter = _entries[kind, result] = ENTRIES.labels(kind, result)
    counter.inc()


def _count_refusal(code: str) -> None:
    counter = _refusals.get(code)
    if counter is None:
        counter = _refusals[code] = REFUSALS.labels(code)
    counter.inc()
