"""Verbs: the commands that callers can post, a row each. What really differs between them is the body."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger_service.api import commands
from ledger_service.api.calls import Call
from ledger_service.api.commands import Target
from ledger_service.api.schemas import (
    AdjustBody,
    Body,
    EarnBody,
    IdentifierBody,
    NoBody,
    OpenAccountBody,
    RedeemBody,
    ReverseBody,
    StatusBody,
)
from ledger_service.ledger.commands import Command


@dataclass(frozen=True, slots=True)
class Verb:
    """A command as callers see it: where it is posted, by whom, and what its answer looks like."""

    name: str
    """Part of every fingerprint: it never changes."""
    path: str
    operation_id: str
    tag: str
    scope: str
    body: type[Body]
    to_command: Callable[[Call, Target, Any], Command]
    answer: str
    """The schema of the answer to a success."""
    summary: str
    description: str
    refusals: tuple[str, ...]
    """The codes with which the books may refuse it."""
    status: int = 201
    method: str = "POST"
    repeats: bool = False
    """Whether a repeat under another key may find the same order, which is answered 200."""


_ACCOUNT: Final = ("account_not_found", "account_merged")

EARN: Final = Verb(
    name="earn",
    path="/v1/accounts/{account_id}/earn",
    operation_id="earn",
    tag="points",
    scope="earn",
    body=EarnBody,
    to_command=commands.earn,
    answer="Entry",
    repeats=True,
    summary="Give points",
    description="Gives points. An order is earned once per source: the same order again, under another key, answers "
    "the first entry with 200. Explicit dates need the scope `adjust`.",
    refusals=(*_ACCOUNT, "account_not_active", "duplicate_order", "limit_exceeded"),
)
REDEEM: Final = Verb(
    name="redeem",
    path="/v1/accounts/{account_id}/redeem",
    operation_id="redeem",
    tag="points",
    scope="redeem",
    body=RedeemBody,
    to_command=commands.redeem,
    answer="Entry",
    repeats=True,
    summary="Take points",
    description="Takes available points, soonest expiry first, wholly or not at all.",
    refusals=(*_ACCOUNT, "account_not_active", "duplicate_order", "insufficient_points", "limit_exceeded"),
)
ADJUST: Final = Verb(
    name="adjust",
    path="/v1/accounts/{account_id}/adjust",
    operation_id="adjust",
    tag="points",
    scope="adjust",
    body=AdjustBody,
    to_command=commands.adjust,
    answer="Entry",
    summary="Correct a balance",
    description="Gives or takes points by hand, with a reason. Only with `allow_negative` may it leave a debt.",
    refusals=(*_ACCOUNT, "account_not_active", "insufficient_points", "limit_exceeded"),
)
REVERSE: Final = Verb(
    name="reverse",
    path="/v1/accounts/{account_id}/entries/{seq}/reverse",
    operation_id="reverse",
    tag="points",
    scope="adjust",
    body=ReverseBody,
    to_command=commands.reverse,
    answer="Entry",
    summary="Undo an earn or a redeem",
    description="Undoes an entry wholly or in part, repeatedly up to the whole.",
    refusals=(
        *_ACCOUNT,
        "entry_not_found",
        "already_reversed",
        "exceeds_remaining",
        "nothing_to_reverse",
        "limit_exceeded",
    ),
)
OPEN: Final = Verb(
    name="open",
    path="/v1/accounts",
    operation_id="openAccount",
    tag="accounts",
    scope="accounts",
    body=OpenAccountBody,
    to_command=commands.open_account,
    answer="Account",
    summary="Open an account",
    description="Opens an account, with the identifiers that shall find it.",
    refusals=("account_exists", "identifier_in_use"),
)
ATTACH: Final = Verb(
    name="attach",
    path="/v1/accounts/{account_id}/identifiers",
    operation_id="attachIdentifier",
    tag="accounts",
    scope="accounts",
    body=IdentifierBody,
    to_command=commands.attach,
    answer="Identifier",
    summary="Attach an identifier",
    description="Lets a card, phone, e-mail address or external id find the account.",
    refusals=(*_ACCOUNT, "identifier_in_use"),
)
REVOKE: Final = Verb(
    name="revoke",
    method="DELETE",
    path="/v1/accounts/{account_id}/identifiers/{identifier_id}",
    operation_id="revokeIdentifier",
    tag="accounts",
    scope="accounts",
    body=NoBody,
    to_command=commands.revoke,
    answer="RevokedIdentifier",
    status=200,
    summary="Revoke an identifier",
    description="A lost card no longer finds the account. Safe to repeat, also without a key.",
    refusals=(*_ACCOUNT, "not_found"),
)
STATUS: Final = Verb(
    name="status",
    path="/v1/accounts/{account_id}/status",
    operation_id="setAccountStatus",
    tag="accounts",
    scope="accounts",
    body=StatusBody,
    to_command=commands.set_status,
    answer="Account",
    status=200,
    summary="Set an account's status",
    description="Suspended: may earn, may not redeem. Closed: neither.",
    refusals=_ACCOUNT,
)

VERBS: Final = (EARN, REDEEM, ADJUST, REVERSE, OPEN, ATTACH, REVOKE, STATUS)
