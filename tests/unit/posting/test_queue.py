"""The queue: bounded, fair between programs, and no lane sleeps while there is something to take."""

import asyncio

import pytest

from ledger_service.errors import OutcomeUnknown, Overloaded, ShuttingDown
from ledger_service.posting import pauses
from ledger_service.posting.admission import PORTION_MIN
from ledger_service.posting.batch import Batch
from ledger_service.posting.queue import Queue
from tests.builders import earn, together
from tests.unit.posting.queued import enter, take
from tests.unit.posting.virtual_time import soon, until_all_wait


@pytest.fixture
async def queue() -> Queue:
    return Queue(size_max=8, batch_size_max=2)


async def test_more_than_may_wait_do_not_get_in(queue: Queue) -> None:
    for _ in range(8):
        enter(queue)
    with pytest.raises(Overloaded):
        enter(queue)


async def test_the_commands_of_a_together_wait_one_each(queue: Queue) -> None:
    queue.enter(1, together(earn(), earn(), earn()), soon())
    assert queue.waiting == 3
    await queue.take()
    assert queue.waiting == 0


async def test_who_comes_after_its_deadline_does_not_get_in(queue: Queue) -> None:
    with pytest.raises(Overloaded):
        enter(queue, seconds=0)
    assert queue.waiting == 0


async def test_programs_take_turns(queue: Queue) -> None:
    for number in range(5):
        enter(queue, f"m-{number}", program_id=1)
    enter(queue, program_id=2)
    enter(queue, program_id=3)
    turns = []
    for _ in range(5):
        batch = await take(queue)
        turns.append(batch.program_id)
        queue.release(batch, again=[])
    assert turns == [1, 2, 3, 1, 1]


async def test_a_lane_that_sleeps_is_woken_by_a_command(queue: Queue) -> None:
    lane = asyncio.ensure_future(take(queue))
    await until_all_wait()
    ticket = enter(queue)
    assert (await lane).tickets == [ticket]


async def test_what_comes_before_the_woken_lane_looks_travels_with_it(queue: Queue) -> None:
    lanes = [asyncio.ensure_future(take(queue)) for _ in range(2)]
    await until_all_wait()
    tickets = [enter(queue, "a"), enter(queue, "b")]
    await until_all_wait()
    assert [lane.done() for lane in lanes] == [True, False]
    assert lanes[0].result().tickets == tickets
    lanes[1].cancel()


async def test_the_next_lane_is_woken_when_more_waits_than_one_batch_takes(queue: Queue) -> None:
    lanes = [asyncio.ensure_future(take(queue)) for _ in range(2)]
    await until_all_wait()
    for number in range(4):
        enter(queue, f"m-{number}")
    assert [len((await lane).tickets) for lane in lanes] == [2, 2]


async def test_a_third_lane_leaves_when_it_is_worth_a_trip() -> None:
    queue = Queue(size_max=100, batch_size_max=256, lanes=3)
    running = [await _alone(queue, name) for name in ("first", "second")]
    third = asyncio.ensure_future(take(queue))
    tickets = [enter(queue, f"m-{number}") for number in range(PORTION_MIN - 1)]
    await until_all_wait()
    assert not third.done()
    tickets.append(enter(queue, "one more"))
    assert (await third).tickets == tickets
    later = [enter(queue, "later")]
    fourth = asyncio.ensure_future(take(queue))
    await until_all_wait()
    assert not fourth.done()
    for batch in (*running, third.result()):
        queue.release(batch, again=[])
    assert (await fourth).tickets == later


async def test_lanes_share_what_waits() -> None:
    queue = Queue(size_max=1000, batch_size_max=256, lanes=3)
    for number in range(300):
        enter(queue, f"m-{number}")
    assert [(await take(queue)).size for _ in range(3)] == [100, 100, 100]


async def _alone(queue: Queue, account_id: str) -> Batch:
    enter(queue, account_id)
    return await take(queue)


async def test_a_departure_is_told_to_all_who_wait_for_it(queue: Queue) -> None:
    enter(queue)
    heard = [queue.departure(), queue.departure()]
    assert not any(one.done() for one in heard)
    await take(queue)
    assert all(one.done() for one in heard)
    assert not queue.departure().done()


async def test_a_lane_that_sleeps_is_woken_when_an_account_is_let_go(queue: Queue) -> None:
    enter(queue)
    running = await take(queue)
    later = enter(queue)
    lane = asyncio.ensure_future(take(queue))
    await until_all_wait()
    assert not lane.done()
    queue.release(running, again=[])
    assert (await lane).tickets == [later]


async def test_accounts_that_keep_moving_rest_for_a_few_milliseconds(queue: Queue) -> None:
    ticket = enter(queue)
    running = await take(queue)
    ticket.conflicts = 2
    queue.release(running, again=[ticket])
    clock = asyncio.get_running_loop().time
    released_at = clock()
    lane = asyncio.ensure_future(take(queue))
    await until_all_wait()
    assert not lane.done()
    assert (await lane).tickets == [ticket]
    assert 0 < clock() - released_at <= 0.005


async def test_a_late_command_makes_room(queue: Queue) -> None:
    late = [enter(queue, seconds=0.1) for _ in range(8)]
    await asyncio.sleep(0.2)
    assert all(isinstance(ticket.answer.exception(), Overloaded) for ticket in late)
    assert queue.waiting == 0
    assert (enter(queue)) in (await take(queue)).tickets


async def test_a_late_command_does_not_go_again(queue: Queue) -> None:
    ticket = enter(queue, seconds=0.1)
    running = await take(queue)
    await asyncio.sleep(0.2)
    queue.release(running, again=[ticket])
    assert queue.waiting == 0


async def test_lanes_go_home_when_the_queue_is_closed_and_all_is_done(queue: Queue) -> None:
    enter(queue)
    running = await take(queue)
    lanes = [asyncio.ensure_future(queue.take()) for _ in range(2)]
    queue.close()
    await until_all_wait()
    assert not any(lane.done() for lane in lanes), "what runs may come back"
    queue.release(running, again=[])
    assert await asyncio.gather(*lanes) == [None, None]


async def test_lanes_go_home_when_the_last_that_waits_is_late(queue: Queue) -> None:
    ticket = enter(queue, seconds=0.1)
    running = await take(queue)
    ticket.conflicts = 2
    late = enter(queue, seconds=0.1)
    lane = asyncio.ensure_future(queue.take())
    queue.close()
    await asyncio.sleep(0.2)
    assert late.is_late
    queue.release(running, again=[ticket])
    assert await lane is None


async def test_lanes_go_home_when_the_last_that_rests_is_late(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "after_conflict", lambda: 1.0)
    ticket = enter(queue, seconds=0.1)
    running = await take(queue)
    ticket.conflicts = 2
    queue.release(running, again=[ticket])
    lane = asyncio.ensure_future(queue.take())
    queue.close()
    assert await lane is None
    assert ticket.is_late


async def test_a_lane_that_sleeps_is_woken_when_a_late_command_gives_way(queue: Queue) -> None:
    enter(queue, "b")
    await take(queue)
    transfer = queue.enter(1, together(earn(account_id="a"), earn(account_id="b")), soon(0.1))
    behind = enter(queue, "a")
    assert (await take(queue)).tickets == [behind]
    assert transfer.is_late


async def test_an_abandoned_queue_tells_everyone_what_is_known(queue: Queue) -> None:
    waiting, sent = enter(queue, "a"), enter(queue, "b")
    sent.send()
    queue.abandon()
    assert isinstance(waiting.answer.exception(), ShuttingDown)
    assert isinstance(sent.answer.exception(), OutcomeUnknown)
