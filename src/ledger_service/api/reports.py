"""Reports: what a program owes its members, how that came about, and the proof that its books are in balance."""

import re
from datetime import date, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger_service.api.balance import instant_in
from ledger_service.api.calls import AdministratorReading, query_of
from ledger_service.api.documenting import needs, problems, success
from ledger_service.api.rendering import json_response
from ledger_service.api.validation import invalid
from ledger_service.api.views_of_reports import Liability, RollForward, TrialBalance
from ledger_service.ledger.lots import EPOCH
from ledger_service.ledger.membership import rfc3339

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DAY_OR_INSTANT: Final = "A local day of the program, like 2026-12-31, or an RFC 3339 time"

router = APIRouter(tags=["program"])


class AsOf(BaseModel):
    """The moment that a report is about."""

    as_of: str | None = Field(
        None,
        description=f"{_DAY_OR_INSTANT}, past or future; of a day its end, just before midnight. Left out: now.",
        examples=["2026-12-31"],
    )

    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(BaseModel):
    """The time that a report is about."""

    from_: str = Field(alias="from", description=f"{_DAY_OR_INSTANT}: it begins here.", examples=["2026-12-01"])
    to: str = Field(
        description=f"{_DAY_OR_INSTANT}: it ends with this day, or just before this time.", examples=["2026-12-31"]
    )

    model_config = ConfigDict(extra="forbid", frozen=True)


@router.get(
    "/v1/reports/liability",
    operation_id="reportLiability",
    summary="Report what is owed",
    responses=success(Liability, "The liability.") | problems(),
    openapi_extra=needs("admin"),
)
async def liability(call: AdministratorReading, request: Request, asked: Annotated[AsOf, Query()]) -> Response:
    """All points of all accounts at an instant. Due work up to it counts as done; the future is what comes when nothing
    else happens."""
    query_of(request.scope, frozenset({"as_of"}))
    as_of = None if asked.as_of is None else moment_in(asked.as_of, "/query/as_of")
    found = await call.services.reads.reports.liability(call.program_id, as_of)
    position = found.position
    months = sorted((month, points) for month, points in position.by_month.items() if month is not None)
    return json_response(
        {
            "as_of": rfc3339(found.as_of),
            "available": position.available,
            "pending": position.pending,
            "held": position.held,
            "debt": position.debt,
            "total": position.total,
            "never_expiring": position.by_month.get(None, 0),
            "by_expiry": [{"month": month, "points": points} for month, points in months],
        }
    )


@router.get(
    "/v1/reports/roll-forward",
    operation_id="reportRollForward",
    summary="Report what changed",
    responses=success(RollForward, "The roll-forward.") | problems(),
    openapi_extra=needs("admin"),
)
async def roll_forward(call: AdministratorReading, request: Request, asked: Annotated[Period, Query()]) -> Response:
    """How the points of all accounts came from one instant to a later one. An entry counts when it was recorded, due
    work when it fell due, whether or not it is in the books yet. Transfers and merges come to nothing."""
    query_of(request.scope, frozenset({"from", "to"}))
    begin, end = moment_in(asked.from_, "/query/from"), moment_in(asked.to, "/query/to")
    found = await call.services.reads.reports.roll_forward(call.program_id, begin, end)
    if found is None:
        raise invalid("/query/from", "out_of_range", "Must be before `to`.")
    return json_response(
        {"opening": found.opening, **found.lines, "closing": found.closing, "written_off": found.written_off}
    )


@router.get(
    "/v1/reports/trial-balance",
    operation_id="reportTrialBalance",
    summary="Report the trial balance",
    responses=success(TrialBalance, "The trial balance.") | problems(),
    openapi_extra=needs("admin"),
)
async def trial_balance(call: AdministratorReading, request: Request) -> Response:
    """Double entry over the whole program, now: what members have and what it was given for come to 0."""
    query_of(request.scope, frozenset())
    found = await call.services.reads.reports.trial_balance(call.program_id)
    accounts = [("members", found.members), *found.counters.items()]
    return json_response(
        {
            "as_of": rfc3339(found.as_of),
            "accounts": [{"name": name, "points": points} for name, points in accounts],
            "total": found.total,
        }
    )


def moment_in(text: str, pointer: str) -> date | datetime:
    """A day or an instant in a query, from 1970 on. Raises Unfit `validation_failed`."""
    if not _DAY.fullmatch(text):
        return instant_in(text, pointer)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise invalid(pointer, "not_a_date", "Must be a date, like 2026-12-31, or an RFC 3339 time.") from None
    if not EPOCH.date() <= day < date(9998, 12, 31):
        raise invalid(pointer, "out_of_range", "Must be in the years 1970 to 9998.")
    return day
