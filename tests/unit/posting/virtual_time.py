"""Virtual time: a loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everyone waits and no timer runs: this would wait for ever")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs as fast as it can, and fails a test that would hang."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def in_virtual_time(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on a loop of its own. For property tests, which need a new one for each example."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def soon(seconds: float = 1.0) -> float:
    """A deadline this far from now."""
    return asyncio.get_running_loop().time() + seconds


async def until_all_wait() -> None:
    """Let everyone run until nobody can go on without time passing."""
    for _ in range(30):
        await asyncio.sleep(0)
