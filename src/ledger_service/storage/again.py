"""Once more: a question that met a lost connection is asked again on another one. Reading changes nothing."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ledger_service import metrics
from ledger_service.errors import DatabaseUnavailable

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

PAUSE_SECONDS_MIN = 0.02
PAUSE_SECONDS_MAX = 0.1

_retries = metrics.DB_RETRIES.labels("read")


def asked_again(ask: Callable[Asked, Coroutine[Any, Any, Answer]]) -> Callable[Asked, Coroutine[Any, Any, Answer]]:
    """The same question, asked a second time after a moment when the first met no database: the connection was lost,
    or its server is no longer the one to ask. A second DatabaseUnavailable is raised."""

    @wraps(ask)
    async def asking(*args: Asked.args, **named: Asked.kwargs) -> Answer:
        try:
            return await ask(*args, **named)
        except DatabaseUnavailable:
            _retries.inc()
            await asyncio.sleep(random.uniform(PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX))  # noqa: S311 - spread
            return await ask(*args, **named)

    return asking
