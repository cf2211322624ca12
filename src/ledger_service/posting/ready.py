"""Ready: the lines that have something to take, in the order in which they are taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from ledger_service.posting.priority import Priority

if TYPE_CHECKING:
    from ledger_service.posting.lines import Line

CUTS_PER_TURN: Final = 8
"""Every eighth cut of a program begins with another class, in turns. So each class is first in some of the batches,
however much comes that is more urgent: nothing waits for ever."""

NEXT: Final = len(Priority)
"""The level of lines that go before all classes; those of a class are on the level of its number."""


class Ready:
    """Lines by the class of the most urgent command that waits in them, and in each class in order of listing."""

    __slots__ = ("_cuts", "_levels", "_order", "_orders", "size")

    def __init__(self) -> None:
        self._levels: tuple[deque[Line], ...] = tuple(deque() for _ in range(NEXT + 1))
        """A line that became more urgent is still where it was, too; only on the level that it names it counts."""
        self._orders = tuple(
            tuple((level, self._levels[level]) for level in (NEXT, first, *(one for one in Priority if one != first)))
            for first in Priority
        )
        self._order = self._orders[0]
        self.size = 0
        """How many lines are listed."""
        self._cuts = 0

    def begin_cut(self) -> None:
        """The next lines are taken for one batch."""
        self._cuts += 1
        turn, rest = divmod(self._cuts, CUTS_PER_TURN)
        self._order = self._orders[0 if rest else turn % NEXT]

    def pop(self) -> Line:
        """The line that goes now. There must be one."""
        for number, level in self._order:
            while level:
                line = level.popleft()
                if line.listed_on == number:
                    line.listed_on = None
                    self.size -= 1
                    return line
        raise IndexError("no line is ready")

    def add(self, line: Line, priority: Priority) -> None:
        """List a line last in its class."""
        line.listed_on = priority
        self._levels[priority].append(line)
        self.size += 1

    def add_next(self, line: Line) -> None:
        """List a line before all others: what did not fit into one batch, or may still come along with it."""
        line.listed_on = NEXT
        self._levels[NEXT].appendleft(line)
        self.size += 1

    def lift(self, line: Line, priority: Priority) -> None:
        """A command came to a line that is listed."""
        if line.listed_on is not None and priority < line.listed_on < NEXT:
            line.listed_on = priority
            self._levels[priority].append(line)
