"""Budgets: how many requests each API key may make. A token bucket per key, in this process."""

from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Final

from ledger_service.api.problems import Unfit, retry_after
from ledger_service.metrics import SHED
from ledger_service.storage.keys import Principal

BUDGETS_MAX: Final = 10_000
"""Keys whose budgets are remembered. The one known longest makes room, and begins with a full budget again."""

_shed = SHED.labels("rate_limited", "call")


class Budgets:
    """What the keys have left: `burst` requests after a pause, and `per_second` more in every second.

    Of each key one number is kept: when its budget will be full again. That is as good as the number of its tokens and
    the time they were counted at, and is right without anybody counting.
    """

    def __init__(self, per_second: float | None = None, burst: int = 1, clock: Callable[[], float] = monotonic) -> None:
        """`per_second`: None for no limit. `clock`: in seconds."""
        self._seconds = None if per_second is None else 1 / per_second
        """What one request costs."""
        self._savings = (self._seconds or 0.0) * (burst - 1)
        self._clock = clock
        self._full_at: dict[tuple[int, str], float] = {}

    def spend(self, principal: Principal) -> None:
        """Pay for one request. Raises Unfit `rate_limited` when there is too little left, which costs nothing."""
        if self._seconds is None:
            return
        now = self._clock()
        key = (principal.program_id, principal.key_id)
        known = self._full_at.get(key)
        if known is None and len(self._full_at) >= BUDGETS_MAX:
            del self._full_at[next(iter(self._full_at))]
        full_at = now if known is None or known < now else known
        missing = full_at - self._savings - now
        if missing > 0:
            _shed.inc()
            raise Unfit("rate_limited", headers={"Retry-After": retry_after(ceil(missing))})
        self._full_at[key] = full_at + self._seconds
