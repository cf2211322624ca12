"""Events: the feed of everything that happened in a program."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.answers import entry_json
from ledger_service.api.calls import Reader, query_of
from ledger_service.api.cursors import Cursors
from ledger_service.api.documenting import needs, problems, success
from ledger_service.api.history import page_json
from ledger_service.api.rendering import json_bytes
from ledger_service.api.views import EventPage
from ledger_service.ledger.entries import Entry
from ledger_service.storage.feed import Position

EVENTS_MAX: Final = 1000

_QUERY: Final = frozenset({"after", "limit"})

router = APIRouter(tags=["events"])


class EventFilters(BaseModel):
    """From where, and how many at once."""

    after: str | None = Field(None, max_length=256, description="`next_cursor` of the call before; else the start.")
    limit: int = Field(100, ge=1, le=EVENTS_MAX, description="Events on a page.")

    model_config = ConfigDict(extra="forbid", frozen=True)


@router.get(
    "/v1/events",
    operation_id="listEvents",
    summary="Read what happened",
    responses=success(EventPage, "The next events.") | problems(),
    openapi_extra=needs("read"),
)
async def list_events(call: Reader, request: Request, filters: Annotated[EventFilters, Query()]) -> Response:
    """Every entry of the program once, without gaps, those of one account in their order. Keep `next_cursor` and ask
    again with it: later events follow it, also when there was nothing yet."""
    query_of(request.scope, _QUERY)
    cursors = Cursors(call.services.pepper, f"events {call.program_id}", "after")
    position = None if filters.after is None else _position(cursors.place(filters.after))
    found = await call.services.feed.after(call.program_id, position, filters.limit + 1)
    page = found[: filters.limit]
    cursor = cursors.cursor(_place(page[-1][0])) if page else filters.after
    events = [_event_json(entry) for _, entry in page]
    return json_bytes(page_json(events, cursor, has_more=len(found) > filters.limit))


def _event_json(entry: Entry) -> bytes:
    name = f"{entry.account_id}:{entry.seq}"
    return f'{{"id":"{name}","type":"entry.{entry.kind}","entry":'.encode() + entry_json(entry) + b"}"


def _place(position: Position) -> str:
    return f"{position.xid} {position.seq} {position.account_id}"


def _position(place: str) -> Position:
    xid, seq, account_id = place.split(" ")
    return Position(int(xid), account_id, int(seq))
