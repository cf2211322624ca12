from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.calendar import FIRST_DAY, LAST_DAY, ONE_DAY
from ledger_service.ledger.levels import Window
from ledger_service.ledger.periods import period_ends, window_of

CALENDAR, MEMBERSHIP = Window("calendar_year"), Window("membership_year")
ROLLING, LIFETIME = Window("rolling", months=6), Window("lifetime")
OPENED = date(2024, 2, 29)

days = st.dates(date(1990, 1, 1), date(2090, 1, 1))
years = st.sampled_from([CALENDAR, MEMBERSHIP])


@pytest.mark.parametrize(
    ("window", "day", "first", "last"),
    [
        (CALENDAR, date(2026, 1, 1), date(2026, 1, 1), date(2026, 12, 31)),
        (CALENDAR, date(2026, 12, 31), date(2026, 1, 1), date(2026, 12, 31)),
        (MEMBERSHIP, date(2024, 2, 29), date(2024, 2, 29), date(2025, 2, 27)),
        (MEMBERSHIP, date(2026, 2, 27), date(2025, 2, 28), date(2026, 2, 27)),
        (MEMBERSHIP, date(2026, 2, 28), date(2026, 2, 28), date(2027, 2, 27)),
        (MEMBERSHIP, date(2028, 2, 28), date(2027, 2, 28), date(2028, 2, 28)),
        (MEMBERSHIP, date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 27)),
        # A purchase may lie before the day on which the account was opened.
        (MEMBERSHIP, date(2024, 2, 28), date(2023, 2, 28), date(2024, 2, 28)),
        (ROLLING, date(2026, 12, 3), date(2026, 6, 4), date(2026, 12, 3)),
        (ROLLING, date(2026, 8, 31), date(2026, 3, 1), date(2026, 8, 31)),
        (LIFETIME, date(2026, 12, 3), FIRST_DAY, LAST_DAY),
    ],
)
def test_rule_10_what_counts_is_a_year_or_the_months_up_to_a_day(window: Window, day: date, first: date, last: date):
    assert window_of(window, OPENED, day) == (first, last)


@pytest.mark.parametrize(
    ("window", "periods", "last"),
    [
        (CALENDAR, 1, date(2026, 12, 31)),
        (CALENDAR, 2, date(2027, 12, 31)),
        (MEMBERSHIP, 1, date(2027, 2, 27)),
        (MEMBERSHIP, 2, date(2028, 2, 28)),
        (ROLLING, 1, date(2027, 2, 28)),
        (ROLLING, 2, date(2027, 8, 31)),
        (LIFETIME, 1, LAST_DAY),
    ],
)
def test_rule_10_a_period_is_the_year_or_the_months_from_the_day_a_tier_was_reached(
    window: Window, periods: int, last: date
):
    assert period_ends(window, OPENED, date(2026, 8, 31), periods) == last


@pytest.mark.parametrize("window", [CALENDAR, MEMBERSHIP, ROLLING])
def test_the_last_year_has_no_end(window: Window):
    assert period_ends(window, OPENED, date(9999, 7, 1), 1) == LAST_DAY
    assert window_of(window, OPENED, LAST_DAY)[1] == LAST_DAY


@given(years, days, days)
def test_years_lie_end_to_end(window: Window, opened: date, day: date):
    first, last = window_of(window, opened, day)
    assert first <= day <= last
    assert last == period_ends(window, opened, day, 1)
    assert window_of(window, opened, last) == (first, last)
    assert window_of(window, opened, last + ONE_DAY)[0] == last + ONE_DAY
    assert period_ends(window, opened, day, 2) == period_ends(window, opened, last + ONE_DAY, 1)


@given(years | st.builds(Window, st.just("rolling"), st.integers(1, 36)), days, days, st.integers(0, 800))
def test_periods_and_windows_never_go_back(window: Any, opened: date, day: date, later: int):
    further = day + timedelta(days=later)
    assert period_ends(window, opened, day, 1) <= period_ends(window, opened, further, 1)
    assert window_of(window, opened, day)[0] <= window_of(window, opened, further)[0]
    assert day <= period_ends(window, opened, day, 1) < period_ends(window, opened, day, 2)
