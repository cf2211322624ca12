"""Periods: the stretches of days over which tiers are measured and kept (points.md, rule 10).

`opened` is the local day on which the account was opened, from which membership years count.
"""

from datetime import date

from ledger_service.ledger.calendar import FIRST_DAY, LAST_DAY, ONE_DAY, months_later
from ledger_service.ledger.levels import Window

YEAR = 12
"""Months."""


def window_of(window: Window, opened: date, day: date) -> tuple[date, date]:
    """The first and the last of the days that count on this day: all of its year, or those up to it."""
    match window.mode:
        case "lifetime":
            return FIRST_DAY, LAST_DAY
        case "rolling":
            return months_later(day, -(window.months or YEAR)) + ONE_DAY, day
        case "calendar_year" | "membership_year":
            return _year_begins(window, opened, day, 0), period_ends(window, opened, day, 1)


def period_ends(window: Window, opened: date, day: date, periods: int) -> date:
    """The last day of the period of this day (`periods` 1), or of one that follows it; LAST_DAY when it has no end.

    A rolling period is counted from this day.
    """
    match window.mode:
        case "lifetime":
            return LAST_DAY
        case "rolling":
            return months_later(day, periods * (window.months or YEAR))
        case "calendar_year" | "membership_year":
            next_begins = _year_begins(window, opened, day, periods)
            return next_begins if next_begins == LAST_DAY else next_begins - ONE_DAY


def _year_begins(window: Window, opened: date, day: date, years: int) -> date:
    """The first day of the calendar or membership year of this day, or of one so many years later."""
    origin = date(day.year, 1, 1) if window.mode == "calendar_year" else opened
    passed = day.year - origin.year
    if months_later(origin, passed * YEAR) > day:
        passed -= 1
    return months_later(origin, (passed + years) * YEAR)
