"""Check 1: whatever was acknowledged is in the books, as it was told, on every node."""

from collections.abc import Iterator

from checker.attempts import Attempt, Document
from checker.books import Row
from checker.findings import LOST, Finding, place
from checker.history import History


def lost(history: History) -> Iterator[Finding]:
    """Acknowledged entries and refusals that are gone or changed, and replicas that differ."""
    for command in history.commands.values():
        for attempt in command.answered:
            if attempt.outcome == "ok":
                yield from _lost_of(attempt, history)
    if history.refusals is not None:
        yield from _lost_refusals(history, dict(history.refusals))
    for node, rows in history.replicas.items():
        yield from _differing(node, rows, history)


def _lost_of(attempt: Attempt, history: History) -> Iterator[Finding]:
    if attempt.body is None:
        yield Finding(LOST, attempt.where, "was acknowledged without an answer that can be read", "an entry", "nothing")
    for account_id, seq in attempt.named():
        if (account_id, seq) not in history.books.at:
            yield Finding(LOST, place(account_id, seq), f"acknowledged by {attempt.where}", "is there", "is not there")
    for posted in attempt.posted():
        row = history.books.at.get((posted["account_id"], posted["seq"]))
        if row is not None and posted != (view := row.view()):
            yield _changed(row, posted, view, f"acknowledged otherwise by {attempt.where}")
    if attempt.kind == "hold":
        for account_id, seq in attempt.named():
            row = history.books.at.get((account_id, seq))
            if row is not None and row.kind != "hold":
                yield Finding(LOST, place(account_id, seq), f"acknowledged by {attempt.where}", "hold", row.kind)


def _lost_refusals(history: History, kept: dict[str, str]) -> Iterator[Finding]:
    for command in history.commands.values():
        for attempt in command.answered:
            if attempt.outcome != "refused" or attempt.body is None:
                continue
            code = attempt.body.get("code")
            if kept.get(command.key) != code:
                found = str(kept.get(command.key, "not there"))
                yield Finding(LOST, attempt.where, "an acknowledged refusal", str(code), found)


def _differing(node: str, rows: tuple[Row, ...], history: History) -> Iterator[Finding]:
    there = {(row.account_id, row.seq): row for row in rows}
    for (account_id, seq), row in history.books.at.items():
        copy = there.get((account_id, seq))
        if copy is None:
            yield Finding(LOST, place(account_id, seq), f"on {node}", "is there", "is not there")
        elif copy.view() != row.view():
            yield _changed(row, row.view(), copy.view(), f"differs on {node}")
    for account_id, seq in there.keys() - history.books.at.keys():
        yield Finding(LOST, place(account_id, seq), f"on {node}", "not there, as on the primary", "is there")


def _changed(row: Row, expected: Document, found: Document, what: str) -> Finding:
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return Finding(
        LOST,
        place(row.account_id, row.seq),
        what,
        ", ".join(f"{name} {expected.get(name)!r}" for name in names),
        ", ".join(f"{name} {found.get(name)!r}" for name in names),
    )
