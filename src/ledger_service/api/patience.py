"""Patience: how long we wait, at most until the caller's deadline."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from ledger_service.errors import Overloaded

Value = TypeVar("Value")

TICKS_PER_SECOND: Final = 20
"""Whoever's deadline lies within the same 50 ms shares one timer: a set operation per request instead of a timer made
and cancelled. Callers allow 250 ms."""


class Patience:
    """Breaks off whoever still waits at a deadline. For reading only: what is written is never broken off."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Future[Any]]] = {}
        self._late: set[asyncio.Task[Any]] = set()

    async def until(self, deadline: float, awaited: Awaitable[Value]) -> Value:
        """What was awaited. Raises TimeoutError when it did not come before this instant of the loop's clock."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - every coroutine that runs here is in one
        waiting = self._waiting_until(deadline)
        waiting.add(task)
        try:
            return await awaited
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            waiting.discard(task)
            self._late.discard(task)

    def watch(self, deadline: float, asked: asyncio.Future[Any]) -> None:
        """Have what was asked fail with Overloaded when it is not there before this instant of the loop's clock."""
        waiting = self._waiting_until(deadline)
        waiting.add(asked)
        asked.add_done_callback(waiting.discard)

    def _waiting_until(self, deadline: float) -> set[asyncio.Future[Any]]:
        tick = int(deadline * TICKS_PER_SECOND) + 1
        waiting = self._waiting.get(tick)
        if waiting is None:
            waiting = self._waiting[tick] = set()
            asyncio.get_running_loop().call_at(tick / TICKS_PER_SECOND, self._break_off, tick)
        return waiting

    def _break_off(self, tick: int) -> None:
        for waiting in tuple(self._waiting.pop(tick)):
            if isinstance(waiting, asyncio.Task):
                self._late.add(waiting)
                waiting.cancel()
            elif not waiting.done():
                waiting.set_exception(Overloaded("the deadline passed while reading"))
