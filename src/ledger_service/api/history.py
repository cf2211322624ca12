"""History: an account's entries and open lots."""

import json
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.answers import entry_json
from ledger_service.api.calls import Call, Reader, query_of
from ledger_service.api.cursors import Cursors
from ledger_service.api.documenting import needs, problems, success
from ledger_service.api.fields import Instant, OrderId
from ledger_service.api.posting import target_of
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_bytes, json_response
from ledger_service.api.validation import invalid
from ledger_service.api.views import Entry, EntryPage, Lot
from ledger_service.ledger.entries import Kind
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.membership import rfc3339
from ledger_service.storage.reads import EntryQuery

PAGE_SIZE_MAX: Final = 200

_QUERY: Final = frozenset({"kind", "order_id", "from", "to", "limit", "cursor"})

router = APIRouter(tags=["history"])


class EntryFilters(BaseModel):
    """Which entries, and how many at once."""

    kind: Kind | None = Field(None, description="Only entries of this kind.")
    order_id: OrderId | None = Field(None, description="Only entries of this order.")
    from_at: Instant | None = Field(None, alias="from", description="Only entries recorded at this instant or later.")
    to_at: Instant | None = Field(None, alias="to", description="Only entries recorded before this instant.")
    limit: int = Field(50, ge=1, le=PAGE_SIZE_MAX, description="Entries on a page.")
    cursor: str | None = Field(None, max_length=256, description="`next_cursor` of the page before.")

    model_config = ConfigDict(extra="forbid", frozen=True)


@router.get(
    "/v1/accounts/{account_id}/entries",
    operation_id="listEntries",
    summary="Read an account's history",
    responses=success(EntryPage, "A page of entries, newest first.", "Link") | problems("account_not_found"),
    openapi_extra=needs("read"),
)
async def list_entries(
    account_id: str, call: Reader, request: Request, filters: Annotated[EntryFilters, Query()]
) -> Response:
    """Newest first. A page goes on where the one before ended, whatever was posted meanwhile."""
    query_of(request.scope, _QUERY)
    target = target_of({"account_id": account_id})
    cursors = _cursors(call, target.account_id, filters)
    query = EntryQuery(
        kind=filters.kind,
        order_id=filters.order_id,
        from_at=filters.from_at,
        to_at=filters.to_at,
        before_seq=None if filters.cursor is None else int(cursors.place(filters.cursor)),
    )
    found = await call.services.reads.entries(call.program_id, target.account_id, query, filters.limit + 1)
    if found is None:
        raise Unfit("account_not_found", account_id=target.account_id)
    page = found[: filters.limit]
    has_more = len(found) > filters.limit
    cursor = cursors.cursor(str(page[-1].seq)) if has_more else None
    headers = {} if cursor is None else {"Link": _next_link(request, cursor)}
    return json_bytes(page_json([entry_json(entry) for entry in page], cursor, has_more), headers)


@router.get(
    "/v1/accounts/{account_id}/entries/{seq}",
    operation_id="getEntry",
    summary="Read one entry",
    responses=success(Entry, "The entry.") | problems("account_not_found", "entry_not_found"),
    openapi_extra=needs("read"),
)
async def get_entry(account_id: str, seq: str, call: Reader, request: Request) -> Response:
    """An entry never changes."""
    query_of(request.scope, frozenset())
    target = target_of({"account_id": account_id, "seq": seq})
    reads = call.services.reads
    entry = await reads.entry(call.program_id, target.account_id, target.seq)
    if entry is not None:
        return json_bytes(entry_json(entry))
    if await reads.account(call.program_id, target.account_id) is None:
        raise Unfit("account_not_found", account_id=target.account_id)
    raise Unfit("entry_not_found", account_id=target.account_id, seq=target.seq)


@router.get(
    "/v1/accounts/{account_id}/lots",
    operation_id="listLots",
    summary="Read an account's open lots",
    responses=success(list[Lot], "Points by their dates, soonest expiry first.") | problems("account_not_found"),
    openapi_extra=needs("read"),
)
async def list_lots(account_id: str, call: Reader, request: Request) -> Response:
    """Lots are consumed in this order."""
    query_of(request.scope, frozenset())
    target = target_of({"account_id": account_id})
    lots = await call.services.reads.lots(call.program_id, target.account_id)
    if lots is None:
        raise Unfit("account_not_found", account_id=target.account_id)
    return json_response([lot_json(lot.expires_at, lot.available_at, lot.remaining) for lot in lots])


def lot_json(expires_at: datetime, available_at: datetime, points: int) -> dict[str, Any]:
    """A lot as callers see it. Points that wait for a confirmation are available at the last instant of all."""
    return {
        "expires_at": None if expires_at == NEVER else rfc3339(expires_at),
        "available_at": None if available_at == ALWAYS else rfc3339(available_at),
        "points": points,
    }


def page_json(items: list[bytes], cursor: str | None, has_more: bool) -> bytes:
    """A page of items that are already JSON."""
    end = json.dumps({"next_cursor": cursor, "has_more": has_more}, separators=(",", ":")).encode()
    return b'{"data":[' + b",".join(items) + b"]," + end[1:]


def _cursors(call: Call, account_id: str, filters: EntryFilters) -> Cursors:
    if filters.from_at is not None and filters.to_at is not None and filters.from_at >= filters.to_at:
        raise invalid("/query/from", "out_of_range", "Must be before `to`.")
    named = [call.program_id, account_id, filters.kind, filters.order_id, _text(filters.from_at), _text(filters.to_at)]
    return Cursors(call.services.pepper, json.dumps(["entries", *named]), "cursor")


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)


def _next_link(request: Request, cursor: str) -> str:
    # Relative: behind a proxy we do not know the address under which we are called.
    url = request.url.include_query_params(cursor=cursor)
    return f'<{url.path}?{url.query}>; rel="next"'
