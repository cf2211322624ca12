"""Settling: doing an account's due work, at the instant it was due (points.md, rule 2)."""

from datetime import datetime

from ledger_service.ledger.entries import UPKEEP_SOURCE, Entry
from ledger_service.ledger.lots import Movement
from ledger_service.ledger.postings import Posting, post
from ledger_service.ledger.program import ProgramState
from ledger_service.ledger.states import AccountState


def settle(
    account: AccountState, program: ProgramState, now: datetime, filled_at: datetime | None = None
) -> tuple[AccountState, tuple[Entry, ...]]:
    """Expire every lot whose date has come: one entry each, of exactly the remaining points.

    Points that came back after their lot's date (`filled_at`) expire at that moment, not before they were there.
    """
    entries = []
    while (due := account.next_due_at) is not None and due <= now:
        lot = account.lots[0]
        posting = Posting(
            kind="expire",
            points=-lot.remaining,
            movements=(Movement(lot.expires_at, lot.available_at, -lot.remaining),),
            source=UPKEEP_SOURCE,
            key=None,
            occurred_at=due if filled_at is None else max(due, filled_at),
        )
        account, entry = post(account, posting, program, now)
        entries.append(entry)
    return account, tuple(entries)
