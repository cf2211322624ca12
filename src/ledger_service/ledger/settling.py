"""Settling: doing an account's due work, at the instant it was due (points.md, rules 2, 5 and 10)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ledger_service.ledger.details import detail_of
from ledger_service.ledger.entries import UPKEEP_SOURCE, Entry
from ledger_service.ledger.holding import returned
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement
from ledger_service.ledger.postings import Posting, applied, post
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.proposals import HoldClosing
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import lapsed


@dataclass(frozen=True, slots=True)
class Settled:
    """An account whose due work is done, and the entries that did it."""

    account: AccountState
    entries: tuple[Entry, ...] = ()

    def closings(self) -> Iterator[HoldClosing]:
        """The holds that timed out."""
        for entry in self.entries:
            if entry.kind == "release":
                yield HoldClosing(
                    hold_id=detail_of(entry)["hold_id"],
                    account_id=entry.account_id,
                    seq=entry.seq,
                    status="timed_out",
                    captured=0,
                    closed_at=entry.occurred_at,
                )


def settle(account: AccountState, program: ProgramState, now: datetime, not_before: datetime = ALWAYS) -> Settled:
    """Expire lots, release holds and look at the tier, in the order in which they fell due: one entry each.

    Points that came back after their lot's date (at `not_before`) expire at that moment, not before they were there.
    """
    if not account.is_due(now):
        return Settled(account)
    entries = []
    while (posting := _due(account, program.settings, now, not_before)) is not None:
        not_before = posting.occurred_at
        account, entry = post(account, posting, program, now)
        entries.append(entry)
    return Settled(account, tuple(entries))


def settled(account: AccountState, settings: ProgramSettings, at: datetime) -> AccountState:
    """The account as it is at this instant, its due work counted as done; its seq and head stay as they are."""
    reached = ALWAYS
    while (posting := _due(account, settings, at, reached)) is not None:
        reached = posting.occurred_at
        account = applied(account, posting)
    return account


def _due(account: AccountState, settings: ProgramSettings, now: datetime, not_before: datetime) -> Posting | None:
    """The first thing that is due; at one instant a hold before a lot, a lot before the tier."""
    hold_at = account.holds[0].expires_at if account.holds else NEVER
    lot_at = account.lots[0].expires_at if account.lots else NEVER
    tier_at = account.standing.due_at
    due_at = min(hold_at, lot_at, tier_at)
    if due_at == NEVER or due_at > now:
        return None
    occurred_at = max(due_at, not_before)
    if hold_at == due_at:
        hold = account.holds[0]
        posting = returned(account, hold, hold.movements, source=UPKEEP_SOURCE, key=None, at=occurred_at)
        return replace(
            posting, is_due=True, holds=account.holds[1:], detail={"hold_id": hold.hold_id, "timed_out": True}
        )
    if lot_at == due_at:
        lot = account.lots[0]
        return Posting(
            kind="expire",
            points=-lot.remaining,
            movements=(Movement(lot.expires_at, lot.available_at, -lot.remaining),),
            source=UPKEEP_SOURCE,
            key=None,
            occurred_at=occurred_at,
            is_due=True,
        )
    return Posting(
        kind="tier",
        points=0,
        movements=(),
        source=UPKEEP_SOURCE,
        key=None,
        occurred_at=occurred_at,
        is_due=True,
        standing=lapsed(settings, account, due_at),
    )
