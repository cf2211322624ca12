"""The fold: the commands of one batch, in order, over the states that were loaded for it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, assert_never

from ledger_service.ledger.adjusting import decide_adjust
from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    Command,
    Earn,
    OpenAccount,
    Redeem,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    Settle,
    Together,
)
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.earning import decide_earn
from ledger_service.ledger.membership import (
    Attachment,
    Revocation,
    account_view,
    identifier_view,
    opened,
    opened_by_earn,
    with_status,
)
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
    DuplicateOrder,
    EntryNotFound,
    IdentifierInUse,
    IdentifierNotFound,
    KeyReused,
    Refusal,
)
from ledger_service.ledger.settling import settle
from ledger_service.ledger.states import AccountState, Loaded
from ledger_service.ledger.taking_back import decide_reverse

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
    if isinstance(first, Refused):
        if not first.refusal.is_kept:
            return first
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
    draft.bind(command.account_ids)
    return WrittenTogether(tuple(outcomes))


def _first(draft: Draft, command: Command) -> First:
    """Decide a command whose key is new. A refusal leaves no trace but due work that was done on the way."""
    result = _open(draft, command) if isinstance(command, OpenAccount) else _on_account(draft, command)
    return Refused(result, command.request_id) if isinstance(result, Refusal) else result


def _on_account(draft: Draft, command: Command) -> First | Refusal:
    account = draft.account(command.account_id)
    if account is None:
        if not (isinstance(command, Earn) and draft.program.settings.auto_open):
            return AccountNotFound(command.account_id)
        account = opened_by_earn(command.account_id, draft.now)
    if account.status == "merged":
        return AccountMerged(account.merged_into)
    account, due = settle(account, draft.program, draft.now)
    if due:
        draft.write(account, due)
    if isinstance(command, MOVES_POINTS):
        return _posting(draft, account, command)
    return _membership(draft, account, command)


def _posting(draft: Draft, account: AccountState, command: Earn | Redeem | Adjust | Reverse) -> First | Refusal:
    if isinstance(command, HAS_ORDER) and command.order_id is not None:
        earlier = draft.order(command)
        if earlier is not None:
            if earlier.account_id == command.account_id and abs(earlier.points) == command.points:
                return Repeated(earlier)
            return DuplicateOrder(
                order_id=command.order_id,
                account_id=earlier.account_id,
                seq=earlier.seq,
                points=abs(earlier.points),
            )
    posting: Posting | Refusal
    settings = draft.program.settings
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
    return _answered(account_view(written, views))


def _answered(view: dict[str, object]) -> Answered:
    return Answered(json.dumps(view, ensure_ascii=False, separators=(",", ":")))
