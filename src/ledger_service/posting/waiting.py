"""Waiting: how much of one program waits, by class, and who came last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger_service.posting.priority import Priority, priority_of

if TYPE_CHECKING:
    from ledger_service.posting.batch import Ticket

GONE_MAX: Final = 256
"""Tickets of a class that are remembered although they wait no longer. Forgetting them now and then, all at once, costs
a tenth of striking each off a list."""


class Waiting:
    """The tickets of one program that wait, by class. Sizes are in commands."""

    __slots__ = ("_arrived", "_sizes", "size")

    def __init__(self) -> None:
        self._arrived: tuple[list[Ticket], ...] = tuple([] for _ in Priority)
        """Who came, in order of arrival. Some have gone since, and some stand here twice, after a trip."""
        self._sizes = [0] * len(Priority)
        self.size = 0

    def enter(self, ticket: Ticket, priority: Priority) -> None:
        size = ticket.size
        self.size += size
        self._sizes[priority] += size
        arrived = self._arrived[priority]
        arrived.append(ticket)
        if len(arrived) > self._sizes[priority] * 2 + GONE_MAX:
            self._forget(priority)

    def leave(self, ticket: Ticket) -> None:
        priority = priority_of(ticket.command)
        self.size -= ticket.size
        self._sizes[priority] -= ticket.size
        if not self._sizes[priority]:
            self._arrived[priority].clear()

    def come_back(self, ticket: Ticket) -> None:
        """It waits again after a trip, and came before all others that wait."""
        priority = priority_of(ticket.command)
        self.size += ticket.size
        self._sizes[priority] += ticket.size
        arrived = self._arrived[priority]
        arrived.insert(0, ticket)
        if len(arrived) > self._sizes[priority] * 2 + GONE_MAX:
            self._forget(priority)

    def ahead(self, priority: Priority) -> int:
        """Commands that go before one of this class that comes now."""
        return sum(self._sizes[: priority + 1])

    def newest(self, below: Priority | None = None) -> Ticket | None:
        """Who came last of the least urgent that wait; None when nobody is less urgent than `below`."""
        for priority in reversed(Priority):
            if priority == below:
                return None
            arrived = self._arrived[priority]
            while arrived:
                if arrived[-1].is_waiting:
                    return arrived[-1]
                arrived.pop()
        return None

    def _forget(self, priority: Priority) -> None:
        """Forget who has gone, and who stands here a second time."""
        self._arrived[priority][:] = dict.fromkeys(one for one in self._arrived[priority] if one.is_waiting)
