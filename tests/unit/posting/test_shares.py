"""Shares: who goes when the queue is full, and how long a flood of others can delay anybody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.errors import OutcomeUnknown, Overloaded
from ledger_service.ledger.commands import Command
from ledger_service.posting.batch import Ticket
from ledger_service.posting.queue import Queue
from tests.builders import capture, earn, redeem, settle_due, together
from tests.unit.posting.queued import enter, fill, is_displaced, take
from tests.unit.posting.virtual_time import in_virtual_time, soon


@pytest.fixture
async def queue() -> Queue:
    return Queue(size_max=8, batch_size_max=2)


async def test_in_a_full_queue_a_program_below_its_share_takes_the_place_of_the_newest_of_the_heaviest(
    queue: Queue,
) -> None:
    flood = [*fill(queue, 7, program_id=1), enter(queue, program_id=2)]
    ticket = enter(queue, program_id=3)
    assert [is_displaced(one) for one in flood] == [False] * 6 + [True, False]
    assert queue.waiting == 8
    assert not ticket.answer.done()


async def test_in_a_full_queue_a_program_with_its_share_waiting_gets_no_more(queue: Queue) -> None:
    fill(queue, 4, program_id=1)
    fill(queue, 4, program_id=2)
    for program_id in (1, 2):
        with pytest.raises(Overloaded):
            enter(queue, "late", program_id)


async def test_many_commands_written_together_displace_nobody(queue: Queue) -> None:
    flood = fill(queue, 8)
    with pytest.raises(Overloaded):
        queue.enter(2, together(earn(), earn()), soon())
    assert not any(map(is_displaced, flood))


async def test_in_a_full_queue_the_urgent_take_the_place_of_the_newest_least_urgent(queue: Queue) -> None:
    upkeep = queue.enter(1, settle_due(account_id="u"), soon())
    flood = fill(queue, 7)
    for account_id, out in (("a", upkeep), ("b", flood[-1])):
        queue.enter(1, redeem(account_id=account_id), soon())
        assert is_displaced(out)
    assert queue.waiting == 8
    with pytest.raises(Overloaded):
        enter(queue, "c")


async def test_a_full_queue_of_equals_is_full(queue: Queue) -> None:
    for number in range(8):
        queue.enter(1, redeem(account_id=f"m-{number}"), soon())
    with pytest.raises(Overloaded):
        queue.enter(1, redeem(account_id="late"), soon())
    queue.enter(1, capture(account_id="urgent"), soon())


async def test_who_is_displaced_after_a_trip_is_told_what_is_known() -> None:
    queue = Queue(size_max=2, batch_size_max=2)
    fill(queue, 2)
    running = await take(queue)
    for ticket in running.tickets:
        ticket.get_lost()
    queue.release(running, again=running.tickets)
    fill(queue, 1, program_id=2)
    told = [ticket.answer.exception() for ticket in running.tickets if ticket.answer.done()]
    assert [type(failure) for failure in told] == [OutcomeUnknown]


async def test_what_is_displaced_is_not_carried_and_holds_nobody_up(queue: Queue) -> None:
    flood = fill(queue, 8)
    enter(queue, program_id=2)
    carried = []
    while queue.waiting:
        batch = await take(queue)
        carried += batch.tickets
        queue.release(batch, again=[])
    assert flood[-1] not in carried
    assert len(carried) == 8


COMMANDS = {"capture": capture, "redeem": redeem, "earn": earn, "settle": settle_due}


def command_of(name: str, account_id: str) -> Command:
    return COMMANDS[name](account_id=account_id)  # type: ignore[operator]


@settings(deadline=None, max_examples=50)
@given(
    flood=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(sorted(COMMANDS))), max_size=60),
    lanes=st.integers(1, 2),
    name=st.sampled_from(sorted(COMMANDS)),
)
def test_a_flood_of_others_delays_a_program_by_a_batch_each_at_most(
    flood: list[tuple[int, str]], lanes: int, name: str
) -> None:
    async def play() -> None:
        queue = Queue(size_max=2048, batch_size_max=2)
        for number, (program_id, other) in enumerate(flood):
            queue.enter(program_id, command_of(other, f"m-{number}"), soon(60))
        running = [await take(queue) for _ in range(lanes) if queue.waiting]
        ticket = queue.enter(99, command_of(name, "mine"), soon(60))
        batches = 0
        while ticket.is_waiting:
            if running:
                queue.release(running.pop(0), again=[])
            for program_id, other in flood:  # and it does not end
                queue.enter(program_id, command_of(other, f"n-{batches}-{program_id}"), soon(60))
            running.append(await take(queue))
            batches += 1
        assert batches <= len({program_id for program_id, _ in flood}) + 1

    in_virtual_time(play())


@settings(deadline=None, max_examples=50)
@given(
    arrivals=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(sorted(COMMANDS))), min_size=1, max_size=80),
    size_max=st.integers(1, 12),
)
def test_never_more_wait_than_may_and_everyone_who_got_in_is_carried_or_told(
    arrivals: list[tuple[int, str]], size_max: int
) -> None:
    async def play() -> None:
        queue = Queue(size_max, batch_size_max=3)
        let_in: list[Ticket] = []
        carried: list[Ticket] = []
        for number, (program_id, name) in enumerate(arrivals):
            was_empty = queue.waiting == 0
            try:
                let_in.append(queue.enter(program_id, command_of(name, f"m-{number % 5}"), soon(60)))
            except Overloaded:
                assert not was_empty
            assert queue.waiting <= size_max
            if number % 7 == 6:
                batch = await take(queue)
                carried += batch.tickets
                queue.release(batch, again=[])
        while queue.waiting:
            batch = await take(queue)
            carried += batch.tickets
            queue.release(batch, again=[])
        told = [ticket for ticket in let_in if ticket.answer.done()]
        assert sorted(ticket.number for ticket in carried + told) == [ticket.number for ticket in let_in]
        assert not queue._occupied

    in_virtual_time(play())
