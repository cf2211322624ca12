"""Dates: when points can be used and when they are gone, as a program's policies say (points.md, rules 3, 4 and 6).

The results are dates of lots: ALWAYS and NEVER stand for points without one. What lies past the year 9999 is NEVER.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import MAXYEAR, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ledger_service.ledger.calendar import LAST_DAY, clamped, day_begins, day_ends, days_later, local_day, months_later
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot, Movement
from ledger_service.ledger.policies import Available, Expiry

MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def available_from(policy: Available, earned_at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which points earned then can be used (rule 4).

    ALWAYS when that is at once, NEVER when they wait for an event. Days and months count to the local midnight that
    begins the resulting day; hours, which stand alone, are exact.
    """
    match policy.mode:
        case "immediately":
            return ALWAYS
        case "on_event":
            return NEVER
        case "after":
            if policy.hours is not None:
                available_at = _hours_later(earned_at, policy.hours)
            else:
                available_at = _waited(policy, local_day(earned_at, zone), zone)
            return available_at if available_at > earned_at else ALWAYS


def expires_at(policy: Expiry, available_at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which points that become available then are gone; NEVER when they stay (rule 3).

    `available_at` is a real moment: points that are available at once (ALWAYS in their lot) count from when they were
    earned. Those that wait for an event (NEVER) have no expiry before it. For `inactivity` it is the last activity.
    """
    if policy.mode == "never" or available_at == NEVER:
        return NEVER
    if policy.mode == "after" and policy.hours is not None:
        return _hours_later(available_at, policy.hours)
    return _lived_through(policy, local_day(available_at, zone), zone)


def longer_expiry(general: Expiry, level: Expiry | None, available_at: datetime, zone: ZoneInfo) -> datetime:
    """The expiry under the program's policy, or under the tier's where that lets the points live longer (rule 3)."""
    expiry = expires_at(general, available_at, zone)
    return expiry if level is None else max(expiry, expires_at(level, available_at, zone))


def restored_until(days: int, now: datetime, zone: ZoneInfo) -> datetime:
    """When points are gone that came back after their expiry and live so many days more (rule 6, `grace`)."""
    return day_ends(days_later(local_day(now, zone), days), zone)


def moved_by_activity(
    policy: Expiry, lots: Iterable[Lot], activity_at: datetime, zone: ZoneInfo
) -> tuple[Movement, ...]:
    """What an activity at this instant moves between lots: every lot that would expire earlier, pending ones too, gets
    the expiry that counts from the activity (rule 3). Never-expiring points stay. Nothing under any other policy.
    """
    if policy.mode != "inactivity":
        return ()
    moved_to = expires_at(policy, activity_at, zone)
    earlier = [lot for lot in lots if lot.expires_at < moved_to]
    points: Counter[datetime] = Counter()
    for lot in earlier:
        points[lot.available_at] += lot.remaining
    return (
        *(Movement(lot.expires_at, lot.available_at, -lot.remaining) for lot in earlier),
        *(Movement(moved_to, available_at, together) for available_at, together in sorted(points.items())),
    )


# Nearly all earns of a program's day have the same dates: both are asked for once a day and policy, not once an earn.
@lru_cache(maxsize=4_096)
def _waited(policy: Available, day: date, zone: ZoneInfo) -> datetime:
    return day_begins(days_later(months_later(day, policy.months or 0), policy.days or 0), zone)


@lru_cache(maxsize=4_096)
def _lived_through(policy: Expiry, day: date, zone: ZoneInfo) -> datetime:
    """The midnight that ends the last day on which the points live."""
    if policy.mode == "fixed":
        return day_ends(min((_next(text, day) for text in policy.dates), default=LAST_DAY), zone)
    months = (policy.years or 0) * 12 + (policy.months or 0)
    last_day = days_later(months_later(day, months), policy.days or 0)
    if policy.round_up_to is not None:
        last_day = _rounded_up(last_day, policy.round_up_to)
    return day_ends(last_day, zone)


def _next(text: str, day: date) -> date:
    """The first such day that is not over: today too. LAST_DAY after the last one."""
    if len(text) > len("MM-DD"):
        fixed = date.fromisoformat(text)
        return fixed if fixed >= day else LAST_DAY
    month, day_of_month = int(text[:2]), int(text[3:])
    this_year = clamped(day.year, month, day_of_month)
    if this_year >= day:
        return this_year
    return LAST_DAY if day.year == MAXYEAR else clamped(day.year + 1, month, day_of_month)


def _rounded_up(day: date, period: str) -> date:
    """The last day of the month, quarter, half year or year."""
    months = MONTHS[period]
    return clamped(day.year, -(-day.month // months) * months, 31)


def _hours_later(moment: datetime, hours: int) -> datetime:
    try:
        return moment + timedelta(hours=hours)
    except OverflowError:
        return NEVER
