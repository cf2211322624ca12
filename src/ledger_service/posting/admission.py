"""Admission: whether what comes now can be carried in time, judged by how long it would wait."""

from dataclasses import dataclass
from typing import Final

from ledger_service.posting.room import Room

SHARE_MIN: Final = 8
"""Commands of a program that may wait although others fill the room: whoever has so few waiting is not the flood."""
STANDING_SECONDS: Final = 0.1
"""How long a queue has to stand before it counts as one that does not go away by itself. A burst, or a bulk, is gone by
then."""
WAIT_SECONDS_TARGET: Final = 0.02
"""The longest anybody waits in a queue that does not stand: about four trips to the database."""
WAIT_SHARE_MAX: Final = 0.5
"""Part of the time until its deadline that a command may wait. The other half is for the trip, for a second one after a
conflict, and for the way to the caller."""
WEIGHT: Final = 0.2
"""Of the newest batch in the estimate: the last ten batches, some 50 ms, are nine tenths of it."""


TRIP_SECONDS_TARGET: Final = 0.05
"""How long a trip may take before batches are made smaller. Whoever comes during a trip waits for its end, and travels
after it: a caller sees two of them."""
BATCH_SIZE_SMALL: Final = 32
"""Batches up to this size tell how long a trip takes whatever it carries, and none is made smaller."""
PORTION_MIN: Final = 24
"""So few commands travel together whatever the other lanes have: two trips of half as many cost more than they save."""
PORTIONS_MAX: Final = 3
"""What is under way is divided into no more parts than keep process and database busy. Lanes beyond these are for many
programs at once, which travel apart."""
LANES_FOR_LITTLE: Final = 2
"""So many lanes leave with whatever waits, further ones with no less than `PORTION_MIN`: a third trip for a few costs
more than it saves them."""


class BatchSize:
    """How many commands travel together, at most: as many as are carried within a time that callers do not mind.

    A database that is slow, or shares its machine, takes long for a large batch; all who come meanwhile gather to the
    next one, so that all batches become as large as they may be. Then throughput is hardly better than with half
    of them, and everybody's wait is that of the full ones. Where it is not the size that makes trips long (a slow disk,
    a far standby), smaller batches would only carry less: a trip may always take twice as long as a small one does.
    """

    __slots__ = ("_portions", "_size_max", "now", "small_seconds")

    def __init__(self, size_max: int, lanes: int = 1) -> None:
        self._size_max = size_max
        self._portions = min(lanes, PORTIONS_MAX)
        self.now = size_max
        self.small_seconds = 0.0
        """How long trips of small batches take, by the last ten or so."""

    def note(self, size: int, seconds: float) -> None:
        """A batch of this size was carried and took so long. One that was too slow makes the next as large as would
        have been in time, but not less than half; one that was full and in time makes it a tenth larger."""
        if size <= BATCH_SIZE_SMALL:
            self.small_seconds += (WEIGHT if self.small_seconds else 1) * (seconds - self.small_seconds)
        target = max(TRIP_SECONDS_TARGET, 2 * self.small_seconds)
        if seconds > target and size > BATCH_SIZE_SMALL:
            in_time = max(int(size * target / seconds), size // 2, BATCH_SIZE_SMALL)
            self.now = min(self.now, in_time)
        elif size >= self.now:
            self.now = min(self._size_max, self.now + 1 + self.now // 10)

    def portion(self, under_way: int) -> int:
        """After how many commands a batch takes no further account, when so many wait or travel: what is a lane's.

        Else the lane that comes back when most have just been answered leaves with all that wait, and the others with
        what trickles in. Then most wait for the database together, the process has nothing to do meanwhile, and they
        stay together, since they come back together.
        """
        return min(self.now, max(PORTION_MIN, -(-under_way // self._portions)))


class Pace:
    """How fast batches leave while some wait.

    Counted in batches and not in commands per second: when little comes, these tell what came and not what could be
    carried, and the first burst would be refused.
    """

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0
        """Between one batch and the next; 0 as long as none was carried."""

    def note(self, batch_seconds: float, running: int) -> None:
        """A batch was carried and took so long, when so many were on their way, itself included."""
        sample = batch_seconds / running
        self.seconds = sample if self.seconds == 0 else self.seconds + WEIGHT * (sample - self.seconds)


@dataclass(slots=True)
class Standing:
    """Whether the queue of a program stands: every batch of the last 100 ms left something behind, and carried somebody
    who had waited longer than 20 ms. (CoDel: the least delay within an interval tells a bad queue from a burst.)"""

    since: float | None = None
    """When the first of these batches was cut, an instant of the loop's clock."""
    pressed_until: float = 0.0
    """Until when it counts as standing because there were more than it takes. Refusing them is what made it short: it
    would be flooded anew whenever it was."""

    def note(self, now: float, waited: float, left_behind: int) -> None:
        """A batch was cut, of which somebody had waited so many seconds."""
        if waited <= WAIT_SECONDS_TARGET or not left_behind:
            self.since = None
        elif self.since is None:
            self.since = now

    def is_there(self, now: float) -> bool:
        return now < self.pressed_until or (self.since is not None and now - self.since >= STANDING_SECONDS)

    def press(self, now: float) -> None:
        """Somebody came who was one too many."""
        self.pressed_until = now + STANDING_SECONDS


class Admission:
    """The judgement on whatever comes while something waits. (Whoever finds nobody waiting is always let in: it is from
    the batches carried that we know how fast they go.)"""

    def __init__(self, batch_size_max: int, lanes: int = 1) -> None:
        self.pace = Pace()
        self.batch_size = BatchSize(batch_size_max, lanes)
        self.room = Room()

    def note(self, size: int, seconds: float, running: int, now: float) -> None:
        """A batch of this size was carried and took so long until now, when so many were on their way, itself
        included."""
        self.pace.note(seconds, running)
        self.batch_size.note(size, seconds)
        self.room.note(size, seconds, now)

    def wait_seconds(self, ahead: int, turns: int, running: int = 0) -> float:
        """How long a command waits for its batch to be cut, by estimate: `ahead` commands of its own program go before
        it, `turns` programs take turns, its own included, and `running` commands are on their trips."""
        portion = self.batch_size.portion(ahead + 1 + running)
        return (1 + ahead // portion) * turns * self.pace.seconds

    def objection(
        self, ahead: int, turns: int, running: int, now: float, deadline: float, standing: Standing | None
    ) -> str | None:
        """Why the command shall not wait, as a label of the metric; None when it may. `running` commands are on their
        trips. `standing` is None when the queue counts as one that does not stand.

        What there is room for is not refused for a queue that stands: lanes that leave with less than they can carry
        well would make it longer.
        """
        if self.wait_seconds(ahead, turns, running) > (deadline - now) * WAIT_SHARE_MAX:
            return "wait"
        if ahead < max(2 * self.room.now - running, SHARE_MIN):
            return None
        if standing is not None and standing.is_there(now):
            standing.press(now)
            return "standing"
        return None
