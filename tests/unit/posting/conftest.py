"""Posting is tested in virtual time: deadlines and pauses cost nothing, and no test depends on the machine."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.unit.posting.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], Any]]:
    return {"virtual": VirtualLoop}
