"""Redeeming: points out for a reward, soonest expiry first, never more than is available (points.md, rule 2)."""

from datetime import datetime

from ledger_service.ledger.commands import Redeem
from ledger_service.ledger.details import consumed
from ledger_service.ledger.earning import active, moved_account, together
from ledger_service.ledger.limits import beyond_day, beyond_entry, occurred_out_of_range, redeemed_today
from ledger_service.ledger.lots import consume
from ledger_service.ledger.postings import NOTHING, Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AccountNotActive, InsufficientPoints, Refusal
from ledger_service.ledger.states import AccountState


def decide_redeem(
    account: AccountState, command: Redeem, now: datetime, settings: ProgramSettings
) -> Posting | Refusal:
    """Take points for a reward. Only an active account may redeem."""
    if account.status != "active":
        return AccountNotActive(account.status)
    refusal = occurred_out_of_range(command.occurred_at, now, settings)
    if refusal:
        return refusal
    available = account.available(now)
    if command.points > available:
        return InsufficientPoints(available=available, requested=command.points, as_of_seq=account.seq)
    limited = beyond_entry(command.points, settings) or beyond_day(account, command.points, now, settings)
    if limited:
        return limited
    occurred_at = command.occurred_at or now
    moves = active(account, "redeem", occurred_at, settings)
    movements, _ = consume(moved_account(account, moves).lots, command.points, now)
    standing, detail = redeemed_today(account, command.points, now, settings)
    if moves:
        detail["consumed"] = consumed(movements)
    return Posting(
        kind="redeem",
        points=-command.points,
        movements=together(moves, movements),
        source=command.source,
        key=command.key,
        occurred_at=occurred_at,
        order_id=command.order_id,
        reason=command.reason,
        metadata=command.metadata,
        standing=standing,
        detail=detail or NOTHING,
    )
