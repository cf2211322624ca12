"""Check 5: the numbers of every entry follow from the ones before, and what leaves one account arrives in another."""

from collections.abc import Iterator
from typing import Final

from checker.books import Books, Row, differences
from checker.findings import ARITHMETIC, Finding, place
from checker.history import History
from checker.lots import wrong_lots

INTO_DEBT: Final = frozenset({"reverse_earn", "adjust", "merge_in", "merge_out"})
"""Kinds that may take the available balance below 0."""

MOVES_HELD: Final = frozenset({"hold", "release", "redeem", "merge_in", "merge_out"})

SIGNS: Final = {
    "earn": (0, 1),
    "redeem": (-1,),
    "expire": (-1,),
    "reverse_earn": (-1, 0),
    "reverse_redeem": (1,),
    "adjust": (-1, 1),
    "transfer_out": (-1,),
    "transfer_in": (1,),
    "hold": (0,),
    "release": (0,),
    "confirm": (0,),
    "tier": (0,),
}
"""Which signs the points of a kind may have; kinds that are not here may have any."""


def arithmetic(history: History) -> Iterator[Finding]:
    """Entries that do not follow from those before, legs that do not balance, accounts that are not their entries."""
    for account_id, rows in history.books.accounts.items():
        before = None
        for row in rows:
            for what, expected, found in _wrong(row, before):
                yield Finding(ARITHMETIC, place(account_id, row.seq), what, expected, found)
            before = row
        yield from wrong_lots(rows)
    yield from _unbalanced(history.books)
    for account_id, shown in history.accounts.items():
        after = history.books.after(account_id, history.books.newest_seq(account_id))
        if after is None:
            continue
        for what in differences(after, shown, history.books.has_dated_points):
            yield Finding(ARITHMETIC, account_id, f"the account: {what}", str(after), str(shown))
        if shown.debt is not None and shown.debt > 0 and shown.available != -shown.debt:
            yield Finding(
                ARITHMETIC, account_id, "available while there is debt", str(-shown.debt), str(shown.available)
            )


def _wrong(row: Row, before: Row | None) -> Iterator[tuple[str, str, str]]:
    balance, available, held = (0, 0, 0) if before is None else _left(before)
    if row.balance_after != balance + row.points:
        yield "balance_after", f"{balance} + {row.points}", str(row.balance_after)
    parts = row.available_after + row.pending_after + row.held_after
    if parts != row.balance_after:
        yield "available + pending + held", str(row.balance_after), str(parts)
    if row.held_after < 0 or row.pending_after < 0:
        yield "held and pending", "0 or more", f"{row.held_after} and {row.pending_after}"
    sign = (row.points > 0) - (row.points < 0)
    if sign not in SIGNS.get(row.kind, (-1, 0, 1)):
        yield f"points of {row.kind}", f"sign {SIGNS[row.kind]}", str(row.points)
    if row.available_after < 0 <= available and row.kind not in INTO_DEBT:
        yield f"available after {row.kind}", "0 or more", str(row.available_after)
    if (expected := _held_allowed(row, held)) is not None:
        yield f"held after {row.kind}", expected, str(row.held_after)
    # A capture takes what is held. All else that leaves needs points that are there.
    is_capture = row.kind == "redeem" and row.held_after < held
    if row.kind in ("redeem", "hold", "transfer_out") and not is_capture and row.available_after < 0:
        yield f"available after {row.kind}", "0 or more", str(row.available_after)


def _left(row: Row) -> tuple[int, int, int]:
    return row.balance_after, row.available_after, row.held_after


def _held_allowed(row: Row, held: int) -> str | None:
    """What held should be, when it is not; None: it can be as it is."""
    if row.kind == "hold":
        return None if row.held_after > held else f"more than {held}"
    if row.kind == "release":
        return None if row.held_after < held else f"less than {held}"
    if row.kind == "redeem":
        return None if row.held_after in (held, held + row.points) else f"{held} or {held + row.points}"
    return None if row.kind in MOVES_HELD or row.held_after == held else str(held)


def _unbalanced(books: Books) -> Iterator[Finding]:
    """Both legs of transfers and merges, once each, with the same points; else the trial balance is not 0."""
    legs: dict[str, list[Row]] = {}
    for row in books.at.values():
        if row.transfer_id is not None:
            legs.setdefault(row.transfer_id, []).append(row)
        elif row.kind in ("transfer_out", "transfer_in", "merge_out", "merge_in"):
            yield Finding(ARITHMETIC, place(row.account_id, row.seq), "transfer_id", "is there", "none")
    for transfer_id, rows in legs.items():
        kinds = sorted(row.kind for row in rows)
        where = " and ".join(place(row.account_id, row.seq) for row in rows[:3])
        if kinds not in (["transfer_in", "transfer_out"], ["merge_in", "merge_out"]):
            yield Finding(ARITHMETIC, where, f"legs of {transfer_id}", "one out, one in", ", ".join(kinds))
        elif sum(row.points for row in rows) != 0 or len({row.account_id for row in rows}) == 1:
            found = ", ".join(f"{row.account_id} {row.points}" for row in rows)
            yield Finding(ARITHMETIC, where, f"legs of {transfer_id}", "two accounts, sum 0", found)
