"""Granting: a tier given by hand, a floor and not a ceiling (points.md, rule 10)."""

from datetime import datetime

from ledger_service.ledger.commands import SetTier
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import OutOfRange, Refusal
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import with_floor


def decide_tier(account: AccountState, command: SetTier, now: datetime, settings: ProgramSettings) -> Posting | Refusal:
    """Set the floor, or end it."""
    levels = () if settings.ladder is None else settings.ladder.levels
    if command.tier is not None and command.tier not in [level.id for level in levels]:
        known = ", ".join(level.id for level in levels)
        return OutOfRange("/tier", f"must be a tier of the program: {known}" if known else "the program has no tiers")
    if command.until is not None and command.until <= now:
        return OutOfRange("/until", "must lie in the future")
    return Posting(
        kind="tier",
        points=0,
        movements=(),
        source=command.source,
        # The key stands for the account that is answered, not for this entry.
        key=None,
        occurred_at=now,
        reason=command.reason,
        standing=with_floor(settings, account, command.tier, command.until, now),
    )
