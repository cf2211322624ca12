"""Room: how many commands may be on their way at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.posting.room import ROOM_MIN, SECONDS_TARGET, TRIPS_REMEMBERED, TRIPS_TARGET, Room


def carry(room: Room, trips: int, size: int, seconds: float, lanes: int = 1) -> None:
    """So many trips, one after the other in each lane."""
    start = 0.0 if room._ended_at is None else room._ended_at
    for number in range(1, trips + 1):
        room.note(size, seconds, start + number * seconds / lanes)


def test_before_anything_was_carried_there_is_the_least_room():
    assert Room().now == ROOM_MIN


def test_it_is_what_is_carried_a_second_times_the_time_it_may_take():
    room = Room()
    carry(room, 200, size=40, seconds=0.008, lanes=2)
    assert room.now == pytest.approx(40 * 2 / 0.008 * SECONDS_TARGET, rel=0.05)


def test_what_is_slow_gets_the_least_room():
    room = Room()
    carry(room, 200, size=4, seconds=0.010)
    assert room.now == ROOM_MIN


def test_where_every_trip_takes_long_there_is_room_for_large_batches():
    room = Room()
    carry(room, 200, size=100, seconds=0.1, lanes=2)
    assert room.now == pytest.approx(100 * 2 / 0.1 * TRIPS_TARGET * 0.1, rel=0.05)


def test_one_quick_trip_is_forgotten_when_all_others_are_slow():
    room = Room()
    carry(room, 1, size=1, seconds=0.001)
    carry(room, 2 * TRIPS_REMEMBERED, size=100, seconds=0.1)
    assert room.now == pytest.approx(100 / 0.1 * TRIPS_TARGET * 0.1, rel=0.05)


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 100), st.floats(0, 100)), max_size=100))
def test_there_is_always_some(trips: list[tuple[int, float, float]]):
    room, now = Room(), 0.0
    for size, seconds, after in trips:
        now += after
        room.note(size, seconds, now)
        assert room.now >= ROOM_MIN
