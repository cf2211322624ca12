"""Holding: points set aside, then redeemed or given back (points.md, rule 5)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ledger_service.ledger.commands import Capture, PlaceHold, Release
from ledger_service.ledger.details import consumed
from ledger_service.ledger.earning import active
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.limits import beyond_day, beyond_entry, redeemed_today
from ledger_service.ledger.lots import Movement, consume, microseconds, paying
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AccountNotActive, ExceedsRemaining, InsufficientPoints, Refusal
from ledger_service.ledger.states import AccountState


def decide_hold(
    account: AccountState, command: PlaceHold, now: datetime, settings: ProgramSettings
) -> tuple[Posting, Hold] | Refusal:
    """Set points aside, soonest expiry first. Only an active account may, as for a redeem."""
    if account.status != "active":
        return AccountNotActive(account.status)
    available = account.available(now)
    if command.points > available:
        return InsufficientPoints(available=available, requested=command.points, as_of_seq=account.seq)
    limited = beyond_entry(command.points, settings) or beyond_day(account, command.points, now, settings)
    if limited:
        return limited
    movements, _ = consume(account.lots, command.points, now)
    hold = Hold(
        hold_id=command.hold_id,
        account_id=account.account_id,
        seq=account.seq + 1,
        points=command.points,
        expires_at=now + timedelta(seconds=command.expires_in_seconds),
        movements=movements,
        source=command.source,
        order_id=command.order_id,
        created_at=now,
    )
    standing, day = redeemed_today(account, command.points, now, settings)
    posting = Posting(
        kind="hold",
        points=0,
        movements=movements,
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=command.order_id,
        reason=command.reason,
        metadata=command.metadata,
        held_change=command.points,
        holds=tuple(sorted((*account.holds, hold), key=soonest)),
        standing=standing,
        detail={
            "hold_id": hold.hold_id,
            "hold": {"expires_at": microseconds(hold.expires_at), "points": hold.points},
            **day,
        },
    )
    return posting, hold


def soonest(hold: Hold) -> tuple[datetime, str]:
    """The order in which an account's open holds stand."""
    return hold.expires_at, hold.hold_id


def returned(
    account: AccountState,
    hold: Hold,
    movements: Sequence[Movement],
    *,
    source: str,
    key: str | None,
    at: datetime,
) -> Posting:
    """Give back this part of what the hold took, to the lots it came from; debt is paid first.

    A lot that has expired meanwhile is filled all the same: its due work expires it again in the same breath.
    """
    points = -sum(movement.points for movement in movements)
    return Posting(
        kind="release",
        points=0,
        movements=paying(account.debt, [Movement(m.expires_at, m.available_at, -m.points) for m in movements]),
        source=source,
        key=key,
        occurred_at=at,
        order_id=hold.order_id,
        held_change=-points,
        detail={"hold_id": hold.hold_id},
    )


def without(account: AccountState, hold: Hold) -> tuple[Hold, ...]:
    return tuple(other for other in account.holds if other.hold_id != hold.hold_id)


def decide_release(account: AccountState, command: Release, hold: Hold, now: datetime) -> Posting:
    """Give back all of it, whatever the account's status is."""
    return returned(account, hold, hold.movements, source=command.source, key=command.key, at=now)


def decide_capture(hold: Hold, command: Capture) -> tuple[tuple[Movement, ...], tuple[Movement, ...]] | Refusal:
    """Which of the held points are redeemed, soonest expiry first, and which go back."""
    points = hold.points if command.points is None else command.points
    if points > hold.points:
        return ExceedsRemaining(hold.points)
    captured, rest = [], []
    for movement in hold.movements:
        taken = min(points, -movement.points)
        points -= taken
        if taken:
            captured.append(Movement(movement.expires_at, movement.available_at, -taken))
        if movement.points + taken:
            rest.append(Movement(movement.expires_at, movement.available_at, movement.points + taken))
    return tuple(captured), tuple(rest)


def captured_by(
    account: AccountState,
    command: Capture,
    hold: Hold,
    movements: tuple[Movement, ...],
    now: datetime,
    settings: ProgramSettings,
) -> Posting:
    """The redeem of a capture: the points leave what is held. It is an activity like every redeem."""
    points = -sum(movement.points for movement in movements)
    return Posting(
        kind="redeem",
        points=-points,
        movements=active(account, "redeem", now, settings),
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=hold.order_id,
        held_change=-points,
        detail={"hold_id": hold.hold_id, "consumed": consumed(movements)},
    )
