"""The whole application, with a program of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase


@pytest.fixture
def database(shared_database: TestDatabase) -> TestDatabase:
    """The same for all tests of this folder."""
    return shared_database


@pytest.fixture
async def shop(database: TestDatabase) -> AsyncIterator[Shop]:
    """A program with an admin key."""
    async with opening_shop(database.service_url) as opened:
        yield opened
