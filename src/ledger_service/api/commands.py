"""Commands: from a body and the call it came with to the frozen command of the ledger."""

from dataclasses import dataclass
from secrets import token_hex

from ledger_service.api.calls import Call
from ledger_service.api.fingerprints import canonical_metadata, defaults_of, fingerprint, meaning_of
from ledger_service.api.schemas import (
    AdjustBody,
    CaptureBody,
    EarnBody,
    HoldBody,
    IdentifierBody,
    NoBody,
    OpenAccountBody,
    PurchaseBody,
    RedeemBody,
    ReleaseBody,
    ReverseBody,
    StatusBody,
)
from ledger_service.api.validation import require_one
from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    Capture,
    Command,
    Earn,
    OpenAccount,
    PlaceHold,
    Redeem,
    Release,
    Reverse,
    RevokeIdentifier,
    SetStatus,
)
from ledger_service.ledger.purchases import Line, Purchase

EARN_DEFAULTS = defaults_of(EarnBody)
REDEEM_DEFAULTS = defaults_of(RedeemBody)
ADJUST_DEFAULTS = defaults_of(AdjustBody)
REVERSE_DEFAULTS = defaults_of(ReverseBody)
HOLD_DEFAULTS = defaults_of(HoldBody)
CAPTURE_DEFAULTS = defaults_of(CaptureBody)
OPEN_DEFAULTS = defaults_of(OpenAccountBody)
STATUS_DEFAULTS = defaults_of(StatusBody)


@dataclass(frozen=True, slots=True)
class Target:
    """What the path of a verb names, and, once it was found, whose books that is about."""

    account_id: str = ""
    seq: int = 0
    identifier_id: str = ""
    hold_id: str = ""
    order_id: str = ""
    """Of the path; of a hold that was found: its own."""
    chain: tuple[str, ...] = ()
    """Further accounts that the command may touch."""


def seed_of(call: Call) -> str:
    """What ids of ours are made from: the key, so that a repeat, wherever it arrives, is about the same thing."""
    return token_hex() if call.key is None else call.key


def earn(call: Call, target: Target, body: EarnBody) -> Command:
    if (body.points is None) == (body.purchase is None):
        require_one(body, "points", "purchase")
    if body.available_at is not None or body.expires_at is not None:
        call.require("adjust")
    return Earn(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("earn", (target.account_id,), meaning_of(body, EARN_DEFAULTS)),
        request_id=call.request_id,
        points=body.points,
        purchase=None if body.purchase is None else purchase_of(body.purchase),
        order_id=body.order_id,
        occurred_at=body.occurred_at,
        reason=body.reason,
        metadata=canonical_metadata(body.metadata),
        available_at=body.available_at,
        expires_at=body.expires_at,
    )


def purchase_of(body: PurchaseBody) -> Purchase:
    return Purchase(
        amount=body.amount,
        currency=body.currency,
        tax=body.tax,
        channel=body.channel,
        redeemed_value=body.redeemed_value,
        lines=tuple(
            Line(
                sku=line.sku,
                amount=line.amount,
                quantity=line.quantity,
                category=line.category,
                tax=line.tax,
                voided=line.voided,
            )
            for line in body.lines
        ),
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


def place_hold(call: Call, target: Target, body: HoldBody) -> Command:
    return PlaceHold(
        account_id=target.account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("hold", (target.account_id,), meaning_of(body, HOLD_DEFAULTS)),
        request_id=call.request_id,
        hold_id=call.identity.made_id("hold", call.program_id, seed_of(call)),
        points=body.points,
        expires_in_seconds=body.expires_in_seconds,
        order_id=body.order_id,
        reason=body.reason,
        metadata=canonical_metadata(body.metadata),
    )


def capture(call: Call, target: Target, body: CaptureBody) -> Command:
    # Of what was found only the hold is part of the meaning: its account may be another one when the call is repeated.
    return Capture(
        account_id=target.account_id,
        chain=target.chain,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("capture", (target.hold_id,), meaning_of(body, CAPTURE_DEFAULTS)),
        request_id=call.request_id,
        hold_id=target.hold_id,
        points=body.points,
        order_id=target.order_id or None,
    )


def release(call: Call, target: Target, _: ReleaseBody) -> Command:
    return Release(
        account_id=target.account_id,
        chain=target.chain,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("release", (target.hold_id,), {}),
        request_id=call.request_id,
        hold_id=target.hold_id,
    )


def open_account(call: Call, _: Target, body: OpenAccountBody) -> Command:
    seed = seed_of(call)
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
    identifier_id = call.identity.made_id("idn", call.program_id, seed_of(call))
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
