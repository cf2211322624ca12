"""The queue: where commands wait for a lane, bounded, in turns of one program each, the urgent first."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from ledger_service.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded, ShuttingDown
from ledger_service.ledger.commands import Command, Together
from ledger_service.ledger.outcomes import Outcome
from ledger_service.metrics import CONCURRENCY_LIMIT, QUEUE_WAIT_ESTIMATE, SHED
from ledger_service.posting import pauses
from ledger_service.posting.admission import LANES_FOR_LITTLE, PORTION_MIN, Admission
from ledger_service.posting.batch import Batch, Ticket
from ledger_service.posting.deadlines import Deadlines
from ledger_service.posting.lines import Line, Lines
from ledger_service.posting.priority import Priority, priority_of
from ledger_service.posting.silence import Silence

PRESSED_SECONDS = 5.0
"""How long after a refusal the room is told with every answer. A proxy that keeps to it leaves us nobody to refuse, and
has to know how the room changes."""

_REASONS = ("queue_full", "deadline", "wait", "standing", "displaced")
_PRESSING = frozenset({"queue_full", "standing"})
"""Reasons that say that more comes than is carried, and not that one caller has little time."""
_shed = {(reason, priority): SHED.labels(reason, priority.label) for reason in _REASONS for priority in Priority}


class Queue:
    """Commands that wait, those that run, and the lanes that sleep until there is something to take."""

    def __init__(self, size_max: int, batch_size_max: int, lanes: int = 1) -> None:
        self._size_max = size_max
        self._admission = Admission(batch_size_max, lanes)
        self._programs: dict[int, Lines] = {}
        self._occupied: dict[int, Lines] = {}
        """Programs of which something waits."""
        self._turns: deque[Lines] = deque()
        """Programs with something to take, in the order of their turns."""
        self._deadlines = Deadlines(self.expire)
        self._sleepers: deque[asyncio.Future[None]] = deque()
        """Lanes with nothing to do."""
        self._is_waking = False
        """A lane was woken and has not looked yet: it takes what comes until then, too."""
        self._is_closed = False
        self._entered = 0
        self._running: dict[Batch, float] = {}
        """Batches on their way, and when they were cut."""
        self.silence = Silence()
        self.waiting = 0
        """Commands that wait, those of a `Together` one each."""
        self._travelling = 0
        """Commands on their trips."""
        self._departure: asyncio.Future[None] | None = None
        """Somebody waits for the next batch to leave."""
        self._is_pressed_until: float | None = None
        """Until when callers are asked for less, an instant of the loop's clock; None: they are not."""

    def enter(self, program_id: int, command: Command, deadline: float) -> Ticket:
        """Wait for a lane. Raises Overloaded: it would wait for too long, too many wait, or the deadline has passed."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        priority = priority_of(command)
        if deadline <= now:
            _shed["deadline", priority].inc()
            raise Overloaded("the deadline had passed when the command came")
        size = len(command.commands) if isinstance(command, Together) else 1
        lines = self._programs.get(program_id)
        if lines is None:
            lines = self._programs[program_id] = Lines(program_id)
        if self.waiting:
            self._admit(lines, priority, size, now, deadline)
        self._entered += 1
        watchers = self._deadlines.watchers(deadline)
        answer: asyncio.Future[Outcome] = loop.create_future()
        ticket = Ticket(self._entered, program_id, command, size, deadline, now, answer, watchers)
        watchers.add(ticket)
        lines.enter(ticket)
        self._occupied[program_id] = lines
        self.waiting += size
        self._give_turn(lines)
        return ticket

    def _admit(self, lines: Lines, priority: Priority, size: int, now: float, deadline: float) -> None:
        """Raises Overloaded unless there is time for the command, and room, for which another may have to go."""
        ahead = lines.waiting.ahead(priority)
        turns = len(self._turns) + (not lines.has_turn)
        # While a lane sleeps, or is just waking, refusing would leave it without work.
        # Nobody is too slow while a failover runs: whoever waits through it shall be carried.
        is_calm = self._sleepers or self._is_waking or self.silence.is_there(now)
        standing = None if is_calm else lines.standing
        objection = self._admission.objection(ahead, turns, self._travelling, now, deadline, standing)
        if objection is None and self.waiting >= self._size_max:
            out = self._displaceable(lines, priority)
            if out is None or out.size < size:
                objection = "queue_full"
            else:
                self._displace(out)
        if objection is not None:
            if objection in _PRESSING:
                self._is_pressed_until = now + PRESSED_SECONDS
            _shed[objection, priority].inc()
            raise Overloaded(f"{objection}: {ahead} commands would go before it, {self.waiting} are waiting")

    def _displaceable(self, lines: Lines, priority: Priority) -> Ticket | None:
        """Who has to go from a full queue for a command of this program and class, if anybody: of a program that has
        less than its share waiting, for it, the newest of the program that has most; else its own program's newest that
        is less urgent."""
        programs = len(self._occupied) + (lines.program_id not in self._occupied)
        if lines.waiting.size * programs < self._size_max:
            return max(self._occupied.values(), key=lambda one: one.waiting.size).waiting.newest()
        return lines.waiting.newest(below=priority)

    def _displace(self, ticket: Ticket) -> None:
        _shed["displaced", priority_of(ticket.command)].inc()
        # It may have been on a trip whose end nobody knows: it says itself what is true.
        ticket.fail(ticket.late_failure("others had to go first"))
        self._drop(ticket)

    async def take(self) -> Batch | None:
        """The next batch, as soon as there is one; None when the queue is closed and all is done."""
        while True:
            # Nothing may be awaited between this look and the sleep: what comes in between would wake nobody.
            batch = self._cut()
            if batch is not None:
                self._wake_one()
                return batch
            if self._is_done():
                return None
            sleeper = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            await sleeper
            self._is_waking = False

    def _cut(self) -> Batch | None:
        while self._turns and self._is_worth_a_trip():
            lines = self._turns.popleft()
            lines.has_turn = False
            batch_size = self._admission.batch_size
            batch = lines.cut(batch_size.now, batch_size.portion(self.waiting + self._travelling))
            if lines.has_ready:
                lines.has_turn = True
                self._turns.append(lines)
            if batch.tickets:
                self._leave(lines, batch)
                return batch
        return None

    def _leave(self, lines: Lines, batch: Batch) -> None:
        now = asyncio.get_running_loop().time()
        self.waiting -= batch.size
        self._travelling += batch.size
        self._running[batch] = now
        if not lines.waiting.size:
            del self._occupied[lines.program_id]
        left_behind = lines.left_behind(self._admission.batch_size.now - batch.size)
        waited = 0.0
        if left_behind and not self.silence.is_there(now):
            since = min(ticket.entered_at for ticket in batch.tickets)
            waited = 0.0 if self.silence.held_up(since) else now - since
        lines.standing.note(now, waited, left_behind)
        if self._departure is not None:
            _wake(self._departure)
            self._departure = None

    def departure(self) -> asyncio.Future[None]:
        """Done when the next batch leaves, of whatever program. Everybody's, so nobody's to cancel."""
        if self._departure is None:
            self._departure = asyncio.get_running_loop().create_future()
        return self._departure

    def has_full_batch(self, program_id: int) -> bool:
        """Whether as much of a program waits as travels together: whoever can wait had better not join it."""
        lines = self._programs.get(program_id)
        return lines is not None and lines.waiting.size >= self._admission.batch_size.now

    def room_asked_for(self) -> int | None:
        """How many commands whoever sends them should have on their way at most, when somebody was refused just now;
        None: as many as come. A proxy that keeps to it spares us those that we would refuse."""
        if self._is_pressed_until is None:
            return None
        if self._is_pressed_until <= asyncio.get_running_loop().time():
            self._is_pressed_until = None
            return None
        return self._admission.room.now

    def release(self, batch: Batch, again: Sequence[Ticket]) -> None:
        """The batch is done, but for those that go again. Accounts that keep moving under us rest for a moment."""
        lines = self._programs[batch.program_id]
        going = sorted([ticket for ticket in again if not ticket.is_late], key=lambda ticket: ticket.number)
        if going:
            lines.put_back(going)
            self._occupied[batch.program_id] = lines
            self.waiting += sum(ticket.size for ticket in going)
        if any(ticket.answer.done() and not ticket.is_late for ticket in batch.tickets):
            # A trip that answers nobody tells how long we stand back, not how fast we are.
            now = asyncio.get_running_loop().time()
            self.silence.note(now)
            self._admission.note(batch.size, now - self._running[batch], len(self._running), now)
        del self._running[batch]
        self._travelling -= batch.size
        resting = {line: None for ticket in going if ticket.travels_alone for line in ticket.lines}
        if resting:
            is_locked_out = any(ticket.is_locked_out for ticket in going)
            seconds = pauses.after_lock() if is_locked_out else pauses.after_conflict()
            asyncio.get_running_loop().call_later(seconds, self._let_go, lines, resting)
        self._let_go(lines, [line for line in batch.lines if line not in resting])
        self._wake_all_if_done()
        QUEUE_WAIT_ESTIMATE.set(self._wait_seconds(lines))
        CONCURRENCY_LIMIT.set(self._admission.room.now)

    def expire(self, ticket: Ticket) -> None:
        """Tell the caller that time is up. A command that waits is not carried out any more."""
        _shed["deadline", priority_of(ticket.command)].inc()
        if self.silence.has_no_database and ticket.late_failure is Overloaded:
            ticket.late_failure = DatabaseUnavailable
        ticket.expire()
        if ticket.is_waiting:
            self._drop(ticket)

    def _drop(self, ticket: Ticket) -> None:
        lines = self._programs[ticket.program_id]
        lines.drop(ticket)
        self.waiting -= ticket.size
        if not lines.waiting.size:
            del self._occupied[lines.program_id]
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

    def _wait_seconds(self, lines: Lines) -> float:
        """An estimate of how long the least urgent command of this program would wait if it came now."""
        if not self.waiting:
            return 0.0
        return self._admission.wait_seconds(
            lines.waiting.size, len(self._turns) + (not lines.has_turn), self._travelling
        )

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
        if self._turns and self._sleepers and not self._is_waking and self._is_worth_a_trip():
            self._is_waking = True
            _wake(self._sleepers.popleft())

    def _is_worth_a_trip(self) -> bool:
        return len(self._running) < LANES_FOR_LITTLE or self.waiting >= PORTION_MIN

    def _wake_all_if_done(self) -> None:
        if self._is_done():
            while self._sleepers:
                _wake(self._sleepers.popleft())

    def _is_done(self) -> bool:
        return self._is_closed and not self.waiting and not self._running


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
