"""On accounts: how transfers, merges and their undoing change the draft of a batch, two accounts at a time."""

from dataclasses import replace

from ledger_service.ledger.commands import Merge, Transfer, Unmerge
from ledger_service.ledger.details import detail_of
from ledger_service.ledger.draft import Draft
from ledger_service.ledger.merging import decide_merge, decide_unmerge
from ledger_service.ledger.outcomes import First, PostedSeveral
from ledger_service.ledger.refusals import (
    AccountNotFound,
    MergedMeanwhile,
    NothingToReverse,
    OutOfRange,
    Refusal,
)
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.transferring import decide_transfer


def transfer(draft: Draft, giver: AccountState, command: Transfer) -> First | Refusal:
    if command.to_account == command.account_id:
        return OutOfRange("/to_account", "must be another account than from_account")
    taker = draft.settled(command.to_account)
    if taker is None:
        return AccountNotFound(command.to_account)
    decided = decide_transfer(giver, taker, command, draft.now, draft.program.settings)
    if isinstance(decided, Refusal):
        return decided
    out, into = decided
    return PostedSeveral((draft.post(giver, out), draft.post(taker, into)))


def merge(draft: Draft, source: AccountState, command: Merge) -> First | Refusal:
    if command.into == command.account_id:
        return OutOfRange("/into", "must be another account")
    survivor = draft.settled(command.into)
    if survivor is None:
        return AccountNotFound(command.into)
    identifiers = tuple(held.claim.identifier_id for held in draft.identifiers_of(source.account_id))
    decided = decide_merge(source, survivor, command, identifiers, draft.now, draft.program.settings)
    if isinstance(decided, Refusal):
        return decided
    out, into = decided
    gone = draft.post(source, out)
    draft.write(replace(draft.states[source.account_id], status="merged", merged_into=survivor.account_id))
    arrived = draft.post(survivor, into)
    draft.move_holds(source.holds, survivor.account_id)
    draft.move_identifiers(identifiers, source.account_id, survivor.account_id)
    return PostedSeveral((gone, arrived))


def unmerge(draft: Draft, command: Unmerge) -> First | Refusal:
    source = draft.account(command.account_id)
    if source is None:
        return AccountNotFound(command.account_id)
    if source.status != "merged":
        return NothingToReverse("merge")
    if source.merged_into != command.into:
        return MergedMeanwhile(source.merged_into)
    survivor = draft.settled(command.into)
    merge_out = draft.entry(source.account_id, source.seq)
    if survivor is None or merge_out is None:
        return MergedMeanwhile(source.merged_into)
    moved = detail_of(merge_out.entry)["merged"]["identifiers"]
    theirs = {held.claim.identifier_id for held in draft.identifiers_of(survivor.account_id)}
    identifiers = tuple(identifier_id for identifier_id in moved if identifier_id in theirs)
    decided = decide_unmerge(source, survivor, merge_out.entry, command, identifiers, draft.now, draft.program.settings)
    if isinstance(decided, Refusal):
        return decided
    out, into, reopened = decided
    returning = [hold for hold in survivor.holds if hold not in (out.holds or ())]
    entries = (draft.post(survivor, out), draft.post(reopened, into))
    draft.move_holds(returning, source.account_id)
    draft.move_identifiers(identifiers, survivor.account_id, source.account_id)
    return PostedSeveral(entries)
