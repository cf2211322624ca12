"""Check 3: nothing is in the books that nobody asked for, but due work that fell due."""

from collections.abc import Iterator, Mapping
from typing import Final

from checker.attempts import Attempt
from checker.books import Row
from checker.findings import PHANTOM, Finding, place
from checker.history import History

KINDS_OF: Final[Mapping[str, frozenset[str]]] = {
    "earn": frozenset({"earn"}),
    "redeem": frozenset({"redeem"}),
    "reverse": frozenset({"reverse_earn", "reverse_redeem"}),
    "adjust": frozenset({"adjust"}),
    "hold": frozenset({"hold"}),
    "capture": frozenset({"redeem"}),
    "release": frozenset({"release"}),
    "transfer": frozenset({"transfer_out", "transfer_in"}),
}
"""The kinds of entry that a command may make. What others make is not checked."""

DUE_KINDS: Final = frozenset({"expire", "release", "tier"})

HAS_ORDER: Final = frozenset({"earn", "redeem", "hold"})


def phantom(history: History) -> Iterator[Finding]:
    """Entries without an attempt that asked for exactly this, and due work that was not due."""
    for account_id, rows in history.books.accounts.items():
        held = 0
        can_expire = False
        opening = history.opening.get(account_id, 0)
        for index, row in enumerate(rows):
            following = rows[index + 1] if index + 1 < len(rows) else None
            if row.is_due_work:
                yield from _not_due(row, held, can_expire)
            elif row.key is None:
                yield from _without_key(row, following)
            elif history.attempts is not None and row.seq > opening:
                yield from _not_asked(row, held, history)
            can_expire = can_expire or (row.points > 0 and history.books.has_dated_points)
            held = row.held_after


def _not_due(row: Row, held: int, can_expire: bool) -> Iterator[Finding]:
    where = place(row.account_id, row.seq)
    if row.kind not in DUE_KINDS:
        yield Finding(PHANTOM, where, "is due work", "expire, release or tier", row.kind)
    elif row.kind == "expire" and not can_expire:
        yield Finding(PHANTOM, where, "expires points", "points that have a date", "none had come before")
    elif row.kind == "release" and row.held_after >= held:
        yield Finding(PHANTOM, where, "is the time-out of a hold", f"less held than {held}", str(row.held_after))


def _without_key(row: Row, following: Row | None) -> Iterator[Finding]:
    # What a capture does not take is released just before, without a key of its own.
    belongs = (
        row.kind == "release"
        and following is not None
        and following.kind == "redeem"
        and following.key is not None
        and following.recorded_at == row.recorded_at
        and following.source == row.source
    )
    if not belongs:
        yield Finding(PHANTOM, place(row.account_id, row.seq), f"{row.kind} of {row.source}", "a key", "none")


def _not_asked(row: Row, held: int, history: History) -> Iterator[Finding]:
    where = place(row.account_id, row.seq)
    command = history.commands.get(row.key or "")
    if command is None:
        yield Finding(PHANTOM, where, f"{row.kind} of {row.points} points", "somebody asked for it", f"key {row.key}")
        return
    best: list[str] | None = None
    for attempt in command.may_have_written:
        wrong = _mismatches(row, attempt, held)
        if not wrong:
            return
        best = wrong if best is None or len(wrong) < len(best) else best
    if best is not None:
        yield Finding(PHANTOM, where, f"is not what was asked for under key {row.key}", "equal", ", ".join(best))


def _mismatches(row: Row, attempt: Attempt, held: int) -> list[str]:
    kinds = KINDS_OF.get(attempt.kind)
    if kinds is None:
        return []
    if row.kind not in kinds:
        return [f"kind {row.kind} for {attempt.kind}"]
    wrong = []
    account = attempt.to_account if row.kind == "transfer_in" else attempt.account
    if account is not None and row.account_id != account:
        wrong.append(f"account {row.account_id} for {account}")
    if attempt.points is not None and (moved := _points_of(row, held)) != attempt.points:
        wrong.append(f"points {moved} for {attempt.points}")
    if attempt.kind in HAS_ORDER and row.order_id != attempt.order:
        wrong.append(f"order {row.order_id} for {attempt.order}")
    if attempt.source is not None and row.source != attempt.source:
        wrong.append(f"source {row.source} for {attempt.source}")
    if attempt.reverses_seq is not None and row.reverses_seq != attempt.reverses_seq:
        wrong.append(f"reverses {row.reverses_seq} for {attempt.reverses_seq}")
    return wrong


def _points_of(row: Row, held: int) -> int:
    """The points as the body of a request has them."""
    match row.kind:
        case "hold":
            return row.held_after - held
        case "release":
            return held - row.held_after
        case "adjust":
            return row.points
        case "reverse_earn":
            return row.written_off - row.points
        case _:
            return abs(row.points)
