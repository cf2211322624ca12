"""Calendar: local days of a program, and the instants at which they begin and end (points.md, rule 3).

`LAST_DAY` stands for every day past the calendar: it neither begins nor ends, so its instants are NEVER.
"""

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ledger_service.ledger.lots import MICROSECOND, NEVER

FIRST_DAY = date.min
LAST_DAY = date.max
ONE_DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day on which this instant falls there."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        # Within a day of either end of our time the zone would show a year that a date cannot have.
        return LAST_DAY if instant.year == MAXYEAR else FIRST_DAY


@lru_cache(maxsize=4_096)
def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of this day, in UTC. Midnight, but for days whose midnight the clocks leave out."""
    if day == LAST_DAY:
        return NEVER
    midnight = datetime.combine(day, time.min, zone)
    first, second = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    if second < first:
        return _skipped_midnight(day, zone, second, first)
    if second > first and local_day(second - MICROSECOND, zone) < day:
        # The clocks were put back just after midnight, into the day before: the day begins for good the second time.
        return second
    return first


def _skipped_midnight(day: date, zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant, between these two, at which the clocks jump over midnight. They do so on whole seconds."""
    while after - before > SECOND:
        middle = before + (after - before) // (2 * SECOND) * SECOND
        if local_day(middle, zone) < day:
            before = middle
        else:
            after = middle
    return after


def day_ends(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after this day: the beginning of the next. NEVER beyond the year 9998."""
    return NEVER if day.year >= MAXYEAR else day_begins(day + ONE_DAY, zone)


def months_later(day: date, months: int) -> date:
    """The same day so many months later (or earlier, below 0), or the last one of a shorter month.

    31 January plus one month is 28 (or 29) February. Ends at FIRST_DAY and LAST_DAY.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > MAXYEAR:
        return LAST_DAY
    if year < MINYEAR:
        return FIRST_DAY
    return clamped(year, month + 1, day.day)


def days_later(day: date, days: int) -> date:
    """So many days later. Ends at LAST_DAY."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return LAST_DAY


def clamped(year: int, month: int, day: int) -> date:
    """This day of the month, or the month's last one when it is shorter."""
    return date(year, month, day if day <= 28 else min(day, monthrange(year, month)[1]))
