"""Check 4: every account's entries are numbered 1, 2, 3, … without gaps."""

from collections.abc import Iterator

from checker.findings import DENSE, Finding, place
from checker.history import History


def dense(history: History) -> Iterator[Finding]:
    """Gaps, a seq that is there twice, and accounts whose own seq is not their last entry's."""
    for account_id, rows in history.books.accounts.items():
        expected = 1
        for row in rows:
            if row.seq != expected:
                yield Finding(DENSE, place(account_id, row.seq), "its place", str(expected), str(row.seq))
            expected = row.seq + 1
        if account_id not in history.accounts:
            yield Finding(DENSE, account_id, "has entries", "an account", "none")
    for account_id, shown in history.accounts.items():
        newest = history.books.newest_seq(account_id)
        if shown.seq != newest:
            yield Finding(DENSE, account_id, "seq of the account", f"{newest}, its last entry's", str(shown.seq))
