"""Standing: a queue that does not go away by itself takes no more than it can carry soon."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from ledger_service.errors import Overloaded
from ledger_service.posting import silence
from ledger_service.posting.admission import STANDING_SECONDS
from ledger_service.posting.queue import PRESSED_SECONDS, Queue
from ledger_service.posting.room import ROOM_MIN
from tests.builders import redeem
from tests.unit.posting.queued import bring_back, enter, fill, take
from tests.unit.posting.virtual_time import soon, until_all_wait

MANY = 3 * ROOM_MIN


async def carry(queue: Queue, batch_seconds: float) -> None:
    """A lane."""
    while (batch := await queue.take()) is not None:
        await asyncio.sleep(batch_seconds)
        bring_back(queue, batch)


async def carrying(queue: Queue) -> asyncio.Future[None]:
    """A lane that has answered somebody just now."""
    lane = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    enter(queue, "first", seconds=60)
    await asyncio.sleep(0.04)
    return lane


async def test_a_queue_that_stands_takes_no_more_than_there_is_room_for_of_the_program_that_makes_it_stand() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    lane = await carrying(queue)
    fill(queue, MANY)
    assert queue.room_asked_for() is None
    await asyncio.sleep(STANDING_SECONDS * 2)
    with pytest.raises(Overloaded, match="standing"):
        enter(queue, "next", seconds=60)
    enter(queue, "other", program_id=2, seconds=60)
    queue.enter(1, redeem(account_id="urgent"), soon(60))
    assert queue.room_asked_for() == ROOM_MIN
    await asyncio.sleep(PRESSED_SECONDS)
    assert queue.room_asked_for() is None
    queue.close()
    await lane


async def test_a_queue_of_which_nobody_is_answered_any_more_takes_everybody_for_a_failover_may_run() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    lane = await carrying(queue)
    fill(queue, MANY)
    await asyncio.sleep(STANDING_SECONDS * 2)
    lane.cancel()
    running = await take(queue)
    with pytest.raises(Overloaded, match="standing"):
        enter(queue, "next", seconds=60)
    for _ in range(10):  # batches come and go, and all of them go again
        await asyncio.sleep(silence.SECONDS / 8)
        queue.release(running, again=running.tickets)
        running = await take(queue)
    enter(queue, "next", seconds=60)
    bring_back(queue, running)  # they are answered again: what gathered meanwhile is a burst, and not yet a queue
    running = await take(queue)
    enter(queue, "next but one", seconds=60)
    bring_back(queue, running)


async def test_what_gathered_in_a_silence_is_carried_however_long_that_takes() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    fill(queue, MANY)
    lane = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    await asyncio.sleep(STANDING_SECONDS * 5)
    enter(queue, "next", seconds=60)
    queue.close()
    await lane


async def test_who_has_no_time_is_refused_without_anybody_being_asked_for_less() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    lane = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    fill(queue, 20)
    await asyncio.sleep(0.1)
    with pytest.raises(Overloaded, match="wait"):
        enter(queue, "in a hurry", seconds=0.05)
    assert queue.room_asked_for() is None
    queue.close()
    await lane


async def test_while_a_lane_sleeps_nobody_is_refused_for_a_queue_that_stands() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    lane = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    tickets = [enter(queue, "one account, so one lane", seconds=60) for _ in range(MANY)]
    await asyncio.sleep(STANDING_SECONDS * 2)
    asleep = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    await until_all_wait()
    tickets += [enter(queue, "one account, so one lane", seconds=60) for _ in range(10)]
    queue.close()
    await asyncio.gather(lane, asleep)
    assert len(tickets) == MANY + 10


async def test_a_burst_is_no_queue_that_stands() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    lane = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    fill(queue, MANY)
    await asyncio.sleep(0.05)
    enter(queue, "next", seconds=60)
    queue.close()
    await lane


async def test_when_a_queue_that_stood_is_empty_everything_is_taken_again() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    lane = asyncio.ensure_future(carry(queue, batch_seconds=0.03))
    fill(queue, MANY)
    await asyncio.sleep(MANY * 0.016)
    assert queue.waiting == 0
    fill(queue, MANY)
    queue.close()
    await lane


async def test_the_estimated_wait_is_exported() -> None:
    queue = Queue(size_max=1000, batch_size_max=2)
    fill(queue, 4)
    running = await take(queue)
    await asyncio.sleep(0.01)
    bring_back(queue, running)
    assert REGISTRY.get_sample_value("ledger_queue_wait_estimate_seconds") == pytest.approx(0.02)
    assert REGISTRY.get_sample_value("ledger_concurrency_limit") == ROOM_MIN
    running = await take(queue)
    bring_back(queue, running)
    assert REGISTRY.get_sample_value("ledger_queue_wait_estimate_seconds") == 0


async def test_a_trip_without_a_database_says_nothing_of_the_pace() -> None:
    queue = Queue(size_max=8, batch_size_max=2)
    fill(queue, 4)
    running = await take(queue)
    await asyncio.sleep(0.9)
    queue.release(running, again=running.tickets)
    assert queue._admission.pace.seconds == 0
