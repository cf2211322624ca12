"""Dates, naively: a local day is looked for, quarter of an hour by quarter of an hour (points.md, rules 3 and 4)."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.policies import Available, Expiry


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


@cache
def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The first quarter of an hour that belongs to this local day."""
    instant = datetime.combine(day, time(), UTC) - timedelta(hours=26)
    while day_of(instant, zone) < day:
        instant += timedelta(minutes=15)
    return instant


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The midnight that ends this local day."""
    return begin_of(day + timedelta(days=1), zone)


def months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def available_from(policy: Available, earned_at: datetime, zone: ZoneInfo) -> datetime:
    """When points of this moment can be used: ALWAYS for at once, NEVER when they wait for an event."""
    if policy.mode == "on_event":
        return NEVER
    if policy.mode == "immediately":
        return ALWAYS
    if policy.hours:
        return earned_at + timedelta(hours=policy.hours)
    day = months_after(day_of(earned_at, zone), policy.months or 0) + timedelta(days=policy.days or 0)
    begin = begin_of(day, zone)
    return begin if begin > earned_at else ALWAYS


def expiry_of(policy: Expiry | None, usable_from: datetime, zone: ZoneInfo) -> datetime:
    """When points that can be used from this moment on are gone."""
    if policy is None or policy.mode == "never" or usable_from == NEVER:
        return NEVER
    today = day_of(usable_from, zone)
    if policy.mode == "fixed":
        ends = [end_of(day, zone) for text in policy.dates for day in _dates(text, today)]
        return min((end for end in ends if end > usable_from), default=NEVER)
    if policy.hours:
        return usable_from + timedelta(hours=policy.hours)
    months = (policy.years or 0) * 12 + (policy.months or 0)
    day = months_after(today, months) + timedelta(days=policy.days or 0)
    while policy.round_up_to is not None and not _closes(policy.round_up_to, day):
        day += timedelta(days=1)
    return end_of(day, zone)


def _dates(text: str, today: date) -> list[date]:
    if len(text) > len("12-31"):
        return [date.fromisoformat(text)]
    month, day = int(text[:2]), int(text[3:])
    years = (today.year, today.year + 1)
    return [date(year, month, min(day, monthrange(year, month)[1])) for year in years]


def _closes(period: str, day: date) -> bool:
    """Whether it is the last day of its month, quarter, half year or year."""
    months = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[period]
    return (day + timedelta(days=1)).day == 1 and day.month % months == 0
