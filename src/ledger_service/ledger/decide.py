"""The fold: the commands of one batch, in order, over the states that were loaded for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    Merge,
    OpenAccount,
    PlaceHold,
    Preview,
    Redeem,
    Refund,
    Release,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    SetTier,
    Settle,
    Together,
    Transfer,
    Unmerge,
)
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.earning import preview
from ledger_service.ledger.limits import occurred_out_of_range
from ledger_service.ledger.membership import opened_by_earn, rfc3339
from ledger_service.ledger.on_accounts import merge, transfer, unmerge
from ledger_service.ledger.on_holds import on_hold, place_hold
from ledger_service.ledger.on_members import answered, attach, open_account, revoke, set_status, set_tier, settled
from ledger_service.ledger.on_orders import on_order
from ledger_service.ledger.on_points import adjust, earn, redeem, reverse
from ledger_service.ledger.outcomes import First, Outcome, Refused, Replayed, WrittenTogether
from ledger_service.ledger.proposals import Proposal
from ledger_service.ledger.refusals import AccountMerged, AccountNotFound, BulkAborted, KeyReused, Refusal
from ledger_service.ledger.states import AccountState, KnownOutcome, Loaded


def decide(loaded: Loaded, commands: Sequence[Command]) -> Proposal:
    """Decide a batch: an outcome for every command, and what the gate shall write.

    Total and pure: the same states and commands give the same proposal, whoever asks. Due work of an account is
    done before the first command that changes it.
    """
    batch = Draft(loaded)
    outcomes = tuple([_outcome_of(batch, command) for command in commands])
    return batch.proposal(outcomes)


def _outcome_of(draft: Draft, command: Command) -> Outcome:
    known = draft.known(command)
    if known is not None:
        return _again(draft, command, known)
    first = _together(draft, command) if isinstance(command, Together) else _first(draft, command)
    if isinstance(first, Refused) and not first.refusal.is_kept:
        return first
    draft.record(command, first)
    return first


def _again(draft: Draft, command: Command, known: KnownOutcome) -> Outcome:
    if known.fingerprint != command.fingerprint:
        return Refused(KeyReused(), command.request_id)
    if isinstance(known.first, WrittenTogether) and isinstance(command, Together):
        # Each command has its own key in the books, and its answer there.
        return Replayed(WrittenTogether(tuple(_outcome_of(draft, single) for single in command.commands)))
    return Replayed(known.first)


def _together(draft: Draft, command: Together) -> First:
    branch = draft.branch()
    outcomes = []
    for index, single in enumerate(command.commands):
        outcome = _outcome_of(branch, single)
        refused = outcome.first if isinstance(outcome, Replayed) else outcome
        if isinstance(refused, Refused):
            refusal = refused.refusal
            if refusal.is_kept:
                refusal = BulkAborted(failed_index=index, refused={"code": refusal.code, **refusal.fields()})
            return Refused(refusal, command.request_id)
        outcomes.append(outcome)
    draft.take(branch)
    return WrittenTogether(tuple(outcomes))


def _first(draft: Draft, command: Command) -> First:
    """Decide a command whose key is new. A refusal leaves no trace but due work that was done on the way."""
    change = ON_ITS_ACCOUNT.get(type(command))
    if change is not None:
        account = _account_of(draft, command)
        result = account if isinstance(account, Refusal) else change(draft, account, command)
    elif type(command) in ELSEWHERE:
        result = ELSEWHERE[type(command)](draft, command)
    else:
        raise TypeError(f"no rule decides a {type(command).__name__}")
    return Refused(result, command.request_id) if isinstance(result, Refusal) else result


def _account_of(draft: Draft, command: Command) -> AccountState | AccountNotFound | AccountMerged:
    """The account of the command, its due work done."""
    account = draft.account(command.account_id)
    if account is None:
        if not (isinstance(command, Earn) and draft.program.settings.auto_open):
            return AccountNotFound(command.account_id)
        account = opened_by_earn(command.account_id, draft.now)
    if account.status == "merged":
        return AccountMerged(account.merged_into)
    return draft.settle(account)


def _preview(draft: Draft, command: Preview) -> First | Refusal:
    account = None
    if command.account_id:
        account = draft.settled(command.account_id)
        if account is None and not draft.program.settings.auto_open:
            return AccountNotFound(command.account_id)
    settings = draft.program.settings
    refusal = occurred_out_of_range(command.occurred_at, draft.now, settings)
    if refusal:
        return refusal
    evaluation, available_at, expires_at = preview(
        account, command.purchase, command.occurred_at or draft.now, draft.now, settings
    )
    return answered(
        {
            "points": evaluation.points,
            "rules": [asdict(share) for share in evaluation.rules],
            "campaigns": [asdict(share) for share in evaluation.campaigns],
            "available_at": None if available_at is None else rfc3339(available_at),
            "expires_at": None if expires_at is None else rfc3339(expires_at),
        }
    )


ON_ITS_ACCOUNT: Final[Mapping[type[Command], Callable[[Draft, AccountState, Any], First | Refusal]]] = {
    Earn: earn,
    Redeem: redeem,
    Adjust: adjust,
    Reverse: reverse,
    PlaceHold: place_hold,
    Transfer: transfer,
    Merge: merge,
    SetStatus: set_status,
    AttachIdentifier: attach,
    RevokeIdentifier: revoke,
    SetTier: set_tier,
    Settle: settled,
}
"""What changes the account that the command names: it must be in the books, and its due work is done before."""

ELSEWHERE: Final[Mapping[type[Command], Callable[[Draft, Any], First | Refusal]]] = {
    OpenAccount: open_account,
    Capture: on_hold,
    Release: on_hold,
    Refund: on_order,
    ConfirmOrder: on_order,
    CancelOrder: on_order,
    Unmerge: unmerge,
    Preview: _preview,
}
"""What finds out by itself which accounts it is about."""
