"""Tickets and batches: a command with whoever waits for it, and what travels together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from ledger_service.errors import Failure, OutcomeUnknown, Overloaded

if TYPE_CHECKING:
    from ledger_service.ledger.commands import Command
    from ledger_service.ledger.outcomes import Outcome
    from ledger_service.posting.lines import Line


CONFLICTS_UNTIL_ALONE = 2
"""Conflicts after which a command travels with its own accounts' commands only: whoever else writes these accounts
is quick, and a small batch is quicker between load and write than a large one."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A command on its way, and the future its caller waits on. It changes on the way, so it is not frozen.

    The caller may leave at any time (its future is cancelled): the command goes on. Only its deadline stops it.
    """

    number: int
    """In order of arrival."""
    program_id: int
    command: Command
    size: int
    """How many commands it counts for: those of a `Together` count one each."""
    deadline: float
    """An instant of the loop's clock, in seconds."""
    entered_at: float
    answer: asyncio.Future[Outcome]
    watchers: set[Ticket]
    """Those with the same deadline that are not answered yet; this ticket leaves when it is."""
    lines: tuple[Line, ...] = ()
    """The lines of its accounts."""
    is_waiting: bool = False
    is_late: bool = False
    """Its deadline passed and its caller was told. What has not been sent to the gate by then, never is."""
    late_failure: type[Failure] = Overloaded
    """What the caller is told if the deadline passes now."""
    is_unknown: bool = False
    """It may have been written. From now on only its outcome or `OutcomeUnknown` is true."""
    conflicts: int = 0
    is_locked_out: bool = False
    """Somebody else held one of its accounts for long."""
    keys_taken: int = 0
    since: float = field(default_factory=perf_counter)
    """When it came to the station where it is, by `perf_counter`."""

    @property
    def travels_alone(self) -> bool:
        return self.conflicts >= CONFLICTS_UNTIL_ALONE

    def has_to_wait(self) -> None:
        """Somebody else holds one of its accounts: it goes with nobody else's commands from now on."""
        self.conflicts = max(self.conflicts, CONFLICTS_UNTIL_ALONE)
        self.is_locked_out = True

    def hand_back(self, outcome: Outcome) -> None:
        """Answer the caller, if there still is one."""
        self.watchers.discard(self)
        if not self.answer.done():
            self.answer.set_result(outcome)

    def fail(self, failure: BaseException) -> None:
        """Tell the caller, if there still is one, that there is no outcome."""
        self.watchers.discard(self)
        if not self.answer.done():
            self.answer.set_exception(failure)
            # A caller who leaves before it wakes up would have the loop complain that nobody looked.
            self.answer.exception()

    def send(self) -> None:
        """The gate is being called."""
        self.late_failure = OutcomeUnknown

    def come_back(self, late_failure: type[Failure]) -> None:
        """It is known that this trip wrote nothing."""
        if not self.is_unknown:
            self.late_failure = late_failure

    def get_lost(self) -> None:
        """Nobody knows whether this trip wrote."""
        self.late_failure = OutcomeUnknown
        self.is_unknown = True

    def expire(self) -> None:
        """The deadline has passed: tell the caller what is known."""
        self.is_late = True
        self.fail(self.late_failure("the deadline passed before there was an outcome"))


@dataclass(slots=True, eq=False)
class Batch:
    """Commands of one program that travel together, and the lines that nobody else takes from meanwhile."""

    program_id: int
    tickets: list[Ticket] = field(default_factory=list)
    """In an order in which the commands of each account keep theirs."""
    lines: list[Line] = field(default_factory=list)
    size: int = 0
    is_alone: bool = False
    """No other accounts may join."""

    def admits(self, ticket: Ticket, size_max: int) -> bool:
        """Whether the ticket may come along. The first always may, also if it is larger than any batch."""
        if not self.tickets:
            return True
        if self.size + ticket.size > size_max:
            return False
        if self.is_alone:
            return all(line.held_by is self for line in ticket.lines)
        return not ticket.travels_alone

    def take(self, ticket: Ticket) -> None:
        """The ticket comes along, and so do its lines."""
        if not self.tickets:
            self.is_alone = ticket.travels_alone
        self.tickets.append(ticket)
        self.size += ticket.size
        for line in ticket.lines:
            if line.held_by is None:
                line.held_by = self
                self.lines.append(line)
