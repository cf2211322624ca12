"""Keys: the API keys of a program."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from ledger_service.api.calls import Administrator, AdministratorReading, content_of, query_of, unbroken
from ledger_service.api.configuration import ApiKeys, MadeKey, NewKeyBody, claim_of, made
from ledger_service.api.documenting import OF_BODIES, OF_POSTING, json_body, needs, problems, success
from ledger_service.api.fields import ACCOUNT_ID
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_response
from ledger_service.api.validation import read_json

router = APIRouter(tags=["keys"])

_NEW_KEY: Final = TypeAdapter(NewKeyBody)


@router.get(
    "/v1/keys",
    operation_id="listKeys",
    summary="List API keys",
    responses=success(ApiKeys, "The keys, oldest first.") | problems(),
    openapi_extra=needs("admin"),
)
async def list_keys(call: AdministratorReading, request: Request) -> Response:
    """All keys of the program, revoked and expired ones too; never the keys themselves."""
    query_of(request.scope, frozenset())
    return json_response({"data": await call.services.keys.list(call.program_id)})


@router.post(
    "/v1/keys",
    status_code=201,
    operation_id="createKey",
    summary="Make an API key",
    responses=success(MadeKey, "The key.", "Idempotent-Replayed", status=201) | problems(*OF_BODIES, *OF_POSTING),
    openapi_extra=json_body(NewKeyBody) | needs("admin", "IdempotencyKey"),
)
async def create_key(call: Administrator, request: Request) -> Response:
    """The key itself is shown once. A replay answers the same with `api_key` null."""
    query_of(request.scope, frozenset())
    body = read_json(_NEW_KEY, await content_of(call, request.receive))
    claim = claim_of(call, call.program_id, "create key", body)
    keys = call.services.keys
    new = keys.new(call.principal.mode, body.scopes, body.source, body.name or "", body.expires_at)
    return made(await unbroken(call, keys.create(claim, call.program_id, new)), new.token)


@router.delete(
    "/v1/keys/{key_id}",
    status_code=204,
    operation_id="revokeKey",
    summary="Revoke an API key",
    responses=success(None, "Revoked, now or before.", status=204) | problems("not_found", "outcome_unknown"),
    openapi_extra=needs("admin"),
)
async def revoke_key(key_id: str, call: Administrator, request: Request) -> Response:
    """The key stops working within 30 seconds. Safe to repeat."""
    query_of(request.scope, frozenset())
    is_id = ACCOUNT_ID.fullmatch(key_id)
    if not is_id or not await unbroken(call, call.services.keys.revoke(call.program_id, key_id)):
        raise Unfit("not_found")
    return Response(status_code=204)
