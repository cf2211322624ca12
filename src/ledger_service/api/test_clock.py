"""The test clock: time in programs of mode `test`, which moves when it is told to."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, TypeAdapter

from ledger_service.api.calls import Administrator, Call, content_of, query_of, unbroken
from ledger_service.api.documenting import OF_BODIES, json_body, needs, problems, success
from ledger_service.api.fields import Instant
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_response
from ledger_service.api.schemas import Body
from ledger_service.api.validation import invalid, read_json
from ledger_service.api.views import Count, Time, View
from ledger_service.ledger.membership import rfc3339

router = APIRouter()


class AdvanceClockBody(Body):
    """Where the clock shall stand."""

    to: Instant = Field(description="Not before where it stands now.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "2027-01-01T00:00:00Z"}]})


class AdvancedClock(View):
    """The clock of a test program, and what falling due meant."""

    now: Time = Field(description="Where the clock stands.")
    settled: Count = Field(description="Accounts whose due work was done: expiry, hold time-outs, tiers.")


_BODY: Final = TypeAdapter(AdvanceClockBody)


@router.post(
    "/v1/test-clock/advance",
    tags=["program"],
    operation_id="advanceTestClock",
    summary="Move the clock of a test program",
    responses=success(AdvancedClock, "The clock, and how many accounts had something fall due.")
    | problems("outcome_unknown", *OF_BODIES),
    openapi_extra=json_body(AdvanceClockBody) | needs("admin"),
)
async def advance_test_clock(call: Administrator, request: Request) -> Response:
    """Moves the clock forward and does what falls due by then. The clock stands still between two such calls, and
    every time in the program follows it. For programs of mode `test` only; others answer `forbidden`. It is safe to
    repeat, and needs no idempotency key."""
    query_of(request.scope, frozenset())
    program = await call.services.programs.get(call.program_id)
    if program.mode != "test":
        raise Unfit("forbidden", "Only programs of mode test have a clock that can be moved.", scope="admin")
    body = read_json(_BODY, await content_of(call, request.receive))
    return json_response(await unbroken(call, _advance(call, body)))


async def _advance(call: Call, body: AdvanceClockBody) -> dict[str, object]:
    now = await call.services.programs.advance_clock(call.program_id, body.to)
    if now is None:
        raise invalid("/to", "backwards", "Must not lie before where the clock stands: it only moves forward.")
    return {"now": rfc3339(now), "settled": await call.services.settle_due(call.program_id)}
