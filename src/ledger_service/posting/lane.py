"""Lanes: who carries batches down the road (load, fold, gate) and back."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from time import perf_counter
from typing import Any, TypeVar

from ledger_service import stations
from ledger_service.errors import AccountLocked, DatabaseUnavailable, KeyTaken, OutcomeUnknown, Overloaded
from ledger_service.ledger.decide import decide
from ledger_service.ledger.outcomes import Outcome, Repeated, Replayed
from ledger_service.ledger.proposals import Proposal, Written
from ledger_service.metrics import (
    BATCH_CONFLICTS,
    BATCH_PHASE,
    BATCH_SIZE,
    BATCH_SPLITS,
    COMMIT_BARRIER,
    COMMIT_UNKNOWN,
    DB_RETRIES,
    SHED,
)
from ledger_service.posting import pauses
from ledger_service.posting.batch import Batch, Ticket
from ledger_service.posting.breaker import Breaker
from ledger_service.posting.journal import Journal
from ledger_service.posting.queue import Queue
from ledger_service.posting.tally import Tally, count_failure

KEYS_TAKEN_MAX = 10
"""Trips in which another instance was first with a key of the batch. The next load shows that key, so a second time
is a second key; ten are a storm of them, and the caller does better to come again."""

Value = TypeVar("Value")

log = logging.getLogger(__name__)

_queue_phase = BATCH_PHASE.labels("queue")
_load_phase = BATCH_PHASE.labels("load")
_fold_phase = BATCH_PHASE.labels("fold")
_gate_phase = BATCH_PHASE.labels("gate")
_retries_key_taken = DB_RETRIES.labels("key_taken")
_retries_locked = DB_RETRIES.labels("account_locked")
_retries_unavailable = DB_RETRIES.labels("database_unavailable")
_retries_unknown = DB_RETRIES.labels("outcome_unknown")
_shed_key_taken = SHED.labels("key_taken", "write")


class Lane:
    """One batch at a time, until the queue is closed and empty."""

    def __init__(self, journal: Journal, queue: Queue, breaker: Breaker, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._queue = queue
        self._breaker = breaker
        self._clock = clock
        self._failures = 0
        """In a row, of the database and not of a batch."""
        self._is_committing = False
        self._is_leaving = False

    async def run(self) -> None:
        """Take batches and carry them. Ends when there is nothing left to wait for.

        Never a cancel while it commits: one that comes while COMMIT waits for the standby makes it report success
        without the standby. A lane that is cancelled waits for its commit first. So the work is a task of its own, one
        for all trips, that nobody else knows."""
        work = asyncio.create_task(self._work())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._is_leaving = True
            if not self._is_committing:
                work.cancel()
            await asyncio.wait({work})
            raise

    async def _work(self) -> None:
        while (batch := await self._queue.take()) is not None:
            BATCH_SIZE.observe(batch.size)
            _queue_phase.observe(self._clock() - batch.tickets[0].entered_at)
            again, has_database = await self._carry(batch)
            self._queue.silence.has_no_database = not has_database
            if has_database:
                self._breaker.succeed()
            else:
                self._breaker.fail()
            # First the accounts are let go, then this lane looks for work: a command that came in between is seen.
            self._queue.release(batch, again)
            self._failures = 0 if has_database else self._failures + 1
            if self._failures:
                await asyncio.sleep(pauses.after_failure(self._failures))

    async def _carry(self, batch: Batch) -> tuple[list[Ticket], bool]:
        """Carry a batch, in halves if it fails. Answers who goes again, and whether the database was there."""
        again: list[Ticket] = []
        parts = deque([batch.tickets])
        while parts:
            part = self._behind(again, self._in_time(parts.popleft()))
            if not part:
                continue
            try:
                again += await self._trip(batch.program_id, part)
            except KeyTaken as failure:
                again += self._once_more(part, failure)
            except AccountLocked:
                _retries_locked.inc()
                again += _one_by_one(part)
            except DatabaseUnavailable:
                _retries_unavailable.inc()
                for ticket in part:
                    ticket.come_back(DatabaseUnavailable)
                return [*again, *part, *(ticket for rest in parts for ticket in rest)], False
            except OutcomeUnknown:
                COMMIT_UNKNOWN.inc()
                _retries_unknown.inc()
                for ticket in part:
                    ticket.get_lost()
                return [*again, *part, *(ticket for rest in parts for ticket in rest)], False
            except Exception as error:  # a bug, or a proposal that breaks an invariant: find the culprit
                parts.extendleft(reversed(self._halves(part, error)))
        return again, True

    async def _trip(self, program_id: int, part: list[Ticket]) -> list[Ticket]:
        """One trip down the road and back. Answers those whose decision is void."""
        started_at = perf_counter()
        for ticket in part:
            stations.QUEUE.note(started_at - ticket.since)
            ticket.since = started_at
        loaded = await self._journal.load_batch(
            program_id, [ticket.command for ticket in part], max(ticket.deadline for ticket in part)
        )
        loaded_at = perf_counter()
        _load_phase.observe(loaded_at - started_at)
        stations.LOAD.note(loaded_at - started_at, len(part))
        part = self._in_time(part)
        if not part:
            return []
        proposal = decide(loaded, [ticket.command for ticket in part])
        folded_at = perf_counter()
        _fold_phase.observe(folded_at - loaded_at)
        stations.FOLD.note(folded_at - loaded_at, len(part))
        written = Written()
        give_up_at = max(ticket.deadline for ticket in part)
        if not proposal.is_empty:
            for ticket in part:
                ticket.send()
            written = await self._commit(self._journal.write_batch(proposal, give_up_at))
            _gate_phase.observe(perf_counter() - folded_at)
        # What was written is the barrier of what it was decided from.
        if (proposal.is_empty or written.conflicts) and any(map(_says_again, proposal.outcomes)):
            for ticket in part:
                ticket.send()
            waiting_at = perf_counter()
            await self._commit(self._journal.barrier(give_up_at))
            COMMIT_BARRIER.observe(perf_counter() - waiting_at)
        back_at = perf_counter()
        # The gate has the database's clock, which may jump: what does not fit between ours would make a sum go back.
        gate_seconds = min(max(written.gate_seconds, 0.0), back_at - folded_at)
        stations.GATE.note(gate_seconds, len(part))
        stations.COMMIT.note(back_at - folded_at - gate_seconds, len(part))
        for ticket in part:
            ticket.since = back_at
        return _hand_back(part, proposal, written.conflicts)

    async def _commit(self, committing: Coroutine[Any, Any, Value]) -> Value:
        """What was committed. Never a timeout here, and no cancel: who cancels us waits."""
        self._is_committing = True
        try:
            return await committing
        finally:
            self._is_committing = False
            if self._is_leaving and (work := asyncio.current_task()) is not None:
                work.cancel()

    def _in_time(self, tickets: list[Ticket]) -> list[Ticket]:
        """Those whose deadline has not passed. The others are told now, if they were not, and go no further."""
        now = self._clock()
        for ticket in tickets:
            if ticket.deadline <= now and not ticket.is_late:
                self._queue.expire(ticket)
        return [ticket for ticket in tickets if not ticket.is_late]

    @staticmethod
    def _behind(again: list[Ticket], tickets: list[Ticket]) -> list[Ticket]:
        """Those that may go before the ones that go again. The others join these, to keep their accounts' order."""
        if not again:
            return tickets
        going = []
        blocked = {line for ticket in again for line in ticket.lines}
        for ticket in tickets:
            if blocked.isdisjoint(ticket.lines):
                going.append(ticket)
            else:
                blocked.update(ticket.lines)
                again.append(ticket)
        return going

    @staticmethod
    def _once_more(part: list[Ticket], failure: KeyTaken) -> list[Ticket]:
        """All of them, but for those that met a taken key too often."""
        _retries_key_taken.inc()
        again = []
        for ticket in part:
            ticket.come_back(Overloaded)
            ticket.keys_taken += 1
            if ticket.keys_taken < KEYS_TAKEN_MAX:
                again.append(ticket)
            else:
                _shed_key_taken.inc()
                ticket.fail(ticket.late_failure(f"{ticket.keys_taken} times in a row: {failure}"))
        return again

    @staticmethod
    def _halves(part: list[Ticket], error: Exception) -> list[list[Ticket]]:
        """Two smaller parts to try; of a single command nothing, since its caller gets the error."""
        log.exception("%d commands of program %d failed together", len(part), part[0].program_id)
        for ticket in part:
            ticket.come_back(Overloaded)
        if len(part) > 1:
            BATCH_SPLITS.inc()
            middle = len(part) // 2
            return [part[:middle], part[middle:]]
        culprit = part[0]
        count_failure(culprit.command)
        culprit.fail(OutcomeUnknown("an earlier trip may have written it") if culprit.is_unknown else error)
        return []


def _one_by_one(part: list[Ticket]) -> list[Ticket]:
    """All of them; from now on each travels with its own accounts' commands only, so that the one that has to wait
    holds up nobody else."""
    for ticket in part:
        ticket.come_back(Overloaded)
        ticket.has_to_wait()
    return part


def _says_again(outcome: Outcome) -> bool:
    return isinstance(outcome, (Replayed, Repeated))


def _hand_back(part: Iterable[Ticket], proposal: Proposal, conflicts: frozenset[str]) -> list[Ticket]:
    """Answer the callers, but for those whose decision rests on an account that another instance wrote first."""
    if conflicts:
        BATCH_CONFLICTS.inc(len(conflicts))
    counted = Tally()
    again = []
    for ticket, outcome in zip(part, proposal.outcomes, strict=True):
        if conflicts and proposal.is_void(ticket.command, conflicts):
            ticket.conflicts += 1
            ticket.come_back(Overloaded)
            again.append(ticket)
        else:
            counted.count(ticket.command, outcome)
            ticket.hand_back(outcome)
    counted.show()
    return again
