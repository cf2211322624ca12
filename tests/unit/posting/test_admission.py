"""Admission: refused at once is what would wait too long, and nobody who finds the queue empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.errors import Overloaded
from ledger_service.posting.admission import (
    BATCH_SIZE_SMALL,
    SHARE_MIN,
    STANDING_SECONDS,
    TRIP_SECONDS_TARGET,
    WAIT_SECONDS_TARGET,
    Admission,
    BatchSize,
    Pace,
    Standing,
)
from ledger_service.posting.queue import Queue
from ledger_service.posting.room import ROOM_MIN
from tests.builders import earn
from tests.unit.posting.virtual_time import in_virtual_time, soon

NOW = 1000.0
LONG = WAIT_SECONDS_TARGET * 2


def standing() -> Standing:
    queue = Standing()
    queue.note(NOW - STANDING_SECONDS, LONG, left_behind=1)
    return queue


def admission(seconds: float = 0.01, batch_size_max: int = 100) -> Admission:
    judge = Admission(batch_size_max)
    judge.pace.note(seconds, running=1)
    return judge


def test_the_pace_is_that_of_all_lanes_together() -> None:
    pace = Pace()
    pace.note(0.02, running=2)
    assert pace.seconds == pytest.approx(0.01)


def test_the_pace_follows_the_last_batches() -> None:
    pace = Pace()
    pace.note(2.0, running=1)
    for _ in range(40):
        pace.note(0.01, running=1)
    assert pace.seconds == pytest.approx(0.01, rel=0.1)


def test_the_wait_is_that_of_the_rounds_before_and_of_the_programs_in_each() -> None:
    assert admission().wait_seconds(ahead=0, turns=1) == pytest.approx(0.01)
    assert admission().wait_seconds(ahead=99, turns=1) == pytest.approx(0.01)
    assert admission().wait_seconds(ahead=250, turns=4) == pytest.approx(0.12)


def test_a_lane_takes_its_portion_of_what_is_under_way_but_never_little() -> None:
    size = BatchSize(256, lanes=3)
    assert [size.portion(under_way) for under_way in (1, 72, 73, 300, 768, 10_000)] == [24, 24, 25, 100, 256, 256]
    assert [BatchSize(256).portion(under_way) for under_way in (1, 100, 300)] == [24, 100, 256]


def test_the_wait_counts_batches_of_a_lanes_portion() -> None:
    judge = Admission(256, lanes=3)
    judge.pace.note(0.03, running=3)
    # 150 are under way with it, 50 for a lane: 20 go before it, in the first batch; then 110, in the first three.
    assert judge.wait_seconds(ahead=20, turns=1, running=129) == pytest.approx(0.01)
    assert judge.wait_seconds(ahead=110, turns=1, running=39) == pytest.approx(0.03)


def test_more_than_half_of_the_time_left_is_too_long_a_wait() -> None:
    judge, deadline = admission(), NOW + 0.1
    assert judge.objection(499, 1, 0, NOW, deadline, Standing()) is None
    assert judge.objection(500, 1, 0, NOW, deadline, Standing()) == "wait"


def test_before_the_first_batch_was_carried_nobody_knows_of_a_wait() -> None:
    assert Admission(1).objection(1_000_000, 10, 0, NOW, NOW + 0.001, Standing()) is None


@pytest.mark.parametrize(("running", "share"), [(0, 2 * ROOM_MIN), (30, 2 * ROOM_MIN - 30), (1000, SHARE_MIN)])
def test_a_queue_that_stands_takes_what_there_is_room_for_and_a_few_of_each_program(running: int, share: int) -> None:
    judge, deadline = admission(), NOW + 10
    assert judge.objection(share - 1, 1, running, NOW, deadline, standing()) is None
    assert judge.objection(share, 1, running, NOW, deadline, standing()) == "standing"
    assert judge.objection(share, 1, running, NOW, deadline, Standing()) is None


def test_a_trip_that_took_too_long_makes_the_next_batches_as_large_as_would_have_been_in_time() -> None:
    size = BatchSize(256)
    size.note(200, TRIP_SECONDS_TARGET * 4 / 3)
    assert size.now == 150
    size.note(40, TRIP_SECONDS_TARGET * 100)
    assert size.now == BATCH_SIZE_SMALL


def test_one_long_trip_costs_at_most_half_of_its_size() -> None:
    size = BatchSize(256)
    size.note(200, 30.0)
    assert size.now == 100


def test_a_small_batch_that_took_long_says_nothing_of_large_ones() -> None:
    size = BatchSize(256)
    size.note(BATCH_SIZE_SMALL, 30.0)
    assert size.now == 256


def test_full_batches_in_time_grow_again_and_others_change_nothing() -> None:
    size = BatchSize(256)
    size.note(80, 30.0)
    assert size.now == 40
    size.note(39, 0.001)
    assert size.now == 40
    for _ in range(100):
        size.note(size.now, TRIP_SECONDS_TARGET)
    assert size.now == 256


def test_where_small_batches_take_as_long_large_ones_are_not_made_smaller() -> None:
    size = BatchSize(256)
    for _ in range(20):
        size.note(BATCH_SIZE_SMALL, 0.2)
    for _ in range(20):
        size.note(256, 0.38)
    assert size.now == 256


def test_batches_that_were_made_smaller_for_nothing_become_large_again() -> None:
    size = BatchSize(256)
    for _ in range(10):
        size.note(size.now, 0.2)
    for _ in range(100):
        size.note(size.now, 0.2 + 0.0005 * size.now)
    assert size.now == 256


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 100)), max_size=50), st.integers(1, 1000))
def test_batches_are_never_larger_than_allowed_nor_smaller_than_worth_a_trip(
    trips: list[tuple[int, float]], size_max: int
) -> None:
    size = BatchSize(size_max)
    for trip in trips:
        size.note(*trip)
        assert min(BATCH_SIZE_SMALL, size_max) <= size.now <= size_max


def test_a_queue_that_stands_does_so_until_for_100_ms_nobody_was_one_too_many() -> None:
    judge, queue, deadline = admission(), standing(), NOW + 10
    assert judge.objection(100, 1, 0, NOW, deadline, queue) == "standing"
    queue.note(NOW, LONG, left_behind=0)
    assert judge.objection(100, 1, 0, NOW + STANDING_SECONDS * 0.9, deadline, queue) == "standing"
    assert judge.objection(100, 1, 0, NOW + STANDING_SECONDS * 2, deadline, queue) is None


def test_a_queue_stands_when_every_batch_of_100_ms_was_late_and_left_something_behind() -> None:
    queue = Standing()
    queue.note(NOW, LONG, left_behind=1)
    assert not queue.is_there(NOW + STANDING_SECONDS * 0.9)
    queue.note(NOW + STANDING_SECONDS, LONG, left_behind=1)
    assert queue.is_there(NOW + STANDING_SECONDS)


@pytest.mark.parametrize(("waited", "left_behind"), [(WAIT_SECONDS_TARGET, 1), (LONG, 0)])
def test_one_batch_in_time_or_the_last_that_waits_ends_it(waited: float, left_behind: int) -> None:
    queue = standing()
    queue.note(NOW, waited, left_behind)
    assert not queue.is_there(NOW + STANDING_SECONDS * 2)


@given(
    batch_seconds=st.lists(st.floats(0, 100), max_size=10),
    left=st.floats(0.001, 10),
)
def test_whoever_finds_the_queue_empty_is_let_in_however_slow_it_was(batch_seconds: list[float], left: float) -> None:
    async def come() -> None:
        queue = Queue(size_max=1, batch_size_max=1)
        for seconds in batch_seconds:
            queue._admission.pace.note(seconds, running=1)
        queue.enter(1, earn(), soon(left))

    in_virtual_time(come())


@given(
    ahead=st.integers(0, 5000),
    turns=st.integers(1, 50),
    seconds=st.floats(0, 1),
    left=st.floats(0.001, 10),
    stands=st.booleans(),
)
def test_more_before_it_or_less_time_never_gets_a_command_in(
    ahead: int, turns: int, seconds: float, left: float, stands: bool
) -> None:
    judge, queue = admission(seconds), standing() if stands else Standing()
    if judge.objection(ahead, turns, 0, NOW, NOW + left, queue) is not None:
        assert judge.objection(ahead + 100, turns, 0, NOW, NOW + left, queue) is not None
        assert judge.objection(ahead, turns + 1, 0, NOW, NOW + left, queue) is not None
        assert judge.objection(ahead, turns, 0, NOW, NOW + left / 2, queue) is not None


async def test_a_command_that_would_wait_too_long_is_refused_before_any_work() -> None:
    queue = Queue(size_max=8, batch_size_max=1)
    queue._admission.pace.note(0.1, running=1)
    queue.enter(1, earn(account_id="a"), soon(0.1))
    with pytest.raises(Overloaded):
        queue.enter(1, earn(account_id="b"), soon(0.3))
    assert queue.waiting == 1
    queue.enter(1, earn(account_id="b"), soon(0.5))
