"""Earning: points in, with their dates (points.md, rules 1, 2 and 7)."""

from datetime import datetime

from ledger_service.ledger.commands import Earn
from ledger_service.ledger.limits import beyond_balance, beyond_entry, beyond_lifetime, occurred_out_of_range
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AccountNotActive, OutOfRange, Refusal
from ledger_service.ledger.states import AccountState


def credited(account: AccountState, points: int, expires_at: datetime, available_at: datetime) -> tuple[Movement, ...]:
    """New points: they pay debt first, at once, and only the rest goes to a lot (points.md, rule 7)."""
    rest = points - min(points, account.debt)
    return (Movement(expires_at, available_at, rest),) if rest else ()


def decide_earn(account: AccountState, command: Earn, now: datetime, settings: ProgramSettings) -> Posting | Refusal:
    """Give explicit points. A suspended account may earn, a closed one may not."""
    if account.status == "closed":
        return AccountNotActive(account.status)
    refusal = (
        occurred_out_of_range(command.occurred_at, now, settings)
        or beyond_entry(command.points, settings)
        or beyond_balance(account, command.points)
        or beyond_lifetime(account, command.points)
        or _dates_out_of_range(command, now)
    )
    if refusal:
        return refusal
    expires_at = command.expires_at or NEVER
    available_at = ALWAYS if command.available_at is None or command.available_at <= now else command.available_at
    return Posting(
        kind="earn",
        points=command.points,
        movements=credited(account, command.points, expires_at, available_at),
        source=command.source,
        key=command.key,
        occurred_at=command.occurred_at or now,
        order_id=command.order_id,
        reason=command.reason,
        metadata=command.metadata,
        available_at=None if available_at == ALWAYS else available_at,
        expires_at=command.expires_at,
        lifetime_change=command.points,
    )


def _dates_out_of_range(command: Earn, now: datetime) -> OutOfRange | None:
    if command.expires_at is None:
        return None
    if command.expires_at <= now:
        return OutOfRange("/expires_at", "must lie in the future: points are gone at that instant")
    if command.available_at is not None and command.available_at >= command.expires_at:
        return OutOfRange("/available_at", "must be before expires_at: else the points could never be used")
    return None
