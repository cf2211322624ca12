"""Earning: points in, with their dates (points.md, rules 1 to 4, 7 and 9)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ledger_service.ledger.calendar import local_day
from ledger_service.ledger.commands import Earn
from ledger_service.ledger.counting import UNCOUNTED, Counted, counted_with
from ledger_service.ledger.dates import available_from, expires_at, longer_expiry, moved_by_activity
from ledger_service.ledger.details import Detail, part
from ledger_service.ledger.earned import Circumstances, Evaluation, Portion, evaluate, portions_of
from ledger_service.ledger.levels import Level
from ledger_service.ledger.limits import beyond_balance, beyond_entry, beyond_lifetime, occurred_out_of_range
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement, moved, net, paying
from ledger_service.ledger.policies import Expiry
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.refusals import AccountNotActive, OutOfRange, Refusal
from ledger_service.ledger.standing import NOTHING_SPENT
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import effective_level


def decide_earn(account: AccountState, command: Earn, now: datetime, settings: ProgramSettings) -> Posting | Refusal:
    """Give explicit points, or what the rules give for a purchase. Only a closed account may not earn."""
    if account.status == "closed":
        return AccountNotActive(account.status)
    if command.occurred_at is not None or command.expires_at is not None:
        refusal = occurred_out_of_range(command.occurred_at, now, settings) or _dates_out_of_range(command, now)
        if refusal:
            return refusal
    earned_at = command.occurred_at or now
    level = effective_level(settings, account.standing, now)
    points, portions, detail = _earned(account, command, earned_at, level, settings)
    limited = beyond_entry(points, settings) or beyond_balance(account, points) or beyond_lifetime(account, points)
    if limited:
        return limited
    parts = dated(portions, command.available_at, command.expires_at, earned_at, now, level, settings)
    available_at, expires_at = _shown(parts)
    moves = active(account, "earn", earned_at, settings)
    if len(parts) > 1 or available_at == NEVER:
        detail["parts"] = [part(movement, rule_id) for movement, rule_id in parts]
        if level is not None:
            detail["level"] = level.id
    counted = _counted(account, command, points, earned_at, now, settings)
    return Posting(
        kind="earn",
        points=points,
        movements=together(moves, credited(account, [movement for movement, _ in parts])),
        source=command.source,
        key=command.key,
        occurred_at=earned_at,
        order_id=command.order_id,
        reason=command.reason,
        metadata=command.metadata,
        available_at=available_at,
        expires_at=expires_at,
        lifetime_change=points,
        detail={**detail, **counted.detail},
        standing=counted.standing,
        days=counted.days,
        day_changes=counted.changes,
    )


def preview(
    account: AccountState | None, purchase: Purchase, earned_at: datetime, now: datetime, settings: ProgramSettings
) -> tuple[Evaluation, datetime | None, datetime | None]:
    """What the purchase would earn; when the points can be used (None: at once) and are gone (None: never)."""
    found = AccountState(account_id="") if account is None else account
    level = effective_level(settings, found.standing, now)
    evaluation = evaluate(settings, purchase, _circumstances(found, earned_at, level))
    parts = dated(evaluation.portions, None, None, earned_at, now, level, settings)
    return evaluation, *_shown(parts)


def _earned(
    account: AccountState, command: Earn, earned_at: datetime, level: Level | None, settings: ProgramSettings
) -> tuple[int, tuple[Portion, ...], Detail]:
    if command.purchase is None:
        points = command.points or 0
        return points, (Portion(points, None),), {}
    points, portions = portions_of(settings, command.purchase, _circumstances(account, earned_at, level))
    detail: Detail = {"purchase": command.purchase.document()}
    if level is not None:
        detail["level"] = level.id
    if account.standing.visits == 0:
        detail["first"] = True
    return points, portions, detail


def _counted(
    account: AccountState, command: Earn, points: int, earned_at: datetime, now: datetime, settings: ProgramSettings
) -> Counted:
    day = None if settings.ladder is None else local_day(earned_at, settings.zone)
    if command.purchase is not None:
        return counted_with(account, points, command.purchase.amount, 1, day, now, settings)
    return UNCOUNTED if day is None else counted_with(account, points, NOTHING_SPENT, 0, day, now, settings)


def _circumstances(account: AccountState, earned_at: datetime, level: Level | None) -> Circumstances:
    return Circumstances(occurred_at=earned_at, level=level, is_first_purchase=account.standing.visits == 0)


def dated(
    portions: Iterable[Portion],
    explicit_available_at: datetime | None,
    explicit_expires_at: datetime | None,
    earned_at: datetime,
    now: datetime,
    level: Level | None,
    settings: ProgramSettings,
) -> list[tuple[Movement, str | None]]:
    """Each portion with its dates, and the rule whose expiry counts for it; soonest expiry first.

    Dates of the call come before a rule's own expiry, that before the longer of program and level (points.md, rule 3).
    """
    policy = settings.available if level is None or level.available is None else level.available
    available_at = explicit_available_at or available_from(policy, earned_at, settings.zone)
    # Expiry counts from the moment the points become available.
    counted_from = earned_at if available_at == ALWAYS else available_at
    if available_at <= now:
        available_at = ALWAYS
    parts: dict[tuple[datetime, str | None], int] = {}
    for portion in portions:
        rule = portion.rule
        if explicit_expires_at is not None:
            gone_at = explicit_expires_at
        elif available_at == NEVER:
            gone_at = NEVER
        else:
            gone_at = expiry_of(None if rule is None else rule.expiry, level, counted_from, settings)
        counts_for = gone_at, None if rule is None else rule.id
        parts[counts_for] = parts.get(counts_for, 0) + portion.points
    return [(Movement(gone_at, available_at, points), rule_id) for (gone_at, rule_id), points in _in_order(parts)]


def _in_order(parts: dict[tuple[datetime, str | None], int]) -> Iterable[tuple[tuple[datetime, str | None], int]]:
    if len(parts) == 1:
        return parts.items()
    return sorted(parts.items(), key=lambda item: (item[0][0], item[0][1] or ""))


def expiry_of(own: Expiry | None, level: Level | None, counted_from: datetime, settings: ProgramSettings) -> datetime:
    """When points that become available at this moment are gone."""
    if own is not None:
        return expires_at(own, counted_from, settings.zone)
    return longer_expiry(settings.expiry, None if level is None else level.expiry, counted_from, settings.zone)


def active(account: AccountState, activity: str, at: datetime, settings: ProgramSettings) -> tuple[Movement, ...]:
    """What an activity moves, in programs in which points are gone after inactivity (points.md, rule 3)."""
    expiry = settings.expiry
    if expiry.mode != "inactivity" or activity not in expiry.activities or not account.lots:
        return ()
    return moved_by_activity(expiry, account.lots, at, settings.zone)


def moved_account(account: AccountState, moves: tuple[Movement, ...]) -> AccountState:
    """The account as rules see it after an activity moved its lots."""
    return replace(account, lots=moved(account.lots, moves)) if moves else account


def together(moves: tuple[Movement, ...], others: tuple[Movement, ...]) -> tuple[Movement, ...]:
    """Both: one movement for each lot, none of 0 points."""
    return net((*moves, *others)) if moves else others


def credited(account: AccountState, movements: Sequence[Movement]) -> tuple[Movement, ...]:
    """New points, soonest expiry first: they pay debt, at once, and only the rest goes to lots (points.md, rule 7)."""
    if not account.debt and len(movements) == 1 and movements[0].points:
        return (movements[0],)
    return net(paying(account.debt, movements))


def _shown(parts: Sequence[tuple[Movement, str | None]]) -> tuple[datetime | None, datetime | None]:
    """When the points of an earn can be used, all at once, and when the first of them are gone; None: no such date."""
    if not parts:
        return None, None
    first, _ = parts[0]
    return (
        None if first.available_at == ALWAYS else first.available_at,
        None if first.expires_at == NEVER else first.expires_at,
    )


def _dates_out_of_range(command: Earn, now: datetime) -> OutOfRange | None:
    if command.expires_at is None:
        return None
    if command.expires_at <= now:
        return OutOfRange("/expires_at", "must lie in the future: points are gone at that instant")
    if command.available_at is not None and command.available_at >= command.expires_at:
        return OutOfRange("/available_at", "must be before expires_at: else the points could never be used")
    return None
