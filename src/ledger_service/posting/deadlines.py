"""Deadlines: who has to be told that time is up."""

import asyncio
from collections.abc import Callable, Iterator

from ledger_service.posting.batch import Ticket

TICKS_PER_SECOND = 100
"""Deadlines within the same 10 ms share one timer and are called at the end of these. Under load that is a set
operation per command instead of a timer made and cancelled, five times the cost; an idle process has no timer at
all, which a sweep would have. Callers allow 250 ms."""


class Deadlines:
    """Calls every ticket whose deadline has passed and that was not answered, at most 10 ms late, never early."""

    def __init__(self, on_late: Callable[[Ticket], None]) -> None:
        self._on_late = on_late
        self._watched: dict[int, set[Ticket]] = {}

    def watchers(self, deadline: float) -> set[Ticket]:
        """The set of those to be called at this instant: join it to be called, leave it when answered."""
        tick = int(deadline * TICKS_PER_SECOND) + 1
        watchers = self._watched.get(tick)
        if watchers is None:
            watchers = self._watched[tick] = set()
            asyncio.get_running_loop().call_at(tick / TICKS_PER_SECOND, self._call, tick)
        return watchers

    def unanswered(self) -> Iterator[Ticket]:
        """All that nobody has answered yet."""
        return (ticket for watchers in self._watched.values() for ticket in watchers)

    def _call(self, tick: int) -> None:
        for ticket in tuple(self._watched.pop(tick)):
            self._on_late(ticket)
