"""Adjusting: a correction by staff, either way, with a reason (points.md, rule 7)."""

from datetime import datetime

from ledger_service.ledger.commands import Adjust
from ledger_service.ledger.earning import credited, expiry_of
from ledger_service.ledger.limits import beyond_balance, beyond_entry
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement, consume, consume_pending
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AccountNotActive, InsufficientPoints, Refusal
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import effective_level


def decide_adjust(
    account: AccountState, command: Adjust, now: datetime, settings: ProgramSettings
) -> Posting | Refusal:
    """Correct the balance. Only `allow_negative` may leave a debt; a closed account stays as it is."""
    if account.status == "closed":
        return AccountNotActive(account.status)
    limited = beyond_entry(command.points, settings) or beyond_balance(account, command.points)
    if limited:
        return limited
    expires_at = NEVER
    if command.points > 0:
        expires_at = expiry_of(None, effective_level(settings, account.standing, now), now, settings)
        movements = credited(account, [Movement(expires_at, ALWAYS, command.points)])
    else:
        available = account.available(now)
        if -command.points > available and not command.allow_negative:
            return InsufficientPoints(available=available, requested=-command.points, as_of_seq=account.seq)
        movements, missing = consume(account.lots, -command.points, now)
        # Pending points before debt: else they would become usable beside a debt that nobody pays.
        movements += consume_pending(account.lots, missing, now)[0]
    return Posting(
        kind="adjust",
        points=command.points,
        movements=movements,
        source=command.source,
        key=command.key,
        occurred_at=now,
        reason=command.reason,
        expires_at=None if expires_at == NEVER else expires_at,
    )
