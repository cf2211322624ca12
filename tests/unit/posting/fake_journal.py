"""A journal on books in memory, for the interleavings and faults that no server can be made to play."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ledger_service.ledger.commands import Command
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.proposals import Proposal, Written
from ledger_service.ledger.states import Loaded
from tests.books.memory import Books
from tests.builders import NOON

Event = Callable[[], object]


class Door:
    """One of the two round trips. Closed, it keeps whoever comes until it is opened."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.delays: deque[float] = deque()
        """Seconds that the next calls take; then none."""
        self.before: deque[Event | None] = deque()
        """What happens just before the next calls do their work: may raise, may write the books elsewhere."""
        self.after: deque[Event | None] = deque()
        """What happens when the next calls have done their work."""
        self.cancelled = 0

    def close(self) -> None:
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()

    async def enter(self) -> None:
        try:
            if self.delays:
                await asyncio.sleep(self.delays.popleft())
            await self._is_open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        _happen(self.before)

    def leave(self) -> None:
        _happen(self.after)


class FakeJournal:
    """Fits `Journal`. An earn opens its account."""

    def __init__(self) -> None:
        self._programs: dict[int, Books] = {}
        self.load = Door()
        self.gate = Door()
        self.wall = Door()
        self.barriers = 0
        self.loads: list[list[Command]] = []
        """The commands of every load, as they came."""
        self.proposals: list[Proposal] = []
        """Every proposal that came to the gate."""
        self.met: set[tuple[int, str]] = set()
        """Accounts that were in two trips at once. There must be none."""
        self._on_the_road: set[tuple[int, str]] = set()

    def books(self, program_id: int = 1) -> Books:
        if program_id not in self._programs:
            self._programs[program_id] = Books(ProgramSettings(auto_open=True), program_id)
        return self._programs[program_id]

    async def load_batch(self, program_id: int, commands: Sequence[Command], give_up_at: float | None = None) -> Loaded:
        self.loads.append(list(commands))
        written = [command for command in commands if command.key is not None]  # the others are rehearsals
        with self._alone(program_id, {one for command in written for one in command.account_ids}):
            await self.load.enter()
            loaded = self.books(program_id).load(commands, NOON)
            self.load.leave()
            return loaded

    async def write_batch(self, proposal: Proposal, give_up_at: float | None = None) -> Written:
        self.proposals.append(proposal)
        with self._alone(proposal.program_id, {change.after.account_id for change in proposal.accounts}):
            await self.gate.enter()
            conflicts = self.books(proposal.program_id).write(proposal)
            self.gate.leave()
            return Written(conflicts)

    async def barrier(self, give_up_at: float | None = None) -> None:
        await self.wall.enter()
        self.barriers += 1
        self.wall.leave()

    @contextmanager
    def _alone(self, program_id: int, account_ids: set[str]) -> Iterator[None]:
        accounts = {(program_id, account_id) for account_id in account_ids}
        self.met |= self._on_the_road & accounts
        self._on_the_road |= accounts
        try:
            yield
        finally:
            self._on_the_road -= accounts

    def elsewhere(self, *commands: Command, program_id: int = 1) -> None:
        """Another instance writes these."""
        self.books(program_id).post(commands, NOON)

    def entries(self, account_id: str, program_id: int = 1) -> list[Entry]:
        return self.books(program_id).entries[account_id]

    def keys(self, account_id: str, program_id: int = 1) -> list[str | None]:
        """The keys of an account's entries, in the order of their seq."""
        return [entry.key for entry in self.entries(account_id, program_id)]


def failing(failure: Exception) -> Event:
    """An event that raises this."""

    def fail() -> None:
        raise failure

    return fail


def _happen(events: deque[Event | None]) -> None:
    event = events.popleft() if events else None
    if event is not None:
        event()
