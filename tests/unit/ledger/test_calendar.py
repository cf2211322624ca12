from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.calendar import (
    FIRST_DAY,
    LAST_DAY,
    ONE_DAY,
    clamped,
    day_begins,
    day_ends,
    days_later,
    local_day,
    months_later,
)
from ledger_service.ledger.lots import MICROSECOND, NEVER

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "America/Havana",
        "America/St_Johns",
        "America/Scoresbysund",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    )
]
zones = st.sampled_from(ZONES)
days = st.dates(date(1971, 1, 1), date(2100, 1, 1))
instants = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        (utc(2026, 12, 31, 22, 59, 59), BERLIN, date(2026, 12, 31)),
        (utc(2026, 12, 31, 23), BERLIN, date(2027, 1, 1)),
        (utc(2026, 6, 30, 22), BERLIN, date(2026, 7, 1)),
        (utc(2026, 1, 1, 4, 59), ZoneInfo("America/New_York"), date(2025, 12, 31)),
    ],
)
def test_the_local_day_is_that_of_the_programs_time_zone(instant: datetime, zone: ZoneInfo, day: date):
    assert local_day(instant, zone) == day


def test_a_day_begins_at_the_local_midnight_in_winter_and_in_summer():
    assert day_begins(date(2026, 1, 15), BERLIN) == utc(2026, 1, 14, 23)
    assert day_begins(date(2026, 7, 15), BERLIN) == utc(2026, 7, 14, 22)


def test_days_on_which_the_clocks_change_have_23_and_25_hours():
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert day_ends(spring, BERLIN) - day_begins(spring, BERLIN) == timedelta(hours=23)
    assert day_ends(autumn, BERLIN) - day_begins(autumn, BERLIN) == timedelta(hours=25)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        # The clocks jump from 24:00 to 01:00.
        ("America/Santiago", date(2026, 9, 6), utc(2026, 9, 6, 4)),
        ("Asia/Beirut", date(2026, 3, 29), utc(2026, 3, 28, 22)),
        ("America/Havana", date(2026, 3, 8), utc(2026, 3, 8, 5)),
        # From 23:30 to 00:30: midnight lies in the middle of what is left out.
        ("America/Toronto", date(1919, 3, 31), utc(1919, 3, 31, 4, 30)),
    ],
)
def test_a_day_without_midnight_begins_with_its_first_instant(zone: str, day: date, begins: datetime):
    assert day_begins(day, ZoneInfo(zone)) == begins
    assert local_day(begins, ZoneInfo(zone)) == day
    assert local_day(begins - MICROSECOND, ZoneInfo(zone)) == day - ONE_DAY


def test_a_day_that_a_country_left_out_begins_with_the_next():
    apia = ZoneInfo("Pacific/Apia")
    assert day_begins(date(2011, 12, 30), apia) == day_begins(date(2011, 12, 31), apia) == utc(2011, 12, 30, 10)


def test_a_midnight_that_comes_twice_begins_the_day_the_first_time_if_the_day_goes_on():
    # Havana puts its clocks back from 01:00 to 00:00, within one day.
    assert day_begins(date(2026, 11, 1), ZoneInfo("America/Havana")) == utc(2026, 11, 1, 4)


def test_a_midnight_that_comes_twice_begins_the_day_for_good_if_the_day_before_comes_back():
    # Newfoundland put its clocks back at 00:01 to 23:01 of the day before.
    assert day_begins(date(2010, 11, 7), ZoneInfo("America/St_Johns")) == utc(2010, 11, 7, 3, 30)


def test_rule_3_31_january_plus_one_month_is_28_or_29_february():
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_later(date(2028, 1, 31), 1) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 12, 3), 0, date(2026, 12, 3)),
        (date(2026, 12, 3), 1, date(2027, 1, 3)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -12, date(2025, 1, 15)),
        (date(9999, 6, 1), 6, date(9999, 12, 1)),
        (date(9999, 6, 1), 7, LAST_DAY),
        (date(2026, 6, 1), 10**9, LAST_DAY),
        (date(1, 6, 2), -5, date(1, 1, 2)),
        (date(1, 6, 2), -6, FIRST_DAY),
    ],
)
def test_months_are_counted_on_the_calendar(day: date, months: int, later: date):
    assert months_later(day, months) == later


def test_days_end_with_the_calendar():
    assert days_later(date(2026, 12, 31), 1) == date(2027, 1, 1)
    assert days_later(date(2026, 12, 31), 10**12) == LAST_DAY


def test_a_day_that_a_month_does_not_have_is_its_last():
    assert clamped(2026, 2, 29) == clamped(2026, 2, 28) == date(2026, 2, 28)
    assert clamped(2028, 2, 30) == date(2028, 2, 29)
    assert clamped(2026, 4, 31) == date(2026, 4, 30)


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.key)
def test_our_time_ends_with_the_year_9999(zone: ZoneInfo):
    assert day_begins(LAST_DAY, zone) == day_ends(LAST_DAY, zone) == day_ends(date(9999, 1, 1), zone) == NEVER
    assert utc(9998, 12, 31, 9) < day_ends(date(9998, 12, 31), zone) < utc(9999, 1, 1, 13)
    assert local_day(NEVER - MICROSECOND, zone) >= date(9999, 12, 31)
    assert local_day(utc(1, 1, 1), zone) <= date(1, 1, 1)


@given(instants, zones)
def test_an_instant_lies_between_the_beginning_and_the_end_of_its_day(instant: datetime, zone: ZoneInfo):
    day = local_day(instant, zone)
    assert instant < day_ends(day, zone)
    assert day_begins(day - ONE_DAY, zone) <= day_begins(day, zone) <= day_ends(day, zone)


@given(days, zones)
def test_before_a_day_begins_it_is_the_day_before_and_from_then_on_it_is_not(day: date, zone: ZoneInfo):
    begins = day_begins(day, zone)
    assert local_day(begins - MICROSECOND, zone) < day <= local_day(begins, zone)
    hours = [begins + timedelta(hours=hour) for hour in range(30)]
    assert all(local_day(hour, zone) >= day for hour in hours)


@given(days, st.integers(-600, 600), st.integers(0, 40))
def test_a_later_day_is_never_earlier_a_month_on(day: date, months: int, further: int):
    assert months_later(day, months) <= months_later(day + timedelta(days=further), months)
    assert months_later(day, months) <= months_later(day, months + 1)
