"""Preview: what a purchase would earn, and why. Nothing is written."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from ledger_service.api.answers import answer
from ledger_service.api.calls import EXCHANGE, Reader, content_of, query_of
from ledger_service.api.commands_of_orders import preview
from ledger_service.api.documenting import OF_BODIES, json_body, needs, problems, success
from ledger_service.api.schemas_of_orders import PreviewBody
from ledger_service.api.validation import read_json
from ledger_service.api.views_of_orders import Preview

router = APIRouter(tags=["points"])

_PREVIEW: Final = TypeAdapter(PreviewBody)


@router.post(
    "/v1/purchases/preview",
    operation_id="previewPurchase",
    summary="Learn what a purchase would earn",
    responses=success(Preview, "The points, and what each rule and campaign has to do with them.")
    | problems("account_not_found", "account_merged", "account_not_active", "limit_exceeded", *OF_BODIES),
    openapi_extra=json_body(PreviewBody) | needs("read"),
)
async def preview_purchase(call: Reader, request: Request) -> Response:
    """The same number as the earn that follows, with each rule's share and the reason of every rule that does not
    apply. Without an account: for somebody new. Needs no idempotency key."""
    query_of(request.scope, frozenset())
    body = read_json(_PREVIEW, await content_of(call, request.receive))
    outcome = await call.services.poster.rehearse(call.program_id, preview(call, body))
    answered = answer(outcome, 200)
    request.scope[EXCHANGE].code = answered.code
    return Response(answered.body, answered.status, {name.decode(): value.decode() for name, value in answered.headers})
