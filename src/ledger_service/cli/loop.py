"""Running the asynchronous part of a command."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

Answer = TypeVar("Answer")


def run_to_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run it on uvloop, which answers about half again as many requests as the standard loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
