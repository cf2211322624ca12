"""Transferring: available points from one account to another, with their dates (points.md, rule 8)."""

from datetime import datetime

from ledger_service.ledger.commands import Transfer
from ledger_service.ledger.earning import credited, expiry_of
from ledger_service.ledger.limits import beyond_balance, beyond_entry
from ledger_service.ledger.lots import ALWAYS, Movement, consume
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AccountMerged, AccountNotActive, InsufficientPoints, Refusal
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import effective_level


def decide_transfer(
    giver: AccountState, taker: AccountState, command: Transfer, now: datetime, settings: ProgramSettings
) -> tuple[Posting, Posting] | Refusal:
    """Take from one, soonest expiry first, and give to the other: as much, one id. Debt of the taker is paid first."""
    if giver.status != "active":
        return AccountNotActive(giver.status)
    if taker.status == "merged":
        return AccountMerged(taker.merged_into)
    if taker.status == "closed":
        return AccountNotActive(taker.status)
    available = giver.available(now)
    if command.points > available:
        return InsufficientPoints(available=available, requested=command.points, as_of_seq=giver.seq)
    limited = beyond_entry(command.points, settings) or beyond_balance(taker, command.points)
    if limited:
        return limited
    taken, _ = consume(giver.lots, command.points, now)
    arriving = [Movement(movement.expires_at, movement.available_at, -movement.points) for movement in taken]
    if settings.transfer_expiry == "restart":
        expires_at = expiry_of(None, effective_level(settings, taker.standing, now), now, settings)
        arriving = [Movement(expires_at, ALWAYS, command.points)]
    out = Posting(
        kind="transfer_out",
        points=-command.points,
        movements=taken,
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        transfer_id=command.transfer_id,
        detail={"counterpart": taker.account_id},
    )
    into = Posting(
        kind="transfer_in",
        points=command.points,
        movements=credited(taker, arriving),
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        transfer_id=command.transfer_id,
        detail={"counterpart": giver.account_id},
    )
    return out, into
