"""The whole application on a database of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase


@pytest.fixture
async def shop(database: TestDatabase) -> AsyncIterator[Shop]:
    """A program with an admin key."""
    async with opening_shop(database.service_url) as opened:
        yield opened
