"""Room: how many commands may be on their way at once, before more of them only make everybody wait."""

from typing import Final

SECONDS_TARGET: Final = 0.025
"""How long a command may be on its way, on average, while more come than can be carried. Fewer on their way are
answered sooner, but travel in smaller batches, of which less is carried."""
TRIPS_TARGET: Final = 2
"""The same as a multiple of the quickest trip, where that is longer: behind a slow disk or a far standby only large
batches carry much, and only many commands make large batches."""
ROOM_MIN: Final = 48
"""As many as are carried well whatever they take: a dozen in each of three lanes, and as many that wait."""
WEIGHT: Final = 0.05
"""Of the newest batch: the last fifty batches are nine tenths of what is known."""
TRIPS_REMEMBERED: Final = 500
"""The quickest trip is that of so many, or up to twice as many: some seconds."""


class Room:
    """What is carried a second, times how long it may take. (Little's law: as many are on their way then.)"""

    __slots__ = ("_before", "_carried", "_ended_at", "_now", "_seconds", "_trips", "now")

    def __init__(self) -> None:
        self.now = ROOM_MIN
        """In commands, those that wait and those that travel."""
        self._carried = 0.0
        self._seconds = 0.0
        """Commands of a batch, and seconds from the end of one to that of the next, by the last fifty or so."""
        self._ended_at: float | None = None
        self._before = self._now = float("inf")
        """The quickest trip of the last 500, and of those since, in seconds."""
        self._trips = 0

    def note(self, size: int, seconds: float, now: float) -> None:
        """A batch of this size came back now, an instant of the loop's clock, after so many seconds."""
        if self._ended_at is not None:
            self._carried += WEIGHT * (size - self._carried)
            self._seconds += WEIGHT * (now - self._ended_at - self._seconds)
        self._ended_at = now
        self._now = min(self._now, seconds)
        quickest = min(self._now, self._before)
        self._trips += 1
        if self._trips == TRIPS_REMEMBERED:
            self._before, self._now, self._trips = self._now, float("inf"), 0
        if self._seconds > 0:
            per_second = self._carried / self._seconds
            self.now = max(ROOM_MIN, int(per_second * max(SECONDS_TARGET, TRIPS_TARGET * quickest)))
