"""On points: how earning, redeeming, adjusting and reversing change the draft of a batch, one account at a time."""

from ledger_service.ledger.adjusting import decide_adjust
from ledger_service.ledger.commands import Adjust, Earn, Redeem, Reverse
from ledger_service.ledger.details import detail_of
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.earning import decide_earn
from ledger_service.ledger.entries import Entry, Kind
from ledger_service.ledger.on_orders import duplicate
from ledger_service.ledger.outcomes import First, Posted, Repeated
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.redeeming import decide_redeem
from ledger_service.ledger.refusals import EntryNotFound, Refusal
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.taking_back import decide_reverse


def earn(draft: Draft, account: AccountState, command: Earn) -> First | Refusal:
    earlier = _of_order(draft, command, "earn")
    if earlier is not None:
        return earlier
    return _posted(draft, account, decide_earn(account, command, draft.now, draft.program.settings))


def redeem(draft: Draft, account: AccountState, command: Redeem) -> First | Refusal:
    earlier = _of_order(draft, command, "redeem")
    if earlier is not None:
        return earlier
    return _posted(draft, account, decide_redeem(account, command, draft.now, draft.program.settings))


def adjust(draft: Draft, account: AccountState, command: Adjust) -> First | Refusal:
    return _posted(draft, account, decide_adjust(account, command, draft.now, draft.program.settings))


def reverse(draft: Draft, account: AccountState, command: Reverse) -> First | Refusal:
    facts = draft.entry(command.account_id, command.seq)
    if facts is None:
        return EntryNotFound(command.account_id, command.seq)
    return _posted(draft, account, decide_reverse(account, command, facts, draft.now, draft.program.settings))


def _posted(draft: Draft, account: AccountState, posting: Posting | Refusal) -> First | Refusal:
    return posting if isinstance(posting, Refusal) else Posted(draft.post(account, posting))


def _of_order(draft: Draft, command: Earn | Redeem, kind: Kind) -> First | Refusal | None:
    """What is said of an order that was posted before; None: it was not."""
    if command.order_id is None:
        return None
    earlier = draft.order(command.source, kind, command.order_id, command.account_id)
    if earlier is None:
        return None
    return Repeated(earlier) if _means_the_same(earlier, command) else duplicate(earlier)


def _means_the_same(earlier: Entry, command: Earn | Redeem) -> bool:
    if earlier.account_id != command.account_id:
        return False
    if isinstance(command, Earn) and command.purchase is not None:
        return detail_of(earlier).get("purchase") == command.purchase.document()
    return abs(earlier.points) == command.points and "purchase" not in detail_of(earlier)
