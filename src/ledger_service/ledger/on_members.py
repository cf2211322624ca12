"""On members: how opening an account, and changing what it is, change the draft of a batch. No points move."""

import json
from dataclasses import replace

from ledger_service.ledger.commands import AttachIdentifier, OpenAccount, RevokeIdentifier, SetStatus, SetTier, Settle
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.granting import decide_tier
from ledger_service.ledger.membership import Attachment, Revocation, account_view, identifier_view, opened, with_status
from ledger_service.ledger.outcomes import Answered, First
from ledger_service.ledger.refusals import AccountExists, IdentifierInUse, IdentifierNotFound, Refusal
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import progress


def open_account(draft: Draft, command: OpenAccount) -> First | Refusal:
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
    return _view(draft, account)


def set_status(draft: Draft, account: AccountState, command: SetStatus) -> First | Refusal:
    account = with_status(account, command)
    draft.write(account)
    return _view(draft, account)


def attach(draft: Draft, _: AccountState, command: AttachIdentifier) -> First | Refusal:
    holder = draft.identifier(command.identifier, command.account_id)
    if holder is not None and holder.account_id != command.account_id:
        return IdentifierInUse(command.identifier.type, command.identifier.masked)
    if holder is not None:
        return answered(identifier_view(holder.claim, holder.attached_at))
    draft.attach(Attachment(command.account_id, command.identifier, draft.now))
    return answered(identifier_view(command.identifier, draft.now))


def revoke(draft: Draft, _: AccountState, command: RevokeIdentifier) -> First | Refusal:
    holder = draft.identifier_by_id(command.identifier_id)
    if holder is None or holder.account_id != command.account_id:
        return IdentifierNotFound(command.identifier_id)
    draft.revoke(Revocation(command.account_id, command.identifier_id, draft.now))
    return answered({"identifier_id": command.identifier_id, "revoked": True})


def set_tier(draft: Draft, account: AccountState, command: SetTier) -> First | Refusal:
    posting = decide_tier(account, command, draft.now, draft.program.settings)
    if isinstance(posting, Refusal):
        return posting
    draft.post(account, posting)
    return _view(draft, draft.states[account.account_id])


def settled(_: Draft, __: AccountState, ___: Settle) -> First | Refusal:
    """The due work was done before; there is nothing else to tell."""
    return Answered("{}")


def answered(view: dict[str, object]) -> Answered:
    """The caller is told this, now and at every replay."""
    return Answered(json.dumps(view, ensure_ascii=False, separators=(",", ":")))


def _view(draft: Draft, account: AccountState) -> Answered:
    held = draft.identifiers_of(account.account_id)
    views = tuple(identifier_view(identifier.claim, identifier.attached_at) for identifier in held)
    # The gate raises the version by one for the whole batch.
    written = replace(account, version=draft.loaded_version(account.account_id) + 1)
    return answered(account_view(written, views, progress(draft.program.settings, account, draft.now)))
