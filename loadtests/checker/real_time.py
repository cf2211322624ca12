"""Check 6: what was acknowledged before something else was asked for stands before it."""

from collections.abc import Iterator

from checker.findings import REAL_TIME, Finding, place
from checker.history import History


def real_time(history: History) -> Iterator[Finding]:
    """Walk each account by seq with the latest time at which an entry so far was asked for."""
    for account_id, rows in history.books.accounts.items():
        latest_began = latest_seq = -1
        for row in rows:
            seen = history.seen.get((account_id, row.seq))
            if seen is None:
                continue
            if seen.known_ns is not None and seen.known_ns < latest_began:
                yield Finding(
                    REAL_TIME,
                    place(account_id, row.seq),
                    f"was acknowledged at {seen.known_ns} ns, before seq {latest_seq} was asked for",
                    f"a place before seq {latest_seq}, asked for at {latest_began} ns",
                    f"seq {row.seq}",
                )
            if seen.began_ns is not None and seen.began_ns > latest_began:
                latest_began, latest_seq = seen.began_ns, row.seq
