"""Explain: where every point of a balance came from and went, in words that a shop assistant can read out."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.calls import Reader, query_of
from ledger_service.api.documenting import needs, problems, success
from ledger_service.api.history import lot_json
from ledger_service.api.posting import target_of
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_response
from ledger_service.api.views_of_reports import Explanation
from ledger_service.ledger.sentences import balance_sentence, sentence_of
from ledger_service.storage import reads

MOVEMENTS_MAX: Final = 1000

_QUERY: Final = frozenset({"limit"})

router = APIRouter(tags=["history"])


class ExplanationSize(BaseModel):
    """How much is explained."""

    limit: int = Field(100, ge=1, le=MOVEMENTS_MAX, description="The last entries that are told.")

    model_config = ConfigDict(extra="forbid", frozen=True)


@router.get(
    "/v1/accounts/{account_id}/explain",
    operation_id="explainBalance",
    summary="Explain a balance",
    responses=success(Explanation, "The explanation.") | problems("account_not_found"),
    openapi_extra=needs("read"),
)
async def explain(
    account_id: str, call: Reader, request: Request, size: Annotated[ExplanationSize, Query()]
) -> Response:
    """Follows every point of the account through all its entries, however many are told."""
    query_of(request.scope, _QUERY)
    target = target_of({"account_id": account_id})
    found = await call.services.reads.explanation(call.program_id, target.account_id, size.limit)
    if found is None:
        raise Unfit("account_not_found", account_id=target.account_id)
    return json_response(explanation_view(found))


def explanation_view(found: reads.Explanation) -> dict[str, Any]:
    """An explanation as callers see it."""
    return {
        "balance": found.account.balance,
        "lots": [
            {
                **lot_json(lot.expires_at, lot.available_at, lot.points),
                "from": [{"seq": portion.seq, "points": portion.points} for portion in lot.portions],
            }
            for lot in found.lots
        ],
        "movements": [
            {
                "seq": entry.seq,
                "kind": entry.kind,
                "points": entry.points,
                "rule_version": entry.rule_version,
                "sentence": sentence_of(entry, found.settings),
            }
            for entry in found.entries
        ],
        "sentence": balance_sentence(found.account, found.settings, found.as_of),
    }
