"""Merging: everything of one account moves to another, and back within 30 days (points.md, rule 8)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from ledger_service.ledger.commands import Merge, Unmerge
from ledger_service.ledger.details import Detail, detail_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holding import soonest
from ledger_service.ledger.limits import beyond_balance, beyond_lifetime
from ledger_service.ledger.lots import Lot, Movement, consume, consume_own, consume_pending, moved, net, pending, usable
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import (
    AccountMerged,
    AccountNotActive,
    InsufficientPoints,
    NothingToReverse,
    Refusal,
)
from ledger_service.ledger.standing import NEWCOMER, QualifyingDay, Standing, tier_document, tier_of, total
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import merged, reached

UNMERGE_WITHIN = timedelta(days=30)


def decide_merge(
    source: AccountState,
    survivor: AccountState,
    command: Merge,
    identifiers: tuple[str, ...],
    now: datetime,
    settings: ProgramSettings,
) -> tuple[Posting, Posting] | Refusal:
    """All points, with their dates, open holds, counters and identifiers move; the higher tier is kept.

    Debt of either side is paid with the lots of the other: usable ones first, soonest expiry first, then pending.
    """
    if survivor.status == "merged":
        return AccountMerged(survivor.merged_into)
    for account in (source, survivor):
        if account.status == "closed":
            return AccountNotActive(account.status)
    limited = beyond_balance(survivor, source.balance) or beyond_lifetime(survivor, source.lifetime_points)
    if limited:
        return limited
    arriving = tuple(Movement(lot.expires_at, lot.available_at, lot.remaining) for lot in source.lots)
    holds = tuple(replace(hold, account_id=survivor.account_id) for hold in source.holds)
    tier, floor = merged(settings, source.standing, survivor.standing)
    standing = replace(
        survivor.standing,
        spend=total(survivor.standing.spend, source.standing.spend),
        visits=survivor.standing.visits + source.standing.visits,
        tier=tier,
        floor=floor,
    )
    days = added(survivor.days, source.days)
    lifetime = survivor.lifetime_points + source.lifetime_points
    standing = reached(settings, replace(survivor, standing=standing, days=days, lifetime_points=lifetime), now)
    out = Posting(
        kind="merge_out",
        points=-source.balance,
        movements=_negative(arriving),
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        transfer_id=command.transfer_id,
        held_change=-source.held,
        lifetime_change=-source.lifetime_points,
        standing=NEWCOMER,
        days=(),
        day_changes=negated(source.days),
        holds=(),
        detail={
            "counterpart": survivor.account_id,
            "merged": _moved(source, -1, source.lifetime_points, identifiers) | {"status_before": source.status},
        },
    )
    into = Posting(
        kind="merge_in",
        points=source.balance,
        movements=_paying_debt(survivor, arriving, source.debt, now),
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        transfer_id=command.transfer_id,
        held_change=source.held,
        lifetime_change=source.lifetime_points,
        standing=standing,
        days=days,
        day_changes=source.days,
        holds=tuple(sorted((*survivor.holds, *holds), key=soonest)),
        detail={
            "counterpart": source.account_id,
            "merged": _moved(source, 1, source.lifetime_points, identifiers)
            | {"standing_before": tier_document(survivor.standing)},
        },
    )
    return out, into


def decide_unmerge(
    source: AccountState,
    survivor: AccountState,
    merge_out: Entry,
    command: Unmerge,
    identifiers: tuple[str, ...],
    now: datetime,
    settings: ProgramSettings,
) -> tuple[Posting, Posting, AccountState] | Refusal:
    """Give back what the merge moved, as long as the survivor has the points. The third answer: the source, open again.

    What expired meanwhile does not come back. Debt comes back as far as the survivor still has it.
    """
    facts: Detail = detail_of(merge_out)["merged"]
    if now - merge_out.recorded_at > UNMERGE_WITHIN:
        return NothingToReverse("merge")
    if survivor.status == "merged":
        return AccountMerged(survivor.merged_into)
    arriving = tuple(
        Movement(movement.expires_at, movement.available_at, -movement.points)
        for movement in merge_out.movements
        if movement.expires_at > now
    )
    needed = sum(movement.points for movement in arriving)
    has = usable(survivor.lots, now) + pending(survivor.lots, now)
    if needed > has:
        return InsufficientPoints(available=has, requested=needed, as_of_seq=survivor.seq)
    moving = [hold for hold in survivor.holds if hold.hold_id in facts["holds"]]
    held = sum(hold.points for hold in moving)
    # What the merge_out lacked after lots and held points were counted.
    owed = merge_out.points - sum(movement.points for movement in merge_out.movements) - facts["held"]
    debt = min(owed, survivor.debt)
    points = needed + held - debt
    days = tuple(_day_of(document) for document in facts["days"])
    spend, visits, lifetime = -Decimal(facts["spend"]), -facts["visits"], -facts["lifetime"]
    tier, floor = tier_of(facts["standing_before"])
    status = facts["status_before"]
    out = Posting(
        kind="merge_out",
        points=-points,
        movements=_taken(survivor.lots, arriving, now),
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        transfer_id=command.transfer_id,
        held_change=-held,
        lifetime_change=-lifetime,
        standing=replace(
            survivor.standing, spend=total(survivor.standing.spend, -spend), visits=survivor.standing.visits - visits
        ),
        days=added(survivor.days, days),
        day_changes=days,
        holds=tuple(hold for hold in survivor.holds if hold not in moving),
        detail={
            "counterpart": source.account_id,
            "merged": {
                "lifetime": -lifetime,
                "spend": str(total(-spend)),
                "visits": -visits,
                "days": facts["days"],
                "holds": [hold.hold_id for hold in moving],
                "identifiers": list(identifiers),
                "undoes": merge_out.transfer_id,
            },
        },
    )
    back = negated(days)
    into = Posting(
        kind="merge_in",
        points=points,
        movements=arriving,
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        transfer_id=command.transfer_id,
        held_change=held,
        lifetime_change=lifetime,
        standing=Standing(spend=spend, visits=visits, tier=tier, floor=floor),
        days=back,
        day_changes=back,
        holds=tuple(sorted((replace(hold, account_id=source.account_id) for hold in moving), key=soonest)),
        detail={
            "counterpart": survivor.account_id,
            "merged": {
                "lifetime": lifetime,
                "spend": str(spend),
                "visits": visits,
                "days": [_day_document(day) for day in back],
                "holds": [hold.hold_id for hold in moving],
                "identifiers": list(identifiers),
                "undoes": merge_out.transfer_id,
            },
        },
    )
    return out, into, replace(source, status=status, merged_into=None)


def added(days: tuple[QualifyingDay, ...], others: tuple[QualifyingDay, ...]) -> tuple[QualifyingDay, ...]:
    """Both, day by day."""
    sums = {day.day: day for day in days}
    for other in others:
        day = sums.get(other.day, QualifyingDay(other.day))
        sums[other.day] = QualifyingDay(
            other.day, day.points + other.points, total(day.spend, other.spend), day.visits + other.visits
        )
    return tuple(sorted(sums.values()))


def negated(days: Iterable[QualifyingDay]) -> tuple[QualifyingDay, ...]:
    return tuple(QualifyingDay(day.day, -day.points, -day.spend, -day.visits) for day in days)


def _negative(movements: Iterable[Movement]) -> tuple[Movement, ...]:
    return tuple(Movement(movement.expires_at, movement.available_at, -movement.points) for movement in movements)


def _moved(source: AccountState, sign: int, lifetime: int, identifiers: tuple[str, ...]) -> Detail:
    """What a merge moves beside points, signed as it changes the account of the entry."""
    days = source.days if sign > 0 else negated(source.days)
    return {
        "lifetime": sign * lifetime,
        "spend": str(total(sign * source.standing.spend)),
        "visits": sign * source.standing.visits,
        "days": [_day_document(day) for day in days],
        "held": sign * source.held,
        "holds": [hold.hold_id for hold in source.holds],
        "identifiers": list(identifiers),
        "standing_before": tier_document(source.standing),
    }


def _day_document(day: QualifyingDay) -> list[object]:
    return [day.day.isoformat(), day.points, str(total(day.spend)), day.visits]


def _day_of(document: list[str | int]) -> QualifyingDay:
    day, points, spend, visits = document
    return QualifyingDay(date.fromisoformat(str(day)), int(points), Decimal(spend), int(visits))


def _paying_debt(
    survivor: AccountState, arriving: tuple[Movement, ...], debt: int, now: datetime
) -> tuple[Movement, ...]:
    """What the survivor's lots change by: what arrives, less what pays the debts of both."""
    owed = survivor.debt + debt
    if owed == 0:
        return arriving
    lots = moved(survivor.lots, arriving)
    paid, owed = consume(lots, owed, now)
    lots = moved(lots, paid)
    waiting, _ = consume_pending(lots, owed, now)
    return net((*arriving, *paid, *waiting))


def _taken(lots: tuple[Lot, ...], arriving: tuple[Movement, ...], now: datetime) -> tuple[Movement, ...]:
    """From lots with the same dates first, then usable ones, soonest expiry first, then pending."""
    taken: list[Movement] = []
    missing = 0
    for movement in arriving:
        own, lacking = consume_own(lots, movement.points, movement.expires_at, movement.available_at)
        lots = moved(lots, own)
        taken.extend(own)
        missing += lacking
    others, missing = consume(lots, missing, now)
    lots = moved(lots, others)
    waiting, _ = consume_pending(lots, missing, now)
    return net((*taken, *others, *waiting))
