"""On orders: how refunding, confirming and cancelling change the draft of a batch."""

from ledger_service.ledger.commands import CancelOrder, ConfirmOrder, Refund
from ledger_service.ledger.confirming import decide_confirm
from ledger_service.ledger.details import detail_of
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.outcomes import First, PostedSeveral, Repeated
from ledger_service.ledger.refunding import decide_deduction, decide_given_back, decide_left
from ledger_service.ledger.refusals import AlreadyReversed, DuplicateOrder, NothingToReverse, OrderNotFound, Refusal
from ledger_service.ledger.taking_back import take_back


def duplicate(earlier: Entry) -> DuplicateOrder:
    """The order was posted before, and not like this."""
    return DuplicateOrder(
        order_id=earlier.order_id or "",
        account_id=earlier.account_id,
        seq=earlier.seq,
        points=abs(earlier.points),
    )


def on_order(draft: Draft, command: Refund | ConfirmOrder | CancelOrder) -> First | Refusal:
    """Whatever the account's status is: returns come late."""
    earn = draft.order(command.source, "earn", command.order_id, command.account_id)
    if isinstance(command, Refund):
        return _refund(draft, command, earn)
    if earn is None:
        return OrderNotFound(command.order_id)
    account = draft.survivor(earn.account_id)
    if isinstance(account, Refusal):
        return account
    facts = draft.facts_of(earn)
    if isinstance(command, CancelOrder):
        left = earn.points - facts.reversed_points
        if left == 0:
            return AlreadyReversed(earn.seq)
        settings = draft.program.settings
        taken = take_back(account, command, facts, left, draft.now, settings, command.reason)
        return PostedSeveral((draft.post(account, taken),))
    if facts.confirmed_by is not None:
        return Repeated(facts.confirmed_by)
    freed = decide_confirm(account, command, facts, draft.now, draft.settings_at(earn.rule_version))
    return freed if isinstance(freed, Refusal) else PostedSeveral((draft.post(account, freed),))


def _refund(draft: Draft, command: Refund, earn: Entry | None) -> First | Refusal:
    redeem = draft.order(command.source, "redeem", command.order_id, command.account_id)
    if earn is None or "purchase" not in detail_of(earn):
        if earn is None and redeem is None:
            return OrderNotFound(command.order_id)
        return NothingToReverse("redeem" if earn is None else "earn")
    facts = draft.facts_of(earn)
    left = decide_left(facts, command)
    if isinstance(left, Refusal):
        return left
    settings = draft.program.settings
    entries = []
    account = draft.survivor(earn.account_id)
    if isinstance(account, Refusal):
        return account
    if redeem is not None:
        redeemer = draft.survivor(redeem.account_id)
        if isinstance(redeemer, Refusal):
            return redeemer
        given = decide_given_back(redeemer, command, draft.facts_of(redeem), left, draft.now, settings)
        if isinstance(given, Refusal):
            return given
        if given is not None:
            draft.bind((account.account_id, redeemer.account_id))
            entries.append(draft.post(redeemer, given))
            account = draft.account(account.account_id) or account
    settings_then = draft.settings_at(earn.rule_version)
    deduction = decide_deduction(account, command, facts, left, draft.now, settings, settings_then)
    entries.append(draft.post(account, deduction))
    return PostedSeveral(tuple(entries))
