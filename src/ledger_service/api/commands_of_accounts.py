"""Commands about two accounts, or about what one has reached: from a body to the frozen command of the ledger."""

from ledger_service.api.calls import Call
from ledger_service.api.commands import Target, seed_of
from ledger_service.api.fingerprints import defaults_of, fingerprint, meaning_of
from ledger_service.api.schemas_of_accounts import MergeBody, TierBody, TransferBody, UnmergeBody
from ledger_service.api.validation import invalid
from ledger_service.ledger.commands import Command, Merge, SetTier, Transfer, Unmerge

TRANSFER_DEFAULTS = defaults_of(TransferBody)
MERGE_DEFAULTS = defaults_of(MergeBody)
UNMERGE_DEFAULTS = defaults_of(UnmergeBody)
TIER_DEFAULTS = defaults_of(TierBody)


def transfer(call: Call, _: Target, body: TransferBody) -> Command:
    return Transfer(
        account_id=body.from_account,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("transfer", (), meaning_of(body, TRANSFER_DEFAULTS)),
        request_id=call.request_id,
        to_account=body.to_account,
        points=body.points,
        transfer_id=_transfer_id(call),
        reason=body.reason,
    )


def merge(call: Call, target: Target, body: MergeBody) -> Command:
    if body.into == target.account_id:
        raise invalid("/into", "the_same_account", "Must be another account.")
    return Merge(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("merge", (target.account_id,), meaning_of(body, MERGE_DEFAULTS)),
        request_id=call.request_id,
        into=body.into,
        transfer_id=_transfer_id(call),
        reason=body.reason,
    )


def unmerge(call: Call, target: Target, body: UnmergeBody) -> Command:
    return Unmerge(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("unmerge", (target.account_id,), meaning_of(body, UNMERGE_DEFAULTS)),
        request_id=call.request_id,
        # An account that was not merged stands for itself, which the fold refuses.
        into=target.chain[0] if target.chain else target.account_id,
        transfer_id=_transfer_id(call),
        reason=body.reason,
    )


def set_tier(call: Call, target: Target, body: TierBody) -> Command:
    if body.tier is None and body.until is not None:
        raise invalid("/until", "invalid", "Only with a tier.")
    return SetTier(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("tier", (target.account_id,), meaning_of(body, TIER_DEFAULTS)),
        request_id=call.request_id,
        tier=body.tier,
        reason=body.reason,
        until=body.until,
    )


def _transfer_id(call: Call) -> str:
    return call.identity.made_id("tr", call.program_id, seed_of(call))
