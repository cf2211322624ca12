"""Silence: for a while nobody was answered. The database is away then, or its commits wait for a standby."""

from typing import Final

SECONDS: Final = 0.25
"""How long nobody has to have been answered. A database that is only slow answers somebody every few milliseconds."""


class Silence:
    """Whether there is one, and whom it held up. A failover runs in it: whoever waits through it shall be carried, so
    nobody is refused for the queue that it makes. Instants are of the loop's clock."""

    __slots__ = ("_answered_at", "_ended_at", "has_no_database")

    def __init__(self) -> None:
        self.has_no_database = False
        """What a lane met last."""
        self._answered_at = float("-inf")
        self._ended_at = float("-inf")

    def note(self, now: float) -> None:
        """Somebody was answered."""
        if self.is_there(now):
            self._ended_at = now
        self._answered_at = now

    def is_there(self, now: float) -> bool:
        return self.has_no_database or now - self._answered_at > SECONDS

    def held_up(self, entered_at: float) -> bool:
        """Whether what came at this instant met the last one, and so had to wait whatever can be carried now."""
        return entered_at <= self._ended_at
