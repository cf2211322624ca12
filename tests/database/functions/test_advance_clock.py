"""advance_clock_v1: a test program's clock moves forward, and no other clock moves."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.storage.database import Database
from tests.builders import DAY, INSTANT, NOON
from tests.servers import TestDatabase
from tests.varied_books import create_program

ADVANCE = "SELECT ledger.advance_clock_v1($1, $2)"


@pytest.fixture
async def service(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    """The role of the service, with the program `tested` at NOON, and one that is live."""
    async with Database.open(database.service_url) as opened:
        await create_program(opened, "tested")
        await create_program(opened, "live", clock=None)
    connection = await asyncpg.connect(database.service_url)
    yield connection
    await connection.close()


async def clocks(service: asyncpg.Connection) -> dict[str, datetime | None]:
    return {row["slug"]: row["clock"] for row in await service.fetch("SELECT slug, clock FROM ledger.program")}


async def program_id(service: asyncpg.Connection, slug: str) -> int:
    found: int = await service.fetchval("SELECT program_id FROM ledger.program WHERE slug = $1", slug)
    return found


async def test_a_clock_moves_forward_and_says_where_it_stands(service: asyncpg.Connection):
    for to in (NOON, NOON + INSTANT, NOON + DAY, NOON + DAY):
        assert await service.fetchval(ADVANCE, await program_id(service, "tested"), to) == to
        assert await clocks(service) == {"tested": to, "live": None}


@pytest.mark.parametrize("to", [NOON - INSTANT, NEVER, ALWAYS, None])
async def test_no_clock_moves_backwards_or_to_no_instant(service: asyncpg.Connection, to: Any):
    assert await service.fetchval(ADVANCE, await program_id(service, "tested"), to) is None
    assert await clocks(service) == {"tested": NOON, "live": None}


async def test_the_real_time_is_not_moved(service: asyncpg.Connection):
    assert await service.fetchval(ADVANCE, await program_id(service, "live"), NOON + 1000 * DAY) is None
    assert await service.fetchval(ADVANCE, 12345, NOON + DAY) is None
    assert await clocks(service) == {"tested": NOON, "live": None}


async def test_only_the_service_may_move_it(database: TestDatabase, service: asyncpg.Connection):
    reader = await asyncpg.connect(database.read_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetchval(ADVANCE, 1, NOON + DAY)
    finally:
        await reader.close()
