"""Counting: what an entry adds to spend, visits and the tier of an account, or takes from them (points.md, rule 10)."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from ledger_service.ledger.details import Detail, counts
from ledger_service.ledger.postings import NOTHING, Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.slots import through_slots
from ledger_service.ledger.standing import QualifyingDay, Standing, total
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import counted, reached


@through_slots
@dataclass(frozen=True, slots=True)
class Counted:
    """What becomes of an account's counters, as its posting says it."""

    standing: Standing | None
    days: tuple[QualifyingDay, ...] | None
    changes: tuple[QualifyingDay, ...]
    """What changes in the days."""
    detail: Detail


UNCOUNTED = Counted(None, None, (), NOTHING)
"""Of an entry that counts towards nothing."""


def counted_with(
    account: AccountState,
    points: int,
    spend: Decimal,
    visits: int,
    day: date | None,
    now: datetime,
    settings: ProgramSettings,
) -> Counted:
    """The counters with so much more, on this day (None: on none). A threshold is reached at once."""
    if day is None:
        before, days = account.standing, account.days
        standing = Standing(
            spend=total(before.spend, spend),
            visits=before.visits + visits,
            tier=before.tier,
            floor=before.floor,
            redeemed_on=before.redeemed_on,
            redeemed=before.redeemed,
        )
    else:
        standing, days = counted(settings, account, points, spend, visits, day)
    if settings.ladder is None:
        return Counted(standing, days, (), {"counts": counts(None, spend, visits)})
    after = replace(account, standing=standing, days=days, lifetime_points=account.lifetime_points + points)
    return Counted(
        standing=reached(settings, after, now),
        days=days,
        changes=() if day is None else (QualifyingDay(day, points, spend, visits),),
        detail={"counts": counts(day, spend, visits)},
    )


def counting(
    account: AccountState,
    posting: Posting,
    spend: Decimal,
    visits: int,
    day: date | None,
    now: datetime,
    settings: ProgramSettings,
) -> Posting:
    """The posting with what it counts: its points, and so much spend and so many visits."""
    done = counted_with(account, posting.points, spend, visits, day, now, settings)
    return replace(
        posting,
        standing=done.standing,
        days=done.days,
        day_changes=done.changes,
        detail={**posting.detail, **done.detail},
    )
