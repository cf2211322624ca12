"""Verbs of points: giving, taking and undoing, on one account or between two."""

from typing import Final

from ledger_service.api import commands
from ledger_service.api.commands_of_accounts import transfer
from ledger_service.api.schemas import AdjustBody, CaptureBody, EarnBody, HoldBody, RedeemBody, ReleaseBody, ReverseBody
from ledger_service.api.schemas_of_accounts import TransferBody
from ledger_service.api.verb import ACCOUNT, Verb
from ledger_service.api.views import Entries, Entry
from ledger_service.api.views_of_orders import Hold

EARN: Final = Verb(
    name="earn",
    path="/v1/accounts/{account_id}/earn",
    operation_id="earn",
    tag="points",
    scope="earn",
    body=EarnBody,
    to_command=commands.earn,
    answer=Entry,
    repeats=True,
    summary="Give points",
    description="Gives points. An order is earned once per source: the same order again, under another key, answers "
    "the first entry with 200. Explicit dates need the scope `adjust`.",
    refusals=(*ACCOUNT, "account_not_active", "duplicate_order", "limit_exceeded"),
)
REDEEM: Final = Verb(
    name="redeem",
    path="/v1/accounts/{account_id}/redeem",
    operation_id="redeem",
    tag="points",
    scope="redeem",
    body=RedeemBody,
    to_command=commands.redeem,
    answer=Entry,
    repeats=True,
    summary="Take points",
    description="Takes available points, soonest expiry first, wholly or not at all.",
    refusals=(*ACCOUNT, "account_not_active", "duplicate_order", "insufficient_points", "limit_exceeded"),
)
ADJUST: Final = Verb(
    name="adjust",
    path="/v1/accounts/{account_id}/adjust",
    operation_id="adjust",
    tag="points",
    scope="adjust",
    body=AdjustBody,
    to_command=commands.adjust,
    answer=Entry,
    summary="Correct a balance",
    description="Gives or takes points by hand, with a reason. Only with `allow_negative` may it leave a debt.",
    refusals=(*ACCOUNT, "account_not_active", "insufficient_points", "limit_exceeded"),
)
REVERSE: Final = Verb(
    name="reverse",
    path="/v1/accounts/{account_id}/entries/{seq}/reverse",
    operation_id="reverse",
    tag="points",
    scope="adjust",
    body=ReverseBody,
    to_command=commands.reverse,
    answer=Entry,
    summary="Undo an earn or a redeem",
    description="Undoes an entry wholly or in part, repeatedly up to the whole.",
    refusals=(
        *ACCOUNT,
        "entry_not_found",
        "already_reversed",
        "exceeds_remaining",
        "nothing_to_reverse",
        "limit_exceeded",
    ),
)
TRANSFER: Final = Verb(
    name="transfer",
    path="/v1/transfers",
    operation_id="transfer",
    tag="points",
    scope="adjust",
    body=TransferBody,
    to_command=transfer,
    answer=Entries,
    summary="Move points to another account",
    description="Moves available points with their dates, soonest expiry first; what the receiver owes is paid first. "
    "Both entries or none.",
    refusals=(*ACCOUNT, "account_not_active", "insufficient_points", "limit_exceeded"),
)
HOLD: Final = Verb(
    name="hold",
    path="/v1/accounts/{account_id}/holds",
    operation_id="placeHold",
    tag="holds",
    scope="redeem",
    body=HoldBody,
    to_command=commands.place_hold,
    answer=Hold,
    summary="Set points aside",
    description="Takes available points from their lots at once, soonest expiry first, for a redeem that may follow. "
    "What is neither captured nor released in time is released by itself.",
    refusals=(*ACCOUNT, "account_not_active", "duplicate_order", "insufficient_points", "limit_exceeded"),
)
CAPTURE: Final = Verb(
    name="capture",
    path="/v1/holds/{hold_id}/capture",
    operation_id="captureHold",
    tag="holds",
    scope="redeem",
    body=CaptureBody,
    to_command=commands.capture,
    answer=Entry,
    needs_body=False,
    not_found="hold_not_found",
    summary="Redeem what was set aside",
    description="Redeems all of a hold, or less and releases the rest. Answers the `redeem` entry. A body is not "
    "needed for all.",
    refusals=("hold_not_found", "hold_not_open", "exceeds_remaining", "duplicate_order", "limit_exceeded"),
)
RELEASE: Final = Verb(
    name="release",
    path="/v1/holds/{hold_id}/release",
    operation_id="releaseHold",
    tag="holds",
    scope="redeem",
    body=ReleaseBody,
    to_command=commands.release,
    answer=Entry,
    needs_body=False,
    not_found="hold_not_found",
    summary="Give back what was set aside",
    description="Gives all points of a hold back to the lots they came from. Those whose date has passed meanwhile "
    "expire in the same breath. No body is needed.",
    refusals=("hold_not_found", "hold_not_open"),
)
