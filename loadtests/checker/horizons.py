"""Horizons: which seq a client can have been shown at which time."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from checker.history import History, Seen

UNSEEN: Final = Seen(None, None)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What was known, and what can have been written, of one account as time goes on."""

    known_times: tuple[int, ...]
    known_seqs: tuple[int, ...]
    """The largest seq that was acknowledged or read by the time beside it."""
    began: tuple[int, ...]
    """By seq - 1: before this time it cannot have been written."""

    def least(self, before_ns: int) -> int:
        """Whoever asks at this time is shown this seq or a later one."""
        index = bisect_left(self.known_times, before_ns)
        return self.known_seqs[index - 1] if index else 0

    def began_ns(self, seq: int) -> int:
        """The time before which nobody can be shown this seq."""
        return self.began[min(seq, len(self.began)) - 1] if seq > 0 and self.began else -1


def horizons(history: History) -> dict[str, Horizon]:
    """For every account with entries. What a primary answered to a read was known from then on, too."""
    known: dict[str, list[tuple[int, int]]] = {}
    for (account_id, seq), seen in history.seen.items():
        if seen.known_ns is not None:
            known.setdefault(account_id, []).append((seen.known_ns, seq))
    for read in history.reads:
        if read.read_source == "primary" and read.complete_ns is not None and read.body is not None:
            known.setdefault(read.body["account_id"], []).append((read.complete_ns, read.body["seq"]))
    return {
        account_id: _horizon(
            known.get(account_id, ()),
            [history.seen.get((account_id, row.seq), UNSEEN).began_ns for row in rows],
        )
        for account_id, rows in history.books.accounts.items()
    }


def _horizon(known: Iterable[tuple[int, int]], began: Iterable[int | None]) -> Horizon:
    times, seqs, largest = [], [], 0
    for time, seq in sorted(known):
        largest = max(largest, seq)
        times.append(time)
        seqs.append(largest)
    latest, prefix = -1, []
    for began_ns in began:
        latest = max(latest, -1 if began_ns is None else began_ns)
        prefix.append(latest)
    return Horizon(tuple(times), tuple(seqs), tuple(prefix))
