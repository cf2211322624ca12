"""Verbs of accounts: opening them, their status and tier, who finds them, and making one of two."""

from typing import Final

from ledger_service.api import commands
from ledger_service.api.commands_of_accounts import merge, set_tier, unmerge
from ledger_service.api.schemas import IdentifierBody, NoBody, OpenAccountBody, StatusBody
from ledger_service.api.schemas_of_accounts import MergeBody, TierBody, UnmergeBody
from ledger_service.api.verb import ACCOUNT, Verb
from ledger_service.api.views import Account, Entries, Identifier, RevokedIdentifier

OPEN: Final = Verb(
    name="open",
    path="/v1/accounts",
    operation_id="openAccount",
    tag="accounts",
    scope="accounts",
    body=OpenAccountBody,
    to_command=commands.open_account,
    answer=Account,
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
    answer=Identifier,
    summary="Attach an identifier",
    description="Lets a card, phone, e-mail address or external id find the account.",
    refusals=(*ACCOUNT, "identifier_in_use"),
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
    answer=RevokedIdentifier,
    status=200,
    summary="Revoke an identifier",
    description="A lost card no longer finds the account. Safe to repeat, also without a key.",
    refusals=(*ACCOUNT, "not_found"),
)
STATUS: Final = Verb(
    name="status",
    path="/v1/accounts/{account_id}/status",
    operation_id="setAccountStatus",
    tag="accounts",
    scope="accounts",
    body=StatusBody,
    to_command=commands.set_status,
    answer=Account,
    status=200,
    summary="Set an account's status",
    description="Suspended: may earn, may not redeem. Closed: neither.",
    refusals=ACCOUNT,
)
TIER: Final = Verb(
    name="tier",
    path="/v1/accounts/{account_id}/tier",
    operation_id="setAccountTier",
    tag="accounts",
    scope="accounts",
    body=TierBody,
    to_command=set_tier,
    answer=Account,
    status=200,
    summary="Give a tier by hand",
    description="The account is not below this tier, whatever it reaches by itself: a floor, not a ceiling. `null` "
    "ends it.",
    refusals=(*ACCOUNT, "account_not_active"),
)
MERGE: Final = Verb(
    name="merge",
    path="/v1/accounts/{account_id}/merge",
    operation_id="mergeAccount",
    tag="accounts",
    scope="adjust",
    body=MergeBody,
    to_command=merge,
    answer=Entries,
    summary="Merge an account into another one",
    description="Everything moves to the account that survives: lots with their dates, counters, open holds and "
    "identifiers; the higher tier is kept. The other one has the status `merged` from then on.",
    refusals=(*ACCOUNT, "account_not_active", "limit_exceeded"),
)
UNMERGE: Final = Verb(
    name="unmerge",
    path="/v1/accounts/{account_id}/unmerge",
    operation_id="unmergeAccount",
    tag="accounts",
    scope="adjust",
    body=UnmergeBody,
    to_command=unmerge,
    answer=Entries,
    not_found="account_not_found",
    summary="Undo a merge",
    description="Within 30 days, and while the survivor still has that many points: what moved and is not past its "
    "date moves back, with its dates.",
    refusals=(*ACCOUNT, "account_not_active", "insufficient_points", "nothing_to_reverse", "limit_exceeded"),
)
