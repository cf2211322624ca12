"""The queue: where commands wait for a lane, bounded, in turns of one program each."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from ledger_service.errors import OutcomeUnknown, Overloaded, ShuttingDown
from ledger_service.ledger.commands import Command, Together
from ledger_service.ledger.outcomes import Outcome
from ledger_service.metrics import SHED
from ledger_service.posting import pauses
from ledger_service.posting.batch import Batch, Ticket
from ledger_service.posting.deadlines import Deadlines
from ledger_service.posting.lines import Line, Lines

_shed_full = SHED.labels("queue_full", "write")
_shed_late = SHED.labels("deadline", "write")


class Queue:
    """Commands that wait, those that run, and the lanes that sleep until there is something to take."""

    def __init__(self, size_max: int, batch_size_max: int) -> None:
        self._size_max = size_max
        self._batch_size_max = batch_size_max
        self._programs: dict[int, Lines] = {}
        self._turns: deque[Lines] = deque()
        """Programs with something to take, in the order of their turns."""
        self._deadlines = Deadlines(self.expire)
        self._sleepers: deque[asyncio.Future[None]] = deque()
        """Lanes with nothing to do."""
        self._is_waking = False
        """A lane was woken and has not looked yet: it takes what comes until then, too."""
        self._is_closed = False
        self._entered = 0
        self._running = 0
        self.waiting = 0
        """Commands that wait, those of a `Together` one each."""

    def enter(self, program_id: int, command: Command, deadline: float) -> Ticket:
        """Wait for a lane. Raises Overloaded: more waits than may, or the deadline has passed."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self.waiting >= self._size_max:
            _shed_full.inc()
            raise Overloaded(f"{self.waiting} commands are waiting")
        if deadline <= now:
            _shed_late.inc()
            raise Overloaded("the deadline had passed when the command came")
        self._entered += 1
        size = len(command.commands) if isinstance(command, Together) else 1
        watchers = self._deadlines.watchers(deadline)
        answer: asyncio.Future[Outcome] = loop.create_future()
        ticket = Ticket(self._entered, program_id, command, size, deadline, now, answer, watchers)
        watchers.add(ticket)
        lines = self._programs.get(program_id)
        if lines is None:
            lines = self._programs[program_id] = Lines(program_id)
        lines.enter(ticket)
        self.waiting += size
        self._give_turn(lines)
        return ticket

    async def take(self) -> Batch | None:
        """The next batch, as soon as there is one; None when the queue is closed and all is done."""
        while True:
            # Nothing may be awaited between this look and the sleep: what comes in between would wake nobody.
            batch = self._cut()
            if batch is not None:
                self._running += 1
                self._wake_one()
                return batch
            if self._is_done():
                return None
            sleeper = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            await sleeper
            self._is_waking = False

    def _cut(self) -> Batch | None:
        while self._turns:
            lines = self._turns.popleft()
            lines.has_turn = False
            batch = lines.cut(self._batch_size_max)
            if lines.has_ready:
                lines.has_turn = True
                self._turns.append(lines)
            if batch.tickets:
                self.waiting -= batch.size
                return batch
        return None

    def release(self, batch: Batch, again: Sequence[Ticket]) -> None:
        """The batch is done, but for those that go again. Accounts that keep moving under us rest for a moment."""
        lines = self._programs[batch.program_id]
        going = sorted((ticket for ticket in again if not ticket.is_late), key=lambda ticket: ticket.number)
        lines.put_back(going)
        self.waiting += sum(ticket.size for ticket in going)
        resting = {line: None for ticket in going if ticket.travels_alone for line in ticket.lines}
        if resting:
            asyncio.get_running_loop().call_later(pauses.after_conflict(), self._let_go, lines, resting)
        self._running -= 1
        self._let_go(lines, [line for line in batch.lines if line not in resting])
        self._wake_all_if_done()

    def expire(self, ticket: Ticket) -> None:
        """Tell the caller that time is up. A command that waits is not carried out any more."""
        _shed_late.inc()
        ticket.expire()
        if ticket.is_waiting:
            lines = self._programs[ticket.program_id]
            lines.drop(ticket)
            self.waiting -= ticket.size
            self._give_turn(lines)
            self._wake_all_if_done()

    def close(self) -> None:
        """Nothing more comes: when all that waits and runs is done, the lanes are sent home."""
        self._is_closed = True
        self._wake_all_if_done()

    def abandon(self) -> None:
        """Nobody will carry anything any more: tell everyone so."""
        for ticket in tuple(self._deadlines.unanswered()):
            lost = ticket.late_failure is OutcomeUnknown
            ticket.fail(OutcomeUnknown("posting broke down") if lost else ShuttingDown("posting broke down"))

    def _let_go(self, lines: Lines, held: Iterable[Line]) -> None:
        lines.release(held)
        self._give_turn(lines)

    def _give_turn(self, lines: Lines) -> None:
        """Note that the program has something to take."""
        if lines.has_ready and not lines.has_turn:
            lines.has_turn = True
            self._turns.append(lines)
        self._wake_one()

    def _wake_one(self) -> None:
        """Wake a lane. One at a time: it takes all that comes until it looks, and wakes the next if there is more."""
        if self._turns and self._sleepers and not self._is_waking:
            self._is_waking = True
            _wake(self._sleepers.popleft())

    def _wake_all_if_done(self) -> None:
        if self._is_done():
            while self._sleepers:
                _wake(self._sleepers.popleft())

    def _is_done(self) -> bool:
        return self._is_closed and not self.waiting and not self._running


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
