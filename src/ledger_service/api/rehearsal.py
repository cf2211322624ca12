"""Rehearsal: what other settings would have given for purchases that were made."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, TypeAdapter

from ledger_service.api.calls import AdministratorReading, Call, content_of, query_of
from ledger_service.api.documenting import OF_BODIES, json_body, needs, problems, success
from ledger_service.api.fields import Instant
from ledger_service.api.rendering import json_response
from ledger_service.api.schemas import Body
from ledger_service.api.settings_document import SettingsDocument
from ledger_service.api.validation import invalid, read_json
from ledger_service.api.views import AnyPoints, Count, Place, Time, View
from ledger_service.ledger.earned import Circumstances, points_of
from ledger_service.ledger.levels import Level
from ledger_service.ledger.limits import AHEAD_MAX
from ledger_service.ledger.lots import MICROSECOND
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.program import ProgramSettings
from ledger_service.storage.purchases import StoredPurchase

router = APIRouter()

PERIOD_DEFAULT: Final = timedelta(days=30)
PURCHASES_MAX: Final = 10_000
"""Purchases that are evaluated anew: about a second of work."""

ENTRIES_MAX: Final = 200_000
"""Entries of all kinds that are looked through for them."""

SECONDS_LEFT: Final = 0.5
"""Before the deadline, at which a rehearsal ends with what it has."""

EXAMPLES_MAX: Final = 10
PURCHASES_AT_ONCE: Final = 20
"""Evaluated before others get their turn: two milliseconds, so that no till waits for a rehearsal."""


class RehearseBody(Body):
    """Settings to try on purchases that were made."""

    settings: SettingsDocument = Field(description="The settings document as it would be put.")
    from_: Instant | None = Field(
        None, alias="from", description="The first instant of the period; left out: 30 days before its end."
    )
    to: Instant | None = Field(None, description="The first instant after the period; left out: up to now.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"settings": {"rules": [{"id": "base", "type": "spend", "points": 2, "per": "1.00"}]}}]
        }
    )


class RehearsedPurchase(View):
    """A purchase that would have earned something else."""

    account_id: str
    seq: Place = Field(description="Of the earn.")
    order_id: str | None
    points_before: Count = Field(description="What it earned.")
    points_after: Count = Field(description="What it would have earned.")


class RehearsalView(View):
    """What the settings would have given for the purchases of a period. Nothing was changed."""

    purchases: Count = Field(description="Purchases that were looked at. Earns of explicit points are not among them.")
    points_before: Count = Field(description="What they earned.")
    points_after: Count = Field(description="What they would have earned.")
    difference: AnyPoints = Field(description="points_after less points_before.")
    accounts_changed: Count = Field(description="Accounts with a purchase that would have earned something else.")
    examples: list[RehearsedPurchase] = Field(description="The largest differences, at most 10.")
    from_: Time = Field(alias="from", description="The first instant of the period.")
    to: Time = Field(description="The first instant after it, or now.")
    truncated: bool = Field(
        description="Whether there are more purchases: these are the newest, at most 10,000 and no more than the "
        "caller's deadline leaves time for."
    )


@dataclass(slots=True)
class Rehearsal:
    """What a rehearsal has found so far."""

    settings: ProgramSettings
    purchases: int = 0
    points_before: int = 0
    points_after: int = 0
    changed: set[str] = field(default_factory=set)
    """Accounts."""
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, stored: StoredPurchase) -> None:
        """Evaluate a purchase in the circumstances of then."""
        circumstances = Circumstances(stored.occurred_at, _level(self.settings, stored.level), stored.is_first)
        points = points_of(self.settings, stored.purchase, circumstances)
        self.purchases += 1
        self.points_before += stored.points
        self.points_after += points
        if points == stored.points:
            return
        self.changed.add(stored.account_id)
        self.examples.append(
            {
                "account_id": stored.account_id,
                "seq": stored.seq,
                "order_id": stored.order_id,
                "points_before": stored.points,
                "points_after": points,
            }
        )
        if len(self.examples) > 100 * EXAMPLES_MAX:
            self.examples = self.largest()

    def largest(self) -> list[dict[str, Any]]:
        """The purchases with the largest differences, the largest first."""
        return nsmallest(
            EXAMPLES_MAX,
            self.examples,
            key=lambda each: (
                -abs(each["points_after"] - each["points_before"]),
                each["account_id"],
                each["seq"],
            ),
        )


def _level(settings: ProgramSettings, level_id: str | None) -> Level | None:
    """The level of that name, if the settings have one."""
    ladder = settings.ladder
    place = -1 if ladder is None else ladder.place(level_id)
    return None if ladder is None or place < 0 else ladder.levels[place]


_BODY: Final = TypeAdapter(RehearseBody)


@router.post(
    "/v1/program/rehearse",
    tags=["program"],
    operation_id="rehearseProgram",
    summary="Try settings on past purchases",
    responses=success(RehearsalView, "What would have been earned.") | problems(*OF_BODIES),
    openapi_extra=json_body(RehearseBody) | needs("admin"),
)
async def rehearse(call: AdministratorReading, request: Request) -> Response:
    """Evaluates the purchases of a period anew, each in the circumstances of then: its moment, the account's level,
    whether it was the first. Changes nothing and needs no idempotency key."""
    query_of(request.scope, frozenset())
    body = read_json(_BODY, await content_of(call, request.receive))
    to_at = body.to or await call.services.purchases.now(call.program_id)
    from_at = body.from_ or to_at - PERIOD_DEFAULT
    if from_at >= to_at:
        raise invalid("/to", "out_of_order", "Must lie after `from`, which may lie in the past only.")
    rehearsal = Rehearsal(ProgramSettings.of(1, body.settings.document()))
    # What tills whose clocks run ahead have posted by now is among the last purchases, too.
    truncated = await _rehearse(call, rehearsal, from_at, body.to or to_at + AHEAD_MAX + MICROSECOND)
    return json_response(
        {
            "purchases": rehearsal.purchases,
            "points_before": rehearsal.points_before,
            "points_after": rehearsal.points_after,
            "difference": rehearsal.points_after - rehearsal.points_before,
            "accounts_changed": len(rehearsal.changed),
            "examples": rehearsal.largest(),
            "from": rfc3339(from_at),
            "to": rfc3339(to_at),
            "truncated": truncated,
        }
    )


async def _rehearse(call: Call, rehearsal: Rehearsal, from_at: datetime, to_at: datetime) -> bool:
    """Evaluate the purchases of the period. Answers whether there are more than may be, or than there is time for."""
    loop = asyncio.get_running_loop()
    entries = 0
    async for page in call.services.purchases.newest(call.program_id, from_at, to_at):
        for stored in page.purchases:
            if rehearsal.purchases == PURCHASES_MAX:
                return True
            rehearsal.add(stored)
            if rehearsal.purchases % PURCHASES_AT_ONCE == 0:
                await asyncio.sleep(0)
        entries += page.entries_total
        if entries >= ENTRIES_MAX or loop.time() >= call.deadline - SECONDS_LEFT:
            return True
    return False
