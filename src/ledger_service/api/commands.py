"""Commands: from a body and the call it came with to the frozen command of the ledger."""

from dataclasses import dataclass
from secrets import token_hex

from ledger_service.api.calls import Call
from ledger_service.api.fingerprints import canonical_metadata, defaults_of, fingerprint, meaning_of
from ledger_service.api.schemas import (
    AdjustBody,
    EarnBody,
    IdentifierBody,
    NoBody,
    OpenAccountBody,
    RedeemBody,
    ReverseBody,
    StatusBody,
)
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
)

EARN_DEFAULTS = defaults_of(EarnBody)
REDEEM_DEFAULTS = defaults_of(RedeemBody)
ADJUST_DEFAULTS = defaults_of(AdjustBody)
REVERSE_DEFAULTS = defaults_of(ReverseBody)
OPEN_DEFAULTS = defaults_of(OpenAccountBody)
STATUS_DEFAULTS = defaults_of(StatusBody)


@dataclass(frozen=True, slots=True)
class Target:
    """What the path of a verb names."""

    account_id: str = ""
    seq: int = 0
    identifier_id: str = ""


def earn(call: Call, target: Target, body: EarnBody) -> Command:
    if body.available_at is not None or body.expires_at is not None:
        call.require("adjust")
    return Earn(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("earn", (target.account_id,), meaning_of(body, EARN_DEFAULTS)),
        request_id=call.request_id,
        points=body.points,
        order_id=body.order_id,
        occurred_at=body.occurred_at,
        reason=body.reason,
        metadata=canonical_metadata(body.metadata),
        available_at=body.available_at,
        expires_at=body.expires_at,
    )


def redeem(call: Call, target: Target, body: RedeemBody) -> Command:
    return Redeem(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("redeem", (target.account_id,), meaning_of(body, REDEEM_DEFAULTS)),
        request_id=call.request_id,
        points=body.points,
        order_id=body.order_id,
        occurred_at=body.occurred_at,
        reason=body.reason,
        metadata=canonical_metadata(body.metadata),
    )


def adjust(call: Call, target: Target, body: AdjustBody) -> Command:
    return Adjust(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("adjust", (target.account_id,), meaning_of(body, ADJUST_DEFAULTS)),
        request_id=call.request_id,
        points=body.points,
        reason=body.reason,
        allow_negative=body.allow_negative,
    )


def reverse(call: Call, target: Target, body: ReverseBody) -> Command:
    return Reverse(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("reverse", (target.account_id, target.seq), meaning_of(body, REVERSE_DEFAULTS)),
        request_id=call.request_id,
        seq=target.seq,
        reason=body.reason,
        points=body.points,
    )


def open_account(call: Call, _: Target, body: OpenAccountBody) -> Command:
    # Ids of ours are made from the key: a repeat, wherever it arrives, is about the same account.
    seed = token_hex() if call.key is None else call.key
    claims = tuple(
        call.identity.claim(
            call.program_id,
            identifier.type,
            identifier.value,
            call.identity.made_id("idn", call.program_id, seed, str(index)),
            f"/identifiers/{index}/value",
        )
        for index, identifier in enumerate(body.identifiers)
    )
    meaning = meaning_of(body, OPEN_DEFAULTS)
    if claims:
        # Not the values: a plain hash of a phone number is guessed in seconds.
        meaning["identifiers"] = [[claim.type, claim.digest.hex()] for claim in claims]
    return OpenAccount(
        account_id=body.account_id or call.identity.made_id("acc", call.program_id, seed),
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("open", (), meaning),
        request_id=call.request_id,
        identifiers=claims,
        metadata=canonical_metadata(body.metadata),
    )


def attach(call: Call, target: Target, body: IdentifierBody) -> Command:
    seed = token_hex() if call.key is None else call.key
    identifier_id = call.identity.made_id("idn", call.program_id, seed)
    claim = call.identity.claim(call.program_id, body.type, body.value, identifier_id)
    return AttachIdentifier(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("attach", (target.account_id,), {"identifier": [claim.type, claim.digest.hex()]}),
        request_id=call.request_id,
        identifier=claim,
    )


def revoke(call: Call, target: Target, _: NoBody) -> Command:
    # The space keeps this key apart from every key that a caller can send.
    own_key = f"revoke {target.account_id} {target.identifier_id}"
    return RevokeIdentifier(
        account_id=target.account_id,
        source=call.principal.source,
        key=own_key if call.key is None else call.key,
        fingerprint=fingerprint("revoke", (target.account_id, target.identifier_id), {}),
        request_id=call.request_id,
        identifier_id=target.identifier_id,
    )


def set_status(call: Call, target: Target, body: StatusBody) -> Command:
    return SetStatus(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("status", (target.account_id,), meaning_of(body, STATUS_DEFAULTS)),
        request_id=call.request_id,
        status=body.status,
        reason=body.reason,
    )
