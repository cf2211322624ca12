"""Books that no lie can change, so that one database does for all lies of a file."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.database.functions.forgery import Gate, opened
from tests.database.functions.life import CLUB, prepare_life
from tests.servers import TestDatabase, TestServer, cloning


@pytest.fixture(scope="module")
def club(postgres: TestServer, template_database: str) -> Iterator[TestDatabase]:
    with cloning(postgres, template_database) as clone:
        database = clone()
        asyncio.run(prepare_life(database))
        yield database


@pytest.fixture
async def club_gate(club: TestDatabase) -> AsyncIterator[Gate]:
    async with opened(club, CLUB) as gate:
        yield gate
