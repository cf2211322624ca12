"""Lines: where the commands of one program wait, those of an account behind each other."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from ledger_service.posting.admission import Standing
from ledger_service.posting.batch import Batch
from ledger_service.posting.priority import Priority, priority_of
from ledger_service.posting.ready import Ready
from ledger_service.posting.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ledger_service.posting.batch import Ticket


class Line:
    """The commands that wait for one account, in order of arrival."""

    __slots__ = ("account_id", "held_by", "listed_on", "tickets")

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        # Ordered, so that a late command leaves from the middle at once; a plain dict gets slow at its front.
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()
        self.held_by: Batch | None = None
        """The running batch that the account is in."""
        self.listed_on: int | None = None
        """Its level in `Ready`, if it is there."""

    def first(self) -> Ticket | None:
        for ticket in self.tickets:
            return ticket
        return None

    def priority(self) -> Priority:
        """The class of the most urgent that waits here: what stands before it has to go first, so it is as urgent."""
        return min([priority_of(ticket.command) for ticket in self.tickets])


class Lines:
    """The lines of one program.

    A command with several accounts stands in the line of each and travels when it is first in all of them and no
    other batch holds any. It enters all its lines at once, so every line is in order of arrival, and what goes back
    goes back before all that came later. Hence the oldest command of a program is first in all its lines: nothing
    but running batches and more urgent lines can hold it up. Batches end, and every eighth cut takes the least urgent
    first. That is why nothing here waits in a circle, or for ever.
    """

    def __init__(self, program_id: int) -> None:
        self.program_id = program_id
        self.has_turn = False
        """The queue has noted that there is something to take."""
        self._lines: dict[str, Line] = {}
        self._ready = Ready()
        """Lines whose first command could travel when they were listed; it is asked again when they are taken."""
        self.waiting = Waiting()
        self.standing = Standing()

    def __len__(self) -> int:
        """Accounts with something waiting or running."""
        return len(self._lines)

    @property
    def has_ready(self) -> bool:
        return self._ready.size > 0

    def left_behind(self, room: int) -> int:
        """Commands that had to stay, had the batch just cut taken so many more: the others are any lane's to take."""
        return self.waiting.size - min(self._ready.size, max(room, 0))

    def enter(self, ticket: Ticket) -> None:
        """Stand last in the line of each of its accounts."""
        account_ids = ticket.command.account_ids
        if len(account_ids) > 1:
            # Each once, also of a command that names an account twice: to undo a merge that never was, say.
            account_ids = tuple(dict.fromkeys(account_ids))
        ticket.lines = tuple([self._enter(ticket, account_id) for account_id in account_ids])
        ticket.is_waiting = True
        priority = priority_of(ticket.command)
        self.waiting.enter(ticket, priority)
        for line in ticket.lines:
            if line.listed_on is not None:
                self._ready.lift(line, priority)
        if ticket.lines[0].first() is ticket:
            self._list(ticket.lines[0])

    def _enter(self, ticket: Ticket, account_id: str) -> Line:
        line = self._lines.get(account_id)
        if line is None:
            line = self._lines[account_id] = Line(account_id)
        line.tickets[ticket] = None
        return line

    def cut(self, size_max: int, portion: int | None = None) -> Batch:
        """Take what is ready, the most urgent lines first and from their front, and hold their accounts until they are
        released.

        No further account once there are `portion` commands, if that is given. What waits for one account goes together
        all the same: nobody else can take it meanwhile.

        The batch is empty when nothing that was listed can travel any longer.
        """
        batch = Batch(self.program_id)
        is_open = True
        portion = min(portion or size_max, size_max)
        self._ready.begin_cut()
        while is_open and self._ready.size and batch.size < portion:
            line = self._ready.pop()
            is_open = self._take_from(line, batch, size_max)
            if not line.tickets:
                self._list(line)
        return batch

    def _take_from(self, line: Line, batch: Batch, size_max: int) -> bool:
        """Take what can travel of one line; answer whether the batch takes from further lines."""
        while (ticket := line.first()) is not None and _may_travel(ticket, line, batch):
            if not batch.admits(ticket, size_max):
                if line.held_by is None:
                    self._ready.add_next(line)
                return False
            for own in ticket.lines:
                del own.tickets[ticket]
                # What stood behind it in its other lines may come along: many transfers from one hot account.
                if own is not line and own.tickets and own.listed_on is None:
                    self._ready.add_next(own)
            ticket.is_waiting = False
            self.waiting.leave(ticket)
            batch.take(ticket)
        return not batch.is_alone

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Stand at the front of their lines again, in this order. Their batch still holds the lines."""
        for ticket in reversed(tickets):
            ticket.is_waiting = True
            self.waiting.come_back(ticket)
            for line in ticket.lines:
                line.tickets[ticket] = None
                line.tickets.move_to_end(ticket, last=False)

    def release(self, lines: Iterable[Line]) -> None:
        """No batch holds these lines any longer."""
        released = list(lines)
        for line in released:
            line.held_by = None
        for line in released:
            self._list(line)

    def drop(self, ticket: Ticket) -> None:
        """Leave all lines, wherever in them it stands."""
        ticket.is_waiting = False
        self.waiting.leave(ticket)
        for line in ticket.lines:
            del line.tickets[ticket]
        for line in ticket.lines:
            self._list(line)

    def _list(self, line: Line) -> None:
        """Note the line if its first command can travel, forget it if there is nothing in it.

        To be asked of a line whenever it was let go, or has another first command without being held.
        """
        if line.held_by is not None or line.listed_on is not None:
            return
        ticket = line.first()
        if ticket is None:
            self._lines.pop(line.account_id, None)
        elif _may_travel(ticket, line, None):
            self._ready.add(line, line.priority())


def _may_travel(ticket: Ticket, first_in: Line, batch: Batch | None) -> bool:
    """Whether it is first in all its lines, as it is in this one, and no batch but this one holds them."""
    for line in ticket.lines:
        if (line.held_by is not None and line.held_by is not batch) or (
            line is not first_in and line.first() is not ticket
        ):
            return False
    return True
