"""How much work something is, whatever the machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_in(act: Callable[[], Any]) -> int:
    """How many Python functions are called."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls
