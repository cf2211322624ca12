"""Sending operations in bulk, until each has its answer: in lanes, so that those of one account keep their order."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from ledger_service.cli.caller import Caller, CallFailed, detail_of, jitter
from ledger_service.cli.year.happenings import Operation

CHUNK_SIZE = 250
"""Operations of one call: few enough that the lanes together stay below what the service lets wait (2,048)."""

LANES_MAX = 4
TRIES_MAX = 20
LATER = frozenset({429, 503})

Result = tuple[int, dict[str, Any]]
"""Status and body."""


async def send(caller: Caller, operations: Sequence[Operation]) -> list[Result]:
    """The answers, in the order of the operations. Raises CallFailed."""
    if not operations:
        return []
    lanes_total = min(LANES_MAX, -(-len(operations) // CHUNK_SIZE))
    lanes: list[list[int]] = [[] for _ in range(lanes_total)]
    for place, operation in enumerate(operations):
        lanes[zlib.crc32(operation.account_id.encode()) % lanes_total].append(place)
    found: dict[int, Result] = {}
    try:
        async with asyncio.TaskGroup() as tasks:
            for lane in lanes:
                tasks.create_task(_send_lane(caller, operations, lane, found))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None  # lanes fail for the same reason: one is enough to tell it
    return [found[place] for place in range(len(operations))]


async def _send_lane(
    caller: Caller, operations: Sequence[Operation], places: list[int], found: dict[int, Result]
) -> None:
    for start in range(0, len(places), CHUNK_SIZE):
        again = places[start : start + CHUNK_SIZE]
        for number in range(TRIES_MAX):
            results = await _send_once(caller, [operations[place].body for place in again])
            found.update(zip(again, results, strict=True))
            again = [place for place in again if found[place][0] in LATER]
            if not again:
                break
            await asyncio.sleep(jitter.uniform(0, min(0.1 * 2**number, 2.0)))
        else:
            raise CallFailed(
                "The service answers, but has been too busy to post for a while. Start the same year again."
            )


async def _send_once(caller: Caller, bodies: list[dict[str, Any]]) -> list[Result]:
    key = blake2b(json.dumps(bodies).encode(), digest_size=16).hexdigest()
    response = await caller.post("/bulk", {"mode": "independent", "operations": bodies}, key=f"year-chunk-{key}")
    if response.status_code != 200:
        raise CallFailed(f"The service refuses a chunk of the year: {detail_of(response)}")
    return [(result["status"], result["body"]) for result in response.json()["results"]]
