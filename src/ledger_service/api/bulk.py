"""Bulk: up to 1,000 operations in one call, each on its own or all together.

Each operation has an idempotency key of its own and the fingerprint of the same single call, so that it is posted once
however it arrives. The answer of an independent bulk is made anew from what the operations' keys stand for: a repeat
answers the same for everything that is stored, and tries again what is not. So that a repeat is the same bytes, the
body does not say which results are replays; the header `Bulk-Replayed` tells how many successful ones are.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request, Response

from ledger_service.api.answers import Answer, answer, problem, problem_of
from ledger_service.api.bodies import BULK_SIZE_MAX
from ledger_service.api.bulk_operations import BulkBody, asked_of, read_bulk
from ledger_service.api.calls import Anyone, Call, content_of, flag, needed_key, query_of
from ledger_service.api.documenting import OF_BODIES, OF_POSTING, json_body, needs, problems, success
from ledger_service.api.finding import TRIES_MAX, Asked, Found, find, is_merged_meanwhile
from ledger_service.api.fingerprints import fingerprint
from ledger_service.api.observing import log_bug
from ledger_service.api.posting import found_and_posted, outcome_of
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_bytes
from ledger_service.api.turnstile import Turnstile
from ledger_service.api.validation import invalid
from ledger_service.api.views import BulkResults
from ledger_service.errors import Failure
from ledger_service.ledger.commands import Together
from ledger_service.ledger.outcomes import Outcome, Refused, Replayed, WrittenTogether
from ledger_service.ledger.refusals import BulkAborted

router = APIRouter(tags=["points"])

CREATED = 201

AT_ONCE: Final = 50
"""Operations that are read, or answered, before others get their turn: a millisecond or two, so that no till waits for
a thousand of them."""

Item = TypeVar("Item")


@router.post(
    "/v1/bulk",
    operation_id="bulk",
    summary="Post many operations",
    responses=success(BulkResults, "A result for each operation.", "Idempotent-Replayed", "Bulk-Replayed")
    | problems("account_not_found", "entry_not_found", "hold_not_found", "order_not_found", *OF_BODIES, *OF_POSTING),
    openapi_extra=json_body(BulkBody) | needs("of each operation", "IdempotencyKey", "DryRun"),
)
async def post_bulk(call: Anyone, request: Request) -> Response:
    """Each operation needs the scope of its verb and has an idempotency key of its own, under which it is posted once,
    in whatever call it arrives.

    Holds and orders that operations name must be in the books before the call.

    `independent`: one that does not fit or is refused does not hinder the others; its result is its problem. Repeat the
    call to try again what was not posted. `atomic`: all or none. One that does not fit refuses the whole call; one that
    the books refuse has its problem as result, and the others 409 `bulk_aborted`.
    """
    is_rehearsal = flag(query_of(request.scope, frozenset({"dry_run"})), "dry_run")
    if not is_rehearsal:
        needed_key(call)
    mode, items = read_bulk(await content_of(call, request.receive, BULK_SIZE_MAX))
    if mode == "atomic":
        fitting = [_fitting(call, index, item) async for index, item in _in_turns(list(enumerate(items)))]
        return await _atomic(call, fitting, is_rehearsal)
    asked = [_asked_or_not(call, item) async for item in _in_turns(items)]
    # Found for all at once and before any is posted, so that operations on one account stay in their order.
    found = await find(call, [each for each in asked if isinstance(each, Asked)])
    if is_rehearsal:
        return _response(await _rehearsed(call, asked, found))
    return _response(await _independent(call, asked, found))


async def _in_turns(items: Sequence[Item]) -> AsyncIterator[Item]:
    """One after the other, with whoever else waits for this process in between."""
    for number, item in enumerate(items):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        yield item


def _asked_or_not(call: Call, item: Any) -> Asked | Exception:
    try:
        return asked_of(call, item)
    except Unfit as wrong:
        return wrong


async def _independent(call: Call, asked: Sequence[Asked | Exception], found: Found) -> list[Answer]:
    """What each single call would answer. They enter the queue one after the other, so that those on one account stay
    in their order, and are answered when all are in."""
    turnstile = Turnstile(call)
    entered = [await _entered(each, found, turnstile) async for each in _in_turns(asked)]
    both = list(zip(asked, entered, strict=True))
    return [await _answered(call, each, outcome, is_rehearsal=False) async for each, outcome in _in_turns(both)]


async def _entered(asked: Asked | Exception, found: Found, turnstile: Turnstile) -> asyncio.Future[Outcome] | Exception:
    """What will be known, or why there is nothing to be known."""
    if isinstance(asked, Exception):
        return asked
    try:
        return await turnstile.enter(asked.command(found))
    except Exception as raised:  # answered in its place
        return raised


async def _rehearsed(call: Call, asked: Sequence[Asked | Exception], found: Found) -> list[Answer]:
    """What each single call would answer if it were not a rehearsal."""
    return await asyncio.gather(*(_answered(call, each, _tried(each, found), is_rehearsal=True) for each in asked))


async def _tried(asked: Asked | Exception, found: Found) -> Outcome:
    if isinstance(asked, Exception):
        raise asked
    return await outcome_of(asked.call, asked.command(found), is_rehearsal=True)


async def _answered(
    call: Call, asked: Asked | Exception, outcome: Awaitable[Outcome] | Exception, *, is_rehearsal: bool
) -> Answer:
    """The answer of one operation, whatever became of the others."""
    try:
        if isinstance(outcome, Exception):
            raise outcome
        came_to = await outcome
        if isinstance(asked, Exception):
            raise asked
        if is_merged_meanwhile(came_to):
            came_to = await found_and_posted(asked, is_rehearsal=is_rehearsal)
        return answer(came_to, asked.verb.status)
    except Exception as raised:
        return _problem(call, raised)


def _problem(call: Call, raised: Exception) -> Answer:
    if not isinstance(raised, Unfit | Failure):
        log_bug(raised, call.request_id)
    return problem_of(raised, call.request_id)


async def _atomic(call: Call, asked: list[Asked], is_rehearsal: bool) -> Response:
    for _ in range(TRIES_MAX):
        outcome = await outcome_of(call, _together(call, asked, await find(call, asked)), is_rehearsal)
        if not is_merged_meanwhile(outcome):
            break
    first = outcome.first if isinstance(outcome, Replayed) else outcome
    is_replay = isinstance(outcome, Replayed)
    if isinstance(first, WrittenTogether):
        answers = [answer(single, each.verb.status) for single, each in zip(first.outcomes, asked, strict=True)]
        return _response(answers, is_replay)
    if isinstance(first, Refused) and isinstance(first.refusal, BulkAborted):
        return _response(_aborted(first.refusal, first.request_id, len(asked)), is_replay)
    whole = answer(outcome, CREATED)
    return Response(whole.body, whole.status, {name.decode(): value.decode() for name, value in whole.headers})


def _together(call: Call, asked: list[Asked], found: Found) -> Together:
    commands = []
    for index, each in enumerate(asked):
        with _told_where(index):
            commands.append(each.command(found))
    return Together(
        account_id=commands[0].account_id,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint(
            "bulk", (), {"operations": [[command.key, command.fingerprint.hex()] for command in commands]}
        ),
        request_id=call.request_id,
        commands=tuple(commands),
    )


def _fitting(call: Call, index: int, item: Any) -> Asked:
    with _told_where(index):
        asked = asked_of(call, item)
    if asked.call.key == call.key:
        pointer = f"/operations/{index}/idempotency_key"
        raise invalid(pointer, "repeated", "Must differ from the key of the bulk itself.")
    return asked


@contextmanager
def _told_where(index: int) -> Iterator[None]:
    """An operation that does not fit is told with its place in the body."""
    try:
        yield
    except Unfit as wrong:
        for error in wrong.fields.get("errors", ()):
            error["pointer"] = f"/operations/{index}{error['pointer']}"
        raise


def _aborted(refusal: BulkAborted, request_id: str, count: int) -> list[Answer]:
    fields = dict(refusal.refused)
    refused = problem(fields.pop("code"), request_id, fields)
    others = problem("bulk_aborted", request_id, {"failed_index": refusal.failed_index})
    return [refused if index == refusal.failed_index else others for index in range(count)]


def _response(answers: Sequence[Answer], is_replay: bool | None = None) -> Response:
    results = (b'{"status":%d,"body":%b}' % (each.status, each.body) for each in answers)
    replayed = sum(each.is_replay and each.code is None for each in answers)
    headers = {"Bulk-Replayed": str(replayed)}
    if is_replay or (is_replay is None and all(each.is_replay for each in answers)):
        headers["Idempotent-Replayed"] = "true"
    return json_bytes(b'{"results":[' + b",".join(results) + b"]}", headers)
