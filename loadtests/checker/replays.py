"""Check 9: who asks again is told the same, byte for byte."""

from collections.abc import Iterator

from checker.attempts import Attempt, Command
from checker.findings import REPLAYS, Finding
from checker.history import History
from checker.once import ENTRIES_OF


def replays(history: History) -> Iterator[Finding]:
    """Answers under one key that differ, several that claim to be the first, and known orders with another entry."""
    for command in history.commands.values():
        yield from _differing(command)
        yield from _not_reused(command)
        for attempt in command.answered:
            yield from _wrong_status(attempt, command)
            if attempt.outcome == "ok" and command.kind in ENTRIES_OF:
                yield from _wrong_entry(attempt)


def _differing(command: Command) -> Iterator[Finding]:
    if not command.answered:
        return
    first = command.answered[0]
    for attempt in command.answered[1:]:
        if attempt.status != first.status:
            yield Finding(REPLAYS, attempt.where, "status of a repeat", str(first.status), str(attempt.status))
        elif attempt.body_sha != first.body_sha:
            yield Finding(REPLAYS, attempt.where, "bytes of a repeat", str(first.body_sha), str(attempt.body_sha))
        if attempt.fingerprint != first.fingerprint:
            yield Finding(REPLAYS, attempt.where, "another request under a used key", "422", str(attempt.status))
    firsts = [attempt for attempt in command.answered if not attempt.replayed]
    if len(firsts) > 1:
        yield Finding(REPLAYS, f"key {command.key}", "answers that are not replays", "1", str(len(firsts)))


def _not_reused(command: Command) -> Iterator[Finding]:
    if len({attempt.fingerprint for attempt in command.attempts}) > 1:
        return
    for attempt in command.attempts:
        if attempt.body is not None and attempt.body.get("code") == "idempotency_key_reused":
            yield Finding(
                REPLAYS, attempt.where, "one request, always the same", "its answer", "idempotency_key_reused"
            )


def _wrong_status(attempt: Attempt, command: Command) -> Iterator[Finding]:
    # Even the only attempt may be told a replay: after a lost connection the service asks its books again by itself.
    if not attempt.replayed and attempt.outcome == "ok" and command.kind in ENTRIES_OF and attempt.status != 201:
        yield Finding(REPLAYS, attempt.where, "status of a first answer", "201", str(attempt.status))


def _wrong_entry(attempt: Attempt) -> Iterator[Finding]:
    for entry in attempt.posted():
        if entry["idempotency_key"] == attempt.key:
            continue
        # Another key: only an order that was posted before is answered so.
        is_same_order = (
            attempt.replayed
            and attempt.status == 200
            and attempt.order is not None
            and entry["order_id"] == attempt.order
            and entry["kind"] == attempt.kind
            and entry["account_id"] == attempt.account
            and (attempt.points is None or abs(entry["points"]) == attempt.points)
            and (attempt.source is None or entry["source"] == attempt.source)
        )
        if not is_same_order:
            yield Finding(REPLAYS, attempt.where, "the entry in the answer", f"key {attempt.key}", str(dict(entry)))
