"""Holds: one by its id, and the open ones of an account."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.answers import hold_document
from ledger_service.api.calls import Reader, query_of
from ledger_service.api.cursors import Cursors
from ledger_service.api.documenting import needs, problems, success
from ledger_service.api.posting import hold_id_of, target_of
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_response
from ledger_service.api.views_of_orders import Hold, HoldPage
from ledger_service.ledger.membership import rfc3339
from ledger_service.storage.lookups import HoldView

router = APIRouter(tags=["holds"])

PAGE_SIZE_MAX: Final = 200

_QUERY: Final = frozenset({"limit", "cursor"})
_FROM_THE_FIRST: Final = (datetime.min.replace(tzinfo=UTC), "")


class HoldFilters(BaseModel):
    """How many holds at once."""

    limit: int = Field(50, ge=1, le=PAGE_SIZE_MAX, description="Holds on a page.")
    cursor: str | None = Field(None, max_length=256, description="`next_cursor` of the page before.")

    model_config = ConfigDict(extra="forbid", frozen=True)


@router.get(
    "/v1/holds/{hold_id}",
    operation_id="getHold",
    summary="Read a hold",
    responses=success(Hold, "The hold.") | problems("hold_not_found"),
    openapi_extra=needs("read"),
)
async def get_hold(hold_id: str, call: Reader, request: Request) -> Response:
    """A hold as it stands now, open or not. One whose time is over has timed out, whether or not its points are back in
    the books yet."""
    query_of(request.scope, frozenset())
    view = await call.services.lookups.hold(call.program_id, hold_id_of(hold_id))
    if view is None:
        raise Unfit("hold_not_found", hold_id=hold_id)
    return json_response(_document(view))


@router.get(
    "/v1/accounts/{account_id}/holds",
    operation_id="listHolds",
    summary="Read an account's open holds",
    responses=success(HoldPage, "A page of holds, soonest time-out first.") | problems("account_not_found"),
    openapi_extra=needs("read"),
)
async def list_holds(
    account_id: str, call: Reader, request: Request, filters: Annotated[HoldFilters, Query()]
) -> Response:
    """What is set aside now, soonest time-out first."""
    query_of(request.scope, _QUERY)
    account_id = target_of({"account_id": account_id}).account_id
    cursors = Cursors(call.services.pepper, json.dumps(["holds", call.program_id, account_id]), "cursor")
    after = _FROM_THE_FIRST if filters.cursor is None else _place_of(cursors.place(filters.cursor))
    found = await call.services.lookups.open_holds(call.program_id, account_id, after, filters.limit + 1)
    if found is None:
        raise Unfit("account_not_found", account_id=account_id)
    page = found[: filters.limit]
    has_more = len(found) > filters.limit
    cursor = cursors.cursor(_place(page[-1])) if has_more else None
    return json_response({"data": [_document(view) for view in page], "next_cursor": cursor, "has_more": has_more})


def _place(view: HoldView) -> str:
    return f"{rfc3339(view.facts.hold.expires_at)} {view.facts.hold.hold_id}"


def _place_of(place: str) -> tuple[datetime, str]:
    expires_at, _, hold_id = place.partition(" ")
    return datetime.fromisoformat(expires_at), hold_id


def _document(view: HoldView) -> dict[str, Any]:
    return hold_document(view.facts, view.reason, view.metadata)
