"""Attempts: what clients sent and what they were answered. README.md says what each field means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

Outcome = Literal["ok", "refused", "failed", "unknown"]
OUTCOMES: Final = frozenset({"ok", "refused", "failed", "unknown"})

DEADLINE_MS_DEFAULT: Final = 4500

Document = Mapping[str, Any]
"""A JSON object, as read."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request and its answer, if there was one."""

    op: int
    attempt: int
    kind: str
    account: str | None
    to_account: str | None
    key: str | None
    order: str | None
    source: str | None
    points: int | None
    hold_id: str | None
    reverses_seq: int | None
    fingerprint: str
    invoke_ns: int
    intended_ns: int
    complete_ns: int | None
    outcome: Outcome
    status: int | None
    replayed: bool
    body: Document | None
    body_sha: str | None
    deadline_ms: int
    session: str | None
    read_source: str
    min_seq: int | None

    @property
    def is_read(self) -> bool:
        return self.kind == "balance"

    @property
    def is_answered(self) -> bool:
        """The books said yes or no, for good."""
        return self.outcome in ("ok", "refused")

    @property
    def where(self) -> str:
        return f"op {self.op} attempt {self.attempt} ({self.kind}, {'no key' if self.key is None else self.key})"

    def posted(self) -> tuple[Document, ...]:
        """The entries in the answer of a success."""
        if self.outcome != "ok" or self.body is None:
            return ()
        if "entries" in self.body:
            return tuple(self.body["entries"])
        return (self.body,) if "hash" in self.body else ()

    def named(self) -> tuple[tuple[str, int], ...]:
        """Account and seq of what the answer says is in the books: its entries, or the entry that placed a hold."""
        if self.outcome != "ok" or self.body is None or self.is_read:
            return ()
        if self.kind == "hold" and "seq" in self.body:
            return ((self.body["account_id"], self.body["seq"]),)
        return tuple((entry["account_id"], entry["seq"]) for entry in self.posted())


def attempt_of(document: Document) -> Attempt:
    """An attempt from its line. Raises KeyError or ValueError when the line cannot be one."""
    if document["outcome"] not in OUTCOMES:
        raise ValueError(f"there is no outcome {document['outcome']!r}")
    get = document.get
    intended_ns, deadline_ms = get("intended_ns"), get("deadline_ms")
    return Attempt(
        op=document["op"],
        attempt=document["attempt"],
        kind=document["kind"],
        account=get("account"),
        to_account=get("to_account"),
        key=get("key"),
        order=get("order"),
        source=get("source"),
        points=get("points"),
        hold_id=get("hold_id"),
        reverses_seq=get("reverses_seq"),
        fingerprint=document["fingerprint"],
        invoke_ns=document["invoke_ns"],
        intended_ns=document["invoke_ns"] if intended_ns is None else intended_ns,
        complete_ns=get("complete_ns"),
        outcome=document["outcome"],
        status=get("status"),
        replayed=bool(get("replayed")),
        body=get("body"),
        body_sha=get("body_sha"),
        deadline_ms=DEADLINE_MS_DEFAULT if deadline_ms is None else deadline_ms,
        session=get("session"),
        read_source=get("read_source") or "primary",
        min_seq=get("min_seq"),
    )


@dataclass(frozen=True)
class Command:
    """All attempts under one key: at most one change of the books."""

    key: str
    attempts: tuple[Attempt, ...]
    """By the time they were sent."""

    @cached_property
    def may_have_written(self) -> tuple[Attempt, ...]:
        """All but those whose answer says that they wrote nothing."""
        return tuple(attempt for attempt in self.attempts if attempt.outcome != "failed")

    @cached_property
    def answered(self) -> tuple[Attempt, ...]:
        """Those that were told the outcome, the first to know first."""
        return tuple(sorted((a for a in self.attempts if a.is_answered), key=completed))

    @property
    def kind(self) -> str:
        return self.attempts[0].kind

    @property
    def began_ns(self) -> int | None:
        """Before this nothing can have been written; None: no attempt can have written."""
        return self.may_have_written[0].invoke_ns if self.may_have_written else None

    @property
    def done_ns(self) -> int | None:
        """From here on it was known to be written; None: nobody was told."""
        return next((a.complete_ns for a in self.answered if a.outcome == "ok"), None)


def completed(attempt: Attempt) -> int:
    """When the answer was there; of what was never answered: after everything."""
    return 1 << 63 if attempt.complete_ns is None else attempt.complete_ns


def commands_of(attempts: Iterable[Attempt]) -> dict[str, Command]:
    """The attempts that have a key, by it."""
    grouped: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.key is not None and not attempt.is_read:
            grouped.setdefault(attempt.key, []).append(attempt)
    return {
        key: Command(key, tuple(sorted(several, key=lambda attempt: attempt.invoke_ns)))
        for key, several in grouped.items()
    }
