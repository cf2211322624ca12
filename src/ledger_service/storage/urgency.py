"""Urgency: which reads go first when there are not connections for all."""

from enum import IntEnum


class Urgency(IntEnum):
    """The classes of reads, the most urgent first. In lower case they are labels of metrics."""

    BALANCE = 0
    """A till waits for it, or a command does: balances, API keys, holds and orders that are named."""
    HISTORY = 1
    """A person looks at it: entries, lots, explanations."""
    REPORT = 2
    """Nobody stands and waits for it: reports, the feed, rehearsals of rules."""

    @property
    def label(self) -> str:
        return self.name.lower()

    def places(self, size: int) -> int:
        """How many of so many connections this class may have at a time. What is slow leaves some to what is quick,
        which then waits for nobody's report to end: history all but one, reports half."""
        return max(1, (size, size - 1, size // 2)[self])
