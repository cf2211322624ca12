"""Limits: how large an entry and a balance may be, and how far back an entry may lie (points.md, rule 11)."""

from dataclasses import replace
from datetime import datetime, timedelta

from ledger_service.ledger.calendar import local_day
from ledger_service.ledger.details import Detail
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import LimitExceeded, OutOfRange
from ledger_service.ledger.standing import Standing
from ledger_service.ledger.states import AccountState

AHEAD_MAX = timedelta(minutes=5)
"""How far a till's clock may run ahead of ours before its entries are refused."""


def occurred_out_of_range(occurred_at: datetime | None, now: datetime, settings: ProgramSettings) -> OutOfRange | None:
    """Refuse what happened too long ago for the program, or lies in the future."""
    if occurred_at is None:
        return None
    # Durations are compared, not instants: near the first and the last year there may be no such instant.
    if occurred_at - now > AHEAD_MAX:
        return OutOfRange("/occurred_at", "must not be more than 5 minutes ahead of the ledger's clock")
    days = settings.backdate_days_max
    if now - occurred_at > timedelta(days=days):
        return OutOfRange(
            "/occurred_at", f"must not be more than {days} days ago (limits.max_backdate_days of the program)"
        )
    return None


def beyond_entry(points: int, settings: ProgramSettings) -> LimitExceeded | None:
    """Refuse an entry larger than the program allows, either way."""
    largest = settings.points_per_entry_max
    return LimitExceeded(limit=largest, allowed=largest) if abs(points) > largest else None


def beyond_balance(account: AccountState, points: int) -> LimitExceeded | None:
    """Refuse a balance that a client could not read exactly, either way."""
    return _beyond(account.balance, points) if abs(account.balance + points) > POINTS_MAX else None


def beyond_lifetime(account: AccountState, points: int) -> LimitExceeded | None:
    """Refuse to earn more in an account's life than a client could read exactly."""
    return _beyond(account.lifetime_points, points) if abs(account.lifetime_points + points) > POINTS_MAX else None


def beyond_day(account: AccountState, points: int, now: datetime, settings: ProgramSettings) -> LimitExceeded | None:
    """Refuse to redeem, or to hold, more on one local day than the program allows."""
    largest = settings.redeem_per_day_max
    if largest is None:
        return None
    standing = account.standing
    redeemed = standing.redeemed if standing.redeemed_on == local_day(now, settings.zone) else 0
    if redeemed + points <= largest:
        return None
    return LimitExceeded(limit=largest, allowed=max(0, largest - redeemed))


def redeemed_today(
    account: AccountState, points: int, now: datetime, settings: ProgramSettings
) -> tuple[Standing | None, Detail]:
    """The standing after so many points were redeemed, and what the entry says of it; None without a daily limit."""
    if settings.redeem_per_day_max is None:
        return None, {}
    day = local_day(now, settings.zone)
    before = account.standing.redeemed if account.standing.redeemed_on == day else 0
    standing = replace(account.standing, redeemed_on=day, redeemed=before + points)
    return standing, {"redeemed_on": day.isoformat()}


def _beyond(counted: int, points: int) -> LimitExceeded:
    return LimitExceeded(limit=POINTS_MAX, allowed=POINTS_MAX - counted if points > 0 else POINTS_MAX + counted)
