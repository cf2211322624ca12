from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.lots import (
    ALWAYS,
    NEVER,
    Lot,
    Movement,
    consume,
    consume_own,
    consume_pending,
    instant,
    microseconds,
    moved,
    movements_of,
    movements_text,
    pending,
    usable,
)
from ledger_service.ledger.points import POINTS_MAX
from tests.builders import DAY, INSTANT, NOON, lot, movement

instants = st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
lots = st.lists(
    st.builds(Lot, st.just(NEVER) | instants, st.just(ALWAYS) | instants, st.integers(1, POINTS_MAX)),
    unique_by=lambda one: (one.expires_at, one.available_at),
).map(lambda several: tuple(sorted(several)))
movements = st.lists(
    st.builds(
        Movement,
        st.just(NEVER) | instants,
        st.just(ALWAYS) | instants,
        st.integers(-POINTS_MAX, POINTS_MAX).filter(bool),
    )
).map(tuple)


def test_rule_2_points_are_consumed_soonest_expiry_first_and_never_expiring_last():
    several = (lot(1, NOON + DAY), lot(2, NOON + 2 * DAY), lot(4))
    assert consume(several, 6, NOON) == (
        (movement(-1, NOON + DAY), movement(-2, NOON + 2 * DAY), movement(-3)),
        0,
    )


def test_rule_2_within_equal_expiry_the_earliest_available_is_consumed_first():
    first, second = lot(5, NOON + DAY, NOON - 2 * DAY), lot(5, NOON + DAY, NOON - DAY)
    assert sorted([second, first]) == [first, second]
    assert consume((first, second), 6, NOON)[0] == (
        movement(-5, NOON + DAY, NOON - 2 * DAY),
        movement(-1, NOON + DAY, NOON - DAY),
    )


def test_rule_2_a_lot_past_its_date_is_never_consumed():
    assert consume((lot(5, NOON),), 1, NOON) == ((), 1)
    assert consume_pending((lot(5, NOON, NOON + DAY),), 1, NOON) == ((), 1)


def test_rule_2_points_are_gone_at_the_very_instant_of_their_expiry_and_there_just_before():
    assert usable([lot(5, NOON)], NOON - INSTANT) == 5
    assert usable([lot(5, NOON)], NOON) == 0


def test_rule_4_pending_points_can_be_used_from_the_very_instant_on():
    waiting = [lot(5, available_at=NOON)]
    assert (usable(waiting, NOON - INSTANT), pending(waiting, NOON - INSTANT)) == (0, 5)
    assert (usable(waiting, NOON), pending(waiting, NOON)) == (5, 0)


def test_only_the_lot_with_the_same_dates_is_an_earns_own():
    several = (lot(5, NOON + DAY), lot(5, NOON + DAY, NOON + INSTANT), lot(5))
    assert consume_own(several, 7, NOON + DAY, NOON + INSTANT) == ((movement(-5, NOON + DAY, NOON + INSTANT),), 2)


def test_nothing_wanted_moves_nothing():
    assert consume((lot(5),), 0, NOON) == ((), 0)


@given(lots, st.integers(1, POINTS_MAX), instants)
def test_consuming_neither_makes_nor_loses_a_point_and_overdraws_no_lot(several, points, now):
    taken, missing = consume(several, points, now)
    assert missing - sum(one.points for one in taken) == points
    assert missing == max(0, points - usable(several, now))
    left = moved(several, taken)
    assert sum(one.remaining for one in left) == sum(one.remaining for one in several) - points + missing
    assert all(one.remaining > 0 for one in left)


@given(lots, st.integers(1, POINTS_MAX), instants)
def test_what_was_taken_and_is_given_back_leaves_the_lots_as_they_were(several, points, now):
    taken, _ = consume(several, points, now)
    given_back = tuple(Movement(one.expires_at, one.available_at, -one.points) for one in taken)
    assert moved(moved(several, taken), given_back) == several


def test_an_emptied_lot_is_no_longer_there():
    assert moved((lot(5),), (movement(-5),)) == ()
    assert moved((lot(5), lot(5, available_at=NOON)), (movement(-5),)) == (lot(5, available_at=NOON),)


def test_movements_of_new_dates_open_lots_in_the_order_of_consumption():
    opened = moved((lot(5),), (movement(2, NOON), movement(1)))
    assert opened == (lot(2, NOON), lot(6))


@pytest.mark.parametrize("several", [(), (lot(5),), (lot(9, NOON), lot(5))])
def test_an_overdrawn_lot_is_a_bug(several):
    with pytest.raises(ValueError, match="overdraws"):
        moved(several, (movement(-6),))


@given(movements)
def test_movements_read_back_from_their_text_as_they_were(several):
    assert movements_of(movements_text(several)) == several


def test_movements_are_written_as_the_books_have_always_written_them():
    several = (movement(10), movement(-3, datetime(2027, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)))
    assert movements_text(several) == "[[null,null,10],[1798761600000000,-86400000000,-3]]"
    assert movements_text(()) == "[]"


@given(instants)
def test_an_instant_survives_as_whole_microseconds(moment):
    assert instant(microseconds(moment)) == moment


def test_an_instant_is_the_same_in_every_time_zone():
    berlin = timezone(timedelta(hours=1))
    assert microseconds(NOON.astimezone(berlin)) == microseconds(NOON)
    assert moved((lot(5, NOON),), (movement(-2, NOON.astimezone(berlin)),)) == (lot(3, NOON),)
