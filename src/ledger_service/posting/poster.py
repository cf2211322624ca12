"""The poster: takes commands, one at a time from many callers, and brings back what each came to."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ledger_service.errors import DatabaseUnavailable, ShuttingDown
from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.outcomes import Outcome
from ledger_service.metrics import QUEUE_LENGTH, SHED
from ledger_service.posting.batch import Ticket
from ledger_service.posting.breaker import Breaker
from ledger_service.posting.journal import Journal
from ledger_service.posting.lane import Lane
from ledger_service.posting.queue import Queue

_shed_breaker = SHED.labels("breaker", "write")
_shed_draining = SHED.labels("draining", "write")


@dataclass(frozen=True, slots=True)
class PostingLimits:
    """How much waits, travels and runs at most. What grows with each is told in `settings.py`."""

    lanes: int = 3
    queue_size_max: int = 2048
    batch_size_max: int = 256


class Poster:
    """The one way to change the books. An async context manager; leaving it answers all who wait, then stops.

    A lane that ends unasked takes the poster down with it: whoever waits is told, and leaving raises its exception.
    """

    def __init__(self, journal: Journal, limits: PostingLimits) -> None:
        self._journal = journal
        self._limits = limits
        self._queue = Queue(limits.queue_size_max, limits.batch_size_max, limits.lanes)
        self._lanes = asyncio.TaskGroup()
        self._is_draining = True

    async def __aenter__(self) -> Self:
        await self._lanes.__aenter__()
        clock = asyncio.get_running_loop().time
        self._breaker = Breaker(clock)
        for number in range(self._limits.lanes):
            lane = Lane(self._journal, self._queue, self._breaker, clock)
            self._lanes.create_task(self._keep(lane), name=f"lane {number}")
        QUEUE_LENGTH.set_function(lambda: self._queue.waiting)
        self._is_draining = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.drain()
        self._queue.close()
        try:
            # The lanes are not told about an exception of the body: it would cancel them, and callers wait.
            await self._lanes.__aexit__(None, None, None)
        finally:
            QUEUE_LENGTH.set_function(lambda: 0)

    async def post(self, program_id: int, command: Command, deadline: float) -> Outcome:
        """What the command came to, once it is in the books: `enter`, and wait."""
        return await self.enter(program_id, command, deadline).answer

    def enter(self, program_id: int, command: Command, deadline: float) -> Ticket:
        """Set the command on its way; `answer` tells what it came to, once it is in the books. Safe to repeat with the
        same key.

        `deadline` is an instant of the running loop's clock; there is an answer at most 10 ms after it. Cancelling
        the answer does not cancel the command.

        Raises, at once or in the answer, Overloaded, ShuttingDown, DatabaseUnavailable: nothing was written. In the
        answer OutcomeUnknown: it may have been. Anything else is a bug that this command runs into.
        """
        if self._is_draining:
            _shed_draining.inc()
            raise ShuttingDown("this instance takes nothing new")
        if not self._breaker.admits():
            _shed_breaker.inc()
            raise DatabaseUnavailable("the database has been away for longer than a failover takes")
        return self._queue.enter(program_id, command, deadline)

    def expects_database(self) -> bool:
        """Whether waiting for a database that is not there now may be worth while: a failover may run."""
        return not self._breaker.is_open()

    def has_full_batch(self, program_id: int) -> bool:
        """Whether as much of a program waits as travels together."""
        return self._queue.has_full_batch(program_id)

    def departure(self) -> asyncio.Future[None]:
        """Done when the next batch leaves, which makes room. Not to be cancelled: others wait for it, too."""
        return self._queue.departure()

    def room_asked_for(self) -> int | None:
        """How many commands there should be on their way at most, while more come than can be carried; else None."""
        return self._queue.room_asked_for()

    async def rehearse(self, program_id: int, command: Command) -> Outcome:
        """What the command would come to now. Nothing is written, and it does not wait in the queue.

        Raises DatabaseUnavailable.
        """
        loaded = await self._journal.load_batch(program_id, (command,))
        return decide(loaded, (command,)).outcomes[0]

    def drain(self) -> None:
        """Take nothing new from now on. What waits goes on."""
        self._is_draining = True

    async def _keep(self, lane: Lane) -> None:
        try:
            await lane.run()
        except BaseException:
            self.drain()
            self._queue.abandon()
            raise
