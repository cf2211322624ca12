"""Accounts: one by its id, or by a card, phone, address or external id."""

import json
from hashlib import blake2b
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from ledger_service.api.balance import balance_json
from ledger_service.api.calls import Reader, content_of, query_of
from ledger_service.api.conditional import entity_tag, is_unchanged
from ledger_service.api.documenting import OF_BODIES, json_body, needs, problems, success
from ledger_service.api.identity import normalised
from ledger_service.api.posting import target_of
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_response, unchanged
from ledger_service.api.schemas import IdentifierBody
from ledger_service.api.validation import read_json
from ledger_service.api.views import Account, AccountAndBalance

router = APIRouter(tags=["accounts"])

_LOOKUP: Final = TypeAdapter(IdentifierBody)


@router.get(
    "/v1/accounts/{account_id}",
    operation_id="getAccount",
    summary="Read an account",
    responses=success(Account, "The account.", "ETag")
    | success(None, "Unchanged since If-None-Match.", "ETag", status=304)
    | problems("account_not_found"),
    openapi_extra=needs("read", "IfNoneMatch"),
)
async def get_account(account_id: str, call: Reader, request: Request) -> Response:
    """Status, counters, identifiers and version of an account. A merged account still answers."""
    query_of(request.scope, frozenset())
    target = target_of({"account_id": account_id})
    view = await call.services.reads.account(call.program_id, target.account_id)
    if view is None:
        raise Unfit("account_not_found", account_id=target.account_id)
    tag = entity_tag(_tag(view))
    if is_unchanged(call.headers.get(b"if-none-match"), tag):
        return unchanged(tag)
    return json_response(view, {"ETag": tag})


def _tag(view: dict[str, Any]) -> str:
    # A tier can change while nothing is written: its period ends, or a day leaves its window.
    tier = view["tier"]
    seen = "" if tier is None else "-" + blake2b(json.dumps(tier).encode(), digest_size=8).hexdigest()
    return f"{view['version']}{seen}"


@router.post(
    "/v1/accounts/lookup",
    operation_id="lookupAccount",
    summary="Find an account",
    responses=success(AccountAndBalance, "The account and its balance.") | problems("account_not_found", *OF_BODIES),
    openapi_extra=json_body(IdentifierBody) | needs("read"),
)
async def lookup(call: Reader, request: Request) -> Response:
    """Finds an account by an identifier. A POST, so that nobody's phone number stands in a URL or a log. Changes
    nothing and needs no idempotency key."""
    query_of(request.scope, frozenset())
    body = read_json(_LOOKUP, await content_of(call, request.receive))
    digest = call.identity.digest(call.program_id, body.type, normalised(body.type, body.value, "/value"))
    reads = call.services.reads
    account_id = await reads.find(call.program_id, body.type, digest)
    if account_id is None:
        raise Unfit("account_not_found")
    view: dict[str, Any] | None = await reads.account(call.program_id, account_id)
    balance = await reads.balance(call.program_id, account_id)
    if view is None or balance is None:
        raise Unfit("account_not_found")
    return json_response({"account": view, "balance": json.loads(balance_json(balance))})
