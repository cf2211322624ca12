"""On holds: how placing, capturing and releasing change the draft of a batch."""

from dataclasses import replace

from ledger_service.ledger.commands import Capture, PlaceHold, Release
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.holding import captured_by, decide_capture, decide_hold, decide_release, returned, without
from ledger_service.ledger.on_orders import duplicate
from ledger_service.ledger.outcomes import First, Posted
from ledger_service.ledger.proposals import HoldClosing
from ledger_service.ledger.refusals import HoldNotFound, HoldNotOpen, MergedMeanwhile, Refusal
from ledger_service.ledger.states import AccountState


def place_hold(draft: Draft, account: AccountState, command: PlaceHold) -> First | Refusal:
    """An order that was redeemed before cannot be redeemed by a hold: better said now than at the capture."""
    if command.order_id is not None:
        earlier = draft.order(command.source, "redeem", command.order_id, account.account_id)
        if earlier is not None:
            return duplicate(earlier)
    decided = decide_hold(account, command, draft.now, draft.program.settings)
    if isinstance(decided, Refusal):
        return decided
    posting, hold = decided
    draft.place(hold)
    return Posted(draft.post(account, posting))


def on_hold(draft: Draft, command: Capture | Release) -> First | Refusal:
    """Capture or release, on the account in which the hold is now."""
    facts = draft.hold(command.hold_id)
    if facts is None:
        return HoldNotFound(command.hold_id)
    account = draft.settled(facts.hold.account_id)
    if account is None:
        return MergedMeanwhile(facts.hold.account_id)
    draft.bind((command.account_id, account.account_id))
    # A time-out is due work: it may have closed the hold just now.
    facts = draft.hold(command.hold_id) or facts
    if facts.status != "open":
        return HoldNotOpen(command.hold_id, facts.status)
    hold = facts.hold
    left = without(account, hold)
    if isinstance(command, Release):
        entry = draft.post(account, replace(decide_release(account, command, hold, draft.now), holds=left))
        draft.close(HoldClosing(hold.hold_id, account.account_id, entry.seq, "released", 0, draft.now))
        return Posted(entry)
    if hold.order_id is not None:
        earlier = draft.order(command.source, "redeem", hold.order_id, account.account_id)
        if earlier is not None:
            return duplicate(earlier)
    split = decide_capture(hold, command)
    if isinstance(split, Refusal):
        return split
    captured, rest = split
    if rest:
        # The hold stays with what is captured of it until the redeem takes that.
        draft.post(account, returned(account, hold, rest, source=command.source, key=None, at=draft.now))
        account = draft.states[account.account_id]
    posting = captured_by(account, command, hold, captured, draft.now, draft.program.settings)
    entry = draft.post(account, replace(posting, holds=left))
    draft.close(HoldClosing(hold.hold_id, account.account_id, entry.seq, "captured", -entry.points, draft.now))
    return Posted(entry)
