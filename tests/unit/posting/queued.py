"""A queue with something in it."""

from ledger_service.errors import Overloaded
from ledger_service.ledger.outcomes import Answered
from ledger_service.posting.batch import Batch, Ticket
from ledger_service.posting.queue import Queue
from tests.builders import earn
from tests.unit.posting.virtual_time import soon


def enter(queue: Queue, account_id: str = "m-1", program_id: int = 1, seconds: float = 1.0) -> Ticket:
    return queue.enter(program_id, earn(account_id=account_id), soon(seconds))


def fill(queue: Queue, count: int, program_id: int = 1) -> list[Ticket]:
    """So many earns on an account each, with a deadline that is far."""
    return [enter(queue, f"m-{number}", program_id, seconds=60) for number in range(count)]


async def take(queue: Queue) -> Batch:
    batch = await queue.take()
    assert batch is not None
    return batch


def bring_back(queue: Queue, batch: Batch) -> None:
    """The batch was carried: all of it is answered."""
    for ticket in batch.tickets:
        ticket.hand_back(Answered("{}"))
    queue.release(batch, again=[])


def is_displaced(ticket: Ticket) -> bool:
    return ticket.answer.done() and isinstance(ticket.answer.exception(), Overloaded)
