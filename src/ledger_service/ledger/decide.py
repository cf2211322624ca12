"""The fold: the commands of one batch, in order, over the states that were loaded for it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final, assert_never

from ledger_service.ledger.adjusting import decide_adjust
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
from ledger_service.ledger.details import detail_of
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.earning import decide_earn, preview
from ledger_service.ledger.entries import Entry, Kind
from ledger_service.ledger.granting import decide_tier
from ledger_service.ledger.limits import occurred_out_of_range
from ledger_service.ledger.membership import (
    Attachment,
    Revocation,
    account_view,
    identifier_view,
    opened,
    opened_by_earn,
    rfc3339,
    with_status,
)
from ledger_service.ledger.on_accounts import merge, transfer, unmerge
from ledger_service.ledger.on_holds import on_hold, place_hold
from ledger_service.ledger.on_orders import duplicate, on_order
from ledger_service.ledger.outcomes import (
    Answered,
    First,
    Outcome,
    Posted,
    Refused,
    Repeated,
    Replayed,
    WrittenTogether,
)
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.proposals import Proposal
from ledger_service.ledger.redeeming import decide_redeem
from ledger_service.ledger.refusals import (
    AccountExists,
    AccountMerged,
    AccountNotFound,
    BulkAborted,
    EntryNotFound,
    IdentifierInUse,
    IdentifierNotFound,
    KeyReused,
    Refusal,
)
from ledger_service.ledger.states import AccountState, Loaded
from ledger_service.ledger.taking_back import decide_reverse
from ledger_service.ledger.tiers import progress

# Named, since a union written in place is built anew for every command.
MOVES_POINTS: Final = (Earn, Redeem, Adjust, Reverse)
HAS_ORDER: Final = (Earn, Redeem)


def decide(loaded: Loaded, commands: Sequence[Command]) -> Proposal:
    """Decide a batch: an outcome for every command, and what the gate shall write.

    Total and pure: the same states and commands give the same proposal, whoever asks. Due work of an account is
    done before the first command that changes it.
    """
    batch = Draft(loaded)
    outcomes = tuple(_outcome_of(batch, command) for command in commands)
    return batch.proposal(outcomes)


def _outcome_of(draft: Draft, command: Command) -> Outcome:
    known = draft.known(command)
    if known is not None:
        if known.fingerprint != command.fingerprint:
            return Refused(KeyReused(), command.request_id)
        if isinstance(known.first, WrittenTogether) and isinstance(command, Together):
            # Each command has its own key in the books, and its answer there.
            return Replayed(WrittenTogether(tuple(_outcome_of(draft, single) for single in command.commands)))
        return Replayed(known.first)
    first = _together(draft, command) if isinstance(command, Together) else _first(draft, command)
    if isinstance(first, Refused) and not first.refusal.is_kept:
        return first
    # Whatever was looked at must be as loaded for the answer to stand: all of it is written, or nothing.
    draft.bind(command.account_ids)
    draft.record(command, first)
    return first


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
    result = _open(draft, command) if isinstance(command, OpenAccount) else _on_account(draft, command)
    return Refused(result, command.request_id) if isinstance(result, Refusal) else result


def _on_account(draft: Draft, command: Command) -> First | Refusal:
    match command:
        case Capture() | Release():
            return on_hold(draft, command)
        case Refund() | ConfirmOrder() | CancelOrder():
            return on_order(draft, command)
        case Unmerge():
            return unmerge(draft, command)
        case Preview():
            return _preview(draft, command)
    account = draft.account(command.account_id)
    if account is None:
        if not (isinstance(command, Earn) and draft.program.settings.auto_open):
            return AccountNotFound(command.account_id)
        account = opened_by_earn(command.account_id, draft.now)
    if account.status == "merged":
        return AccountMerged(account.merged_into)
    account = draft.settle(account)
    if isinstance(command, MOVES_POINTS):
        return _posting(draft, account, command)
    match command:
        case PlaceHold():
            return place_hold(draft, account, command)
        case Transfer():
            return transfer(draft, account, command)
        case Merge():
            return merge(draft, account, command)
    return _membership(draft, account, command)


def _posting(draft: Draft, account: AccountState, command: Earn | Redeem | Adjust | Reverse) -> First | Refusal:
    if isinstance(command, HAS_ORDER) and command.order_id is not None:
        kind: Kind = "earn" if isinstance(command, Earn) else "redeem"
        earlier = draft.order(command.source, kind, command.order_id, command.account_id)
        if earlier is not None:
            return Repeated(earlier) if _means_the_same(earlier, command) else duplicate(earlier)
    settings = draft.program.settings
    posting: Posting | Refusal
    match command:
        case Earn():
            posting = decide_earn(account, command, draft.now, settings)
        case Redeem():
            posting = decide_redeem(account, command, draft.now, settings)
        case Adjust():
            posting = decide_adjust(account, command, draft.now, settings)
        case Reverse():
            facts = draft.entry(command.account_id, command.seq)
            if facts is None:
                return EntryNotFound(command.account_id, command.seq)
            posting = decide_reverse(account, command, facts, draft.now, settings)
        case _:
            assert_never(command)
    if isinstance(posting, Refusal):
        return posting
    return Posted(draft.post(account, posting))


def _means_the_same(earlier: Entry, command: Earn | Redeem) -> bool:
    if earlier.account_id != command.account_id:
        return False
    if isinstance(command, Earn) and command.purchase is not None:
        return detail_of(earlier).get("purchase") == command.purchase.document()
    return abs(earlier.points) == command.points and "purchase" not in detail_of(earlier)


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
    return _answered(
        {
            "points": evaluation.points,
            "rules": [asdict(share) for share in evaluation.rules],
            "campaigns": [asdict(share) for share in evaluation.campaigns],
            "available_at": None if available_at is None else rfc3339(available_at),
            "expires_at": None if expires_at is None else rfc3339(expires_at),
        }
    )


def _membership(draft: Draft, account: AccountState, command: Command) -> First | Refusal:
    match command:
        case SetStatus():
            account = with_status(account, command)
            draft.write(account)
            return _account_answer(draft, account)
        case AttachIdentifier():
            holder = draft.identifier(command.identifier, command.account_id)
            if holder is not None and holder.account_id != command.account_id:
                return IdentifierInUse(command.identifier.type, command.identifier.masked)
            if holder is not None:
                return _answered(identifier_view(holder.claim, holder.attached_at))
            draft.attach(Attachment(command.account_id, command.identifier, draft.now))
            return _answered(identifier_view(command.identifier, draft.now))
        case RevokeIdentifier():
            holder = draft.identifier_by_id(command.identifier_id)
            if holder is None or holder.account_id != command.account_id:
                return IdentifierNotFound(command.identifier_id)
            draft.revoke(Revocation(command.account_id, command.identifier_id, draft.now))
            return _answered({"identifier_id": command.identifier_id, "revoked": True})
        case SetTier():
            posting = decide_tier(account, command, draft.now, draft.program.settings)
            if isinstance(posting, Refusal):
                return posting
            draft.post(account, posting)
            return _account_answer(draft, draft.states[account.account_id])
        case Settle():
            return Answered("{}")
        case _:
            raise TypeError(f"no rule decides a {type(command).__name__}")


def _open(draft: Draft, command: OpenAccount) -> First | Refusal:
    if draft.account(command.account_id) is not None:
        return AccountExists(command.account_id)
    for claim in command.identifiers:
        if draft.identifier(claim, command.account_id) is not None:
            return IdentifierInUse(claim.type, claim.masked)
    account = opened(command, draft.now)
    draft.write(account)
    for claim in command.identifiers:
        if draft.identifier(claim, command.account_id) is None:
            draft.attach(Attachment(command.account_id, claim, draft.now))
    return _account_answer(draft, account)


def _account_answer(draft: Draft, account: AccountState) -> Answered:
    held = draft.identifiers_of(account.account_id)
    views = tuple(identifier_view(identifier.claim, identifier.attached_at) for identifier in held)
    # The gate raises the version by one for the whole batch.
    written = replace(account, version=draft.loaded_version(account.account_id) + 1)
    return _answered(account_view(written, views, progress(draft.program.settings, account, draft.now)))


def _answered(view: dict[str, object]) -> Answered:
    return Answered(json.dumps(view, ensure_ascii=False, separators=(",", ":")))
