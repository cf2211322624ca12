from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.calendar import day_begins, day_ends, local_day
from ledger_service.ledger.dates import available_from, expires_at, longer_expiry, moved_by_activity, restored_until
from ledger_service.ledger.lots import ALWAYS, MICROSECOND, NEVER, Lot, moved
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.policies import Available, Expiry
from tests.builders import INSTANT, lot, movement

BERLIN, SANTIAGO, BEIRUT = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Santiago"), ZoneInfo("Asia/Beirut")
ZONES = [ZoneInfo("UTC"), BERLIN, SANTIAGO, BEIRUT, ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]


def berlin(*parts: int) -> datetime:
    """A moment on the clocks of Berlin."""
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)


def after(**units: Any) -> Expiry:
    return Expiry(mode="after", **units)


def fixed(*dates: str) -> Expiry:
    return Expiry(mode="fixed", dates=dates)


def inactivity(months: int) -> Expiry:
    return Expiry(mode="inactivity", months=months)


def waiting(**units: Any) -> Available:
    return Available(mode="after", **units)


AFTERNOON = berlin(2026, 12, 3, 15, 30)
HOUR = timedelta(hours=1)

zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
month_days = st.dates(date(2028, 1, 1), date(2028, 12, 31)).map(lambda day: day.isoformat()[5:])
full_dates = st.dates(date(1980, 1, 1), date(2080, 1, 1)).map(date.isoformat)
expiries = (
    st.just(Expiry())
    | st.builds(
        after,
        years=st.none() | st.integers(0, 10),
        months=st.none() | st.integers(0, 40),
        days=st.none() | st.integers(0, 400),
        round_up_to=st.sampled_from([None, "month", "quarter", "half_year", "year"]),
    )
    | st.builds(after, hours=st.integers(1, 10_000))
    | st.lists(month_days | full_dates, min_size=1, max_size=4).map(lambda dates: fixed(*dates))
    | st.builds(inactivity, st.integers(1, 36))
)
availables = (
    st.just(Available())
    | st.just(Available(mode="on_event"))
    | st.builds(waiting, months=st.none() | st.integers(0, 12), days=st.none() | st.integers(0, 60))
    | st.builds(waiting, hours=st.integers(0, 100))
)


def test_rule_3_under_never_points_do_not_expire():
    assert expires_at(Expiry(), AFTERNOON, BERLIN) == NEVER


def test_rule_3_days_months_and_years_are_counted_on_the_local_date():
    assert expires_at(after(days=10), AFTERNOON, BERLIN) == berlin(2026, 12, 14)
    assert expires_at(after(months=12), AFTERNOON, BERLIN) == berlin(2027, 12, 4)
    assert expires_at(after(years=2), AFTERNOON, BERLIN) == berlin(2028, 12, 4)
    # Half past midnight in Berlin is still the day before in UTC.
    assert expires_at(after(days=1), berlin(2026, 12, 3, 0, 30), BERLIN) == berlin(2026, 12, 5)


def test_rule_3_points_live_through_the_resulting_day_whatever_the_time_of_day_was():
    for hour in (0, 12, 23):
        assert expires_at(after(days=1), berlin(2026, 12, 3, hour), BERLIN) == berlin(2026, 12, 5)


def test_rule_3_several_units_add_up_months_before_days():
    policy = after(years=1, months=2, days=3)
    assert expires_at(policy, berlin(2026, 12, 31, 12), BERLIN) == day_ends(date(2028, 3, 3), BERLIN)


def test_rule_3_31_january_plus_one_month_is_28_february():
    assert expires_at(after(months=1), berlin(2026, 1, 31, 12), BERLIN) == berlin(2026, 3, 1)


def test_rule_3_31_january_plus_one_month_is_29_february_in_a_leap_year():
    assert expires_at(after(months=1), berlin(2028, 1, 31, 12), BERLIN) == day_ends(date(2028, 2, 29), BERLIN)


def test_rule_3_a_leap_day_plus_one_year_is_28_february():
    assert expires_at(after(years=1), berlin(2028, 2, 29, 12), BERLIN) == berlin(2029, 3, 1)


@pytest.mark.parametrize(
    ("period", "ends"),
    [
        ("month", berlin(2027, 3, 1)),
        ("quarter", berlin(2027, 4, 1)),
        ("half_year", berlin(2027, 7, 1)),
        ("year", berlin(2028, 1, 1)),
    ],
)
def test_rule_3_the_resulting_day_is_rounded_up_to_the_end_of_a_period(period: Any, ends: datetime):
    assert expires_at(after(months=3, round_up_to=period), berlin(2026, 11, 15, 12), BERLIN) == ends


def test_rule_3_a_month_is_rounded_up_to_its_own_end():
    assert expires_at(after(days=1, round_up_to="month"), berlin(2027, 1, 15, 12), BERLIN) == berlin(2027, 2, 1)


def test_rule_3_the_last_day_of_a_period_is_not_rounded_up_to_the_next():
    assert expires_at(after(days=1, round_up_to="month"), berlin(2027, 2, 27, 12), BERLIN) == berlin(2027, 3, 1)


def test_rule_3_hours_are_exact_also_when_the_clocks_change():
    before_the_change = berlin(2026, 3, 28, 20)
    assert expires_at(after(hours=24), before_the_change, BERLIN) == before_the_change + timedelta(hours=24)
    assert expires_at(after(hours=24), before_the_change, BERLIN) == berlin(2026, 3, 29, 21)


def test_rule_3_a_fixed_day_of_every_year_is_the_next_one():
    assert expires_at(fixed("12-31"), AFTERNOON, BERLIN) == berlin(2027, 1, 1)
    assert expires_at(fixed("06-30", "12-31"), AFTERNOON, BERLIN) == berlin(2027, 1, 1)
    assert expires_at(fixed("06-30"), AFTERNOON, BERLIN) == berlin(2027, 7, 1)


def test_rule_3_a_fixed_day_that_is_not_over_yet_counts():
    policy = fixed("12-31")
    last_instant = berlin(2027, 1, 1) - INSTANT
    assert expires_at(policy, last_instant, BERLIN) == berlin(2027, 1, 1)
    assert expires_at(policy, berlin(2027, 1, 1), BERLIN) == berlin(2028, 1, 1)


def test_rule_3_after_the_last_of_the_fixed_dates_points_never_expire():
    policy = fixed("2026-06-30", "2027-06-30")
    assert expires_at(policy, berlin(2026, 6, 30, 12), BERLIN) == berlin(2026, 7, 1)
    assert expires_at(policy, AFTERNOON, BERLIN) == berlin(2027, 7, 1)
    assert expires_at(policy, berlin(2027, 7, 1), BERLIN) == NEVER


def test_rule_3_a_fixed_leap_day_is_28_february_in_other_years():
    policy = fixed("02-29")
    assert expires_at(policy, AFTERNOON, BERLIN) == berlin(2027, 3, 1)
    assert expires_at(policy, berlin(2027, 2, 28, 12), BERLIN) == berlin(2027, 3, 1)
    assert expires_at(policy, berlin(2027, 3, 1), BERLIN) == day_ends(date(2028, 2, 29), BERLIN)


def test_rule_3_inactivity_counts_months_from_the_activity_through_the_resulting_day():
    assert expires_at(inactivity(6), berlin(2026, 8, 31, 12), BERLIN) == berlin(2027, 3, 1)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_rule_3_points_live_through_the_day_also_across_daylight_saving_changes(day: date, hours: int):
    midnight = day_begins(day, BERLIN)
    assert expires_at(after(days=0), midnight, BERLIN) == midnight + hours * HOUR
    assert expires_at(after(days=7), midnight - 7 * 24 * HOUR, BERLIN) == midnight + hours * HOUR


@pytest.mark.parametrize(
    ("zone", "day"), [(SANTIAGO, date(2026, 9, 5)), (BEIRUT, date(2026, 3, 28))], ids=["Santiago", "Beirut"]
)
def test_rule_3_where_the_midnight_does_not_exist_points_are_gone_with_the_first_instant_of_the_next_day(
    zone: ZoneInfo, day: date
):
    gone_at = expires_at(after(days=1), day_begins(day, zone) - HOUR, zone)
    assert gone_at.astimezone(zone).hour == 1
    assert local_day(gone_at - MICROSECOND, zone) == day


def test_rule_3_a_longer_rule_for_a_tier_wins_over_the_general_one():
    general, longer, shorter = after(months=12), after(months=18), after(months=6)
    assert longer_expiry(general, longer, AFTERNOON, BERLIN) == expires_at(longer, AFTERNOON, BERLIN)
    assert longer_expiry(general, shorter, AFTERNOON, BERLIN) == expires_at(general, AFTERNOON, BERLIN)
    assert longer_expiry(general, None, AFTERNOON, BERLIN) == expires_at(general, AFTERNOON, BERLIN)
    assert longer_expiry(general, Expiry(), AFTERNOON, BERLIN) == NEVER
    # Which is longer may hang on the day.
    assert longer_expiry(after(days=20), fixed("12-31"), AFTERNOON, BERLIN) == berlin(2027, 1, 1)
    assert longer_expiry(after(days=40), fixed("12-31"), AFTERNOON, BERLIN) == berlin(2027, 1, 13)


def test_rule_4_points_are_available_immediately_unless_the_program_says_otherwise():
    assert available_from(Available(), AFTERNOON, BERLIN) == ALWAYS


def test_rule_4_the_return_window_ends_with_the_local_midnight_that_begins_the_day():
    assert available_from(waiting(days=14), AFTERNOON, BERLIN) == berlin(2026, 12, 17)
    assert available_from(waiting(months=1), berlin(2027, 1, 31, 9), BERLIN) == berlin(2027, 2, 28)
    assert available_from(waiting(months=1, days=1), berlin(2027, 1, 31, 9), BERLIN) == berlin(2027, 3, 1)


def test_rule_4_hours_of_waiting_are_exact():
    before_the_change = berlin(2026, 3, 28, 20)
    assert available_from(waiting(hours=24), before_the_change, BERLIN) == before_the_change + 24 * HOUR


def test_rule_4_no_wait_is_no_date():
    assert available_from(waiting(days=0), AFTERNOON, BERLIN) == ALWAYS
    assert available_from(waiting(hours=0), AFTERNOON, BERLIN) == ALWAYS


def test_rule_4_points_that_wait_for_an_event_have_no_dates_before_it():
    assert available_from(Available(mode="on_event"), AFTERNOON, BERLIN) == NEVER
    assert expires_at(after(days=1), NEVER, BERLIN) == NEVER
    assert longer_expiry(after(days=1), fixed("12-31"), NEVER, BERLIN) == NEVER


def test_rule_4_expiry_counts_from_the_moment_points_become_available():
    available_at = available_from(waiting(days=14), AFTERNOON, BERLIN)
    assert expires_at(after(days=1), available_at, BERLIN) == berlin(2026, 12, 19)


def test_rule_4_where_the_midnight_does_not_exist_the_wait_ends_with_the_first_instant_of_the_day():
    earned_at = day_begins(date(2026, 9, 5), SANTIAGO) + HOUR
    available_at = available_from(waiting(days=1), earned_at, SANTIAGO)
    assert available_at.astimezone(SANTIAGO).hour == 1
    assert local_day(available_at - MICROSECOND, SANTIAGO) == date(2026, 9, 5)


def test_rule_6_points_restored_with_grace_live_so_many_days_more_from_today():
    assert restored_until(10, AFTERNOON, BERLIN) == berlin(2026, 12, 14)
    assert restored_until(0, AFTERNOON, BERLIN) == berlin(2026, 12, 4)


@pytest.mark.parametrize("policy", [after(years=8_000), after(months=10**6), after(days=10**8), after(hours=10**9)])
def test_what_lies_past_the_year_9999_never_comes(policy: Expiry):
    assert expires_at(policy, AFTERNOON, BERLIN) == NEVER
    assert expires_at(fixed("06-30"), datetime(9999, 12, 30, tzinfo=UTC), BERLIN) == NEVER
    assert available_from(waiting(months=10**6), AFTERNOON, BERLIN) == NEVER
    assert available_from(waiting(hours=10**12), AFTERNOON, BERLIN) == NEVER
    assert restored_until(10**8, AFTERNOON, BERLIN) == NEVER


def test_rule_3_an_activity_moves_the_expiry_of_all_open_lots():
    soon, later = AFTERNOON + HOUR, AFTERNOON + 48 * HOUR
    moved_to = berlin(2027, 6, 4)
    lots = (lot(10, soon), lot(20, later))
    assert moved_by_activity(inactivity(6), lots, AFTERNOON, BERLIN) == (
        movement(-10, soon),
        movement(-20, later),
        movement(30, moved_to),
    )


def test_rule_3_an_activity_moves_pending_lots_too_and_they_stay_pending():
    soon, pending_from = AFTERNOON + 48 * HOUR, AFTERNOON + HOUR
    moved_to = berlin(2027, 6, 4)
    lots = (lot(10, soon), lot(20, soon, pending_from))
    assert moved_by_activity(inactivity(6), lots, AFTERNOON, BERLIN) == (
        movement(-10, soon),
        movement(-20, soon, pending_from),
        movement(10, moved_to),
        movement(20, moved_to, pending_from),
    )


def test_rule_3_an_activity_brings_no_expiry_forward_and_gives_none_to_points_that_never_expire():
    lots = (lot(10, berlin(2027, 6, 4)), lot(20, berlin(2028, 1, 1)), lot(30), lot(40, NEVER, NEVER))
    assert moved_by_activity(inactivity(6), lots, AFTERNOON, BERLIN) == ()


def test_rule_3_only_programs_with_inactivity_move_lots():
    assert moved_by_activity(after(months=6), (lot(10, AFTERNOON + HOUR),), AFTERNOON, BERLIN) == ()


@given(expiries, moments, zones)
def test_points_expire_after_they_became_available(policy: Expiry, moment: datetime, zone: ZoneInfo):
    assert expires_at(policy, moment, zone) > moment


@given(expiries, moments, st.timedeltas(timedelta(0), timedelta(days=800)), zones)
def test_points_that_are_available_later_expire_no_earlier(
    policy: Expiry, moment: datetime, later: timedelta, zone: ZoneInfo
):
    assert expires_at(policy, moment, zone) <= expires_at(policy, moment + later, zone)


@given(expiries.filter(lambda policy: policy.hours is None), moments, zones)
def test_points_live_through_whole_local_days(policy: Expiry, moment: datetime, zone: ZoneInfo):
    gone_at = expires_at(policy, moment, zone)
    assert gone_at == NEVER or gone_at == day_ends(local_day(gone_at - MICROSECOND, zone), zone)


@given(expiries, expiries, moments, zones)
def test_a_tier_never_shortens_the_life_of_a_point(general: Expiry, level: Expiry, moment: datetime, zone: ZoneInfo):
    chosen = longer_expiry(general, level, moment, zone)
    assert chosen in (expires_at(general, moment, zone), expires_at(level, moment, zone))
    assert chosen >= expires_at(general, moment, zone)
    assert chosen >= expires_at(level, moment, zone)


@given(availables, moments, zones)
def test_a_wait_lies_ahead_or_is_none(policy: Available, moment: datetime, zone: ZoneInfo):
    available_at = available_from(policy, moment, zone)
    assert available_at == ALWAYS or available_at > moment


@given(availables, moments, st.timedeltas(timedelta(0), timedelta(days=100)), zones)
def test_points_earned_later_are_available_no_earlier(
    policy: Available, moment: datetime, later: timedelta, zone: ZoneInfo
):
    first, second = (available_from(policy, earned_at, zone) for earned_at in (moment, moment + later))
    assert max(first, moment) <= max(second, moment + later)


lots = st.lists(
    st.builds(Lot, st.just(NEVER) | moments, st.just(ALWAYS) | moments, st.integers(1, POINTS_MAX)),
    max_size=6,
    unique_by=lambda one: (one.expires_at, one.available_at),
).map(lambda several: tuple(sorted(several)))


@given(lots, moments, st.integers(1, 36), zones)
def test_an_activity_neither_makes_nor_loses_a_point_and_shortens_no_points_life(
    several: tuple[Lot, ...], activity_at: datetime, months: int, zone: ZoneInfo
):
    movements = moved_by_activity(inactivity(months), several, activity_at, zone)
    moved_to = expires_at(inactivity(months), activity_at, zone)
    expected: Counter[tuple[datetime, datetime]] = Counter()
    for one in several:
        expected[max(one.expires_at, moved_to), one.available_at] += one.remaining
    after_it = moved(several, movements)
    assert {(one.expires_at, one.available_at): one.remaining for one in after_it} == dict(expected)
    assert moved_by_activity(inactivity(months), after_it, activity_at, zone) == ()
    dates = [(movement.expires_at, movement.available_at) for movement in movements]
    assert len(set(dates)) == len(dates), "one net movement for each lot"
