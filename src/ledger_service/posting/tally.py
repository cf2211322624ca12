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


class Tally:
    """What the commands of one batch came to. Shown all at once: a counter of the metrics takes 0.3 us a call."""

    __slots__ = ("_entries", "_points")

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], int] = {}
        self._points: dict[str, int] = {}

    def count(self, command: Command, outcome: Outcome) -> None:
        """Count what a command came to. The commands of a `Together` count one each, and so does their refusal."""
        if isinstance(outcome, Posted):
            self._count_posted(outcome.entry)
        elif isinstance(outcome, PostedSeveral):
            for entry in outcome.entries:
                self._count_posted(entry)
        elif isinstance(outcome, WrittenTogether) and isinstance(command, Together):
            for single, its_outcome in zip(command.commands, outcome.outcomes, strict=True):
                self.count(single, its_outcome)
        elif isinstance(outcome, Replayed):
            self._count_entry(KINDS[type(command)], "replayed")
            _replayed_by_key.inc()
        elif isinstance(outcome, Repeated):
            self._count_entry(KINDS[type(command)], "repeated")
            _replayed_by_order.inc()
        elif isinstance(outcome, Refused):
            self._count_entry(KINDS[type(command)], "refused")
            if isinstance(command, Redeem):
                _count_refusal(outcome.refusal.code)
        else:
            self._count_entry(KINDS[type(command)], "posted")

    def show(self) -> None:
        """Add it to the metrics. Once."""
        for (kind, result), times in self._entries.items():
            _counter_of_entries(kind, result).inc(times)
        for kind, points in self._points.items():
            counter = _points.get(kind)
            if counter is None:
                counter = _points[kind] = POINTS.labels(kind)
            counter.inc(points)

    def _count_posted(self, entry: Entry) -> None:
        kind = entry.kind
        self._count_entry(kind, "posted")
        self._points[kind] = self._points.get(kind, 0) + abs(entry.points)

    def _count_entry(self, kind: str, result: str) -> None:
        counted = self._entries
        counted[kind, result] = counted.get((kind, result), 0) + 1


def count_failure(command: Command) -> None:
    """Count a command that failed: it never came to an outcome, by a fault of ours."""
    _counter_of_entries(KINDS.get(type(command), "other"), "failed").inc()


def _counter_of_entries(kind: str, result: str) -> Counter:
    counter = _entries.get((kind, result))
    if counter is None:
        counter = _entries[kind, result] = ENTRIES.labels(kind, result)
    return counter


def _count_refusal(code: str) -> None:
    counter = _refusals.get(code)
    if counter is None:
        counter = _refusals[code] = REFUSALS.labels(code)
    counter.inc()
