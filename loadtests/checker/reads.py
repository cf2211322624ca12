"""Check 7: a balance is that of its seq, not older than what was known, not newer than what was asked for."""

from collections.abc import Iterator, Mapping

from checker.attempts import Attempt
from checker.books import Shown, differences, shown_of
from checker.findings import READS, Finding
from checker.history import History
from checker.horizons import Horizon, horizons


def reads(history: History) -> Iterator[Finding]:
    """Balances that cannot have been read when they were."""
    at = horizons(history)
    latest: dict[tuple[str, str, str], tuple[int, int]] = {}
    for read in history.reads:
        if read.body is None:
            continue
        shown = shown_of(read.body)
        yield from _wrong_value(read, shown, history)
        yield from _wrong_time(read, shown, at)
        if read.session is None or read.complete_ns is None:
            continue
        reader = (read.session, read.read_source, shown.account_id)
        completed_ns, seq = latest.get(reader, (-1, 0))
        if completed_ns < read.invoke_ns and shown.seq < seq:
            yield Finding(READS, read.where, "goes back in its session", f"seq {seq} or later", f"seq {shown.seq}")
        if shown.seq >= seq:
            latest[reader] = (read.complete_ns, shown.seq)


def _wrong_value(read: Attempt, shown: Shown, history: History) -> Iterator[Finding]:
    after = history.books.after(shown.account_id, shown.seq)
    if shown.account_id != read.account:
        yield Finding(READS, read.where, "the account", str(read.account), shown.account_id)
    if after is None:
        yield Finding(READS, read.where, f"shows seq {shown.seq}", "an entry of the books", "there is none")
        return
    for what in differences(after, shown, history.books.has_dated_points):
        yield Finding(READS, read.where, f"at seq {shown.seq}: {what}", str(after), str(shown))


def _wrong_time(read: Attempt, shown: Shown, at: Mapping[str, Horizon]) -> Iterator[Finding]:
    if read.min_seq is not None and shown.seq < read.min_seq:
        yield Finding(READS, read.where, "asked for min_seq", f"seq {read.min_seq} or later", f"seq {shown.seq}")
    horizon = at.get(shown.account_id)
    if horizon is None:
        return
    # A replica may be behind, and says that it is one. It cannot be ahead.
    if read.read_source == "primary" and shown.seq < (least := horizon.least(read.invoke_ns)):
        yield Finding(READS, read.where, "is stale", f"seq {least} or later", f"seq {shown.seq}")
    if read.complete_ns is not None and horizon.began_ns(shown.seq) > read.complete_ns:
        began_ns = horizon.began_ns(shown.seq)
        yield Finding(READS, read.where, f"shows seq {shown.seq}", f"asked for at {began_ns} ns", "shown before that")
