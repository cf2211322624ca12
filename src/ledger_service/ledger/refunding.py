"""Refunding: a purchase comes back, and with it the points it earned and those that were redeemed on it.

Both sides follow from what is left of the purchase alone, so that any split and order of refunds ends in the same place
(points.md, rule 6).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from ledger_service.ledger.commands import Refund
from ledger_service.ledger.counting import counting
from ledger_service.ledger.details import Detail, detail_of
from ledger_service.ledger.earned import Circumstances, points_of
from ledger_service.ledger.limits import beyond_balance
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.refusals import Refusal
from ledger_service.ledger.remaining import (
    is_nothing,
    remaining_amount,
    remaining_document,
    returned,
    shares_text,
    whole,
)
from ledger_service.ledger.states import AccountState, EntryFacts
from ledger_service.ledger.taking_back import day_of, give_back, left_of, taken_back


@dataclass(frozen=True, slots=True)
class Left:
    """What a refund leaves of a purchase."""

    purchase: Purchase
    before: tuple[Fraction, ...]
    shares: tuple[Fraction, ...]

    @property
    def is_nothing(self) -> bool:
        """All that was paid came back; lines that cost nothing may stay."""
        return is_nothing(self.purchase, self.shares)

    @property
    def is_last(self) -> bool:
        """All that was paid has come back by this refund."""
        return self.is_nothing and not is_nothing(self.purchase, self.before)


def decide_left(earn: EntryFacts, command: Refund) -> Left | Refusal:
    """What is left of the purchase after this refund."""
    purchase = Purchase.of(detail_of(earn.entry)["purchase"])
    before = whole(purchase) if earn.shares is None else earn.shares
    shares = returned(purchase, before, command)
    if isinstance(shares, Refusal):
        return shares
    return Left(purchase, before, shares)


def decide_given_back(
    account: AccountState, command: Refund, redeem: EntryFacts, left: Left, now: datetime, settings: ProgramSettings
) -> Posting | Refusal | None:
    """The points redeemed on the order, in proportion to what was refunded of it; None when none are due now."""
    redeemed = -redeem.entry.points
    due = redeemed
    if not left.is_nothing:
        amount = Fraction(left.purchase.amount)
        refunded = 1 - remaining_amount(left.purchase, left.shares) / amount if amount else Fraction(0)
        due = int(redeemed * refunded)
    points = due - redeem.reversed_points
    if points <= 0:
        return None
    limited = beyond_balance(account, points)
    return limited or give_back(account, command, redeem, points, now, settings, command.reason)


def decide_deduction(
    account: AccountState,
    command: Refund,
    earn: EntryFacts,
    left: Left,
    now: datetime,
    settings: ProgramSettings,
    settings_then: ProgramSettings,
) -> Posting:
    """Deduct what the rest of the purchase would not have earned then: possibly nothing. It carries what is left."""
    entry = earn.entry
    detail = detail_of(entry)
    target = 0
    if not left.is_nothing:
        ladder = settings_then.ladder
        level = next((level for level in ladder.levels if level.id == detail.get("level")), None) if ladder else None
        circumstances = Circumstances(entry.occurred_at, level, detail.get("first", False))
        target = points_of(settings_then, left.purchase, circumstances, left.shares)
    points = max(0, entry.points - earn.reversed_points - target)
    posting = taken_back(account, command, earn, points, now, settings, command.reason)
    before, after = left_of(left.purchase, left.before), left_of(left.purchase, left.shares)
    refund: Detail = {
        "shares": shares_text(left.shares),
        "amount": str(before - after),
        "remaining": remaining_document(left.purchase, left.shares),
    }
    if earn.is_uncounted:
        refund["uncounted"] = True
    posting = replace(posting, detail={**posting.detail, "refund": refund})
    counts = detail.get("counts", {})
    is_counted = not earn.is_uncounted
    return counting(
        account,
        posting,
        after - before if is_counted else Decimal(0),
        -1 if is_counted and left.is_last else 0,
        day_of(counts),
        now,
        settings,
    )
