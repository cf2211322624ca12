"""Places: how many may use something at a time, and who of those that wait is next."""

import asyncio
from collections import deque
from typing import Final

from ledger_service.storage.urgency import Urgency


class Places:
    """A fixed number of places, of which each class may have so many. Who is more urgent is next; in a class, who came
    first. A place is handed over: nobody comes between the one that leaves and the one that gets it."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._left: Final = [urgency.places(size) for urgency in Urgency]
        """Places that each class may still take."""
        self._waiters: Final[tuple[deque[asyncio.Future[None]], ...]] = tuple(deque() for _ in Urgency)

    def take_at_once(self, urgency: Urgency) -> bool:
        """Take a place if one is free. Answers whether it was: then nobody waits who could have had it."""
        if not self._free or not self._left[urgency]:
            return False
        self._free -= 1
        self._left[urgency] -= 1
        return True

    async def take(self, urgency: Urgency, seconds_max: float | None) -> None:
        """Wait for a place. Raises TimeoutError: none came free in time."""
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiters[urgency]
        waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds_max):
                await waiter
        except BaseException:
            if waiter in waiters:
                waiters.remove(waiter)
            elif not waiter.cancelled():
                # The place came in the moment of giving up.
                self.give_back(urgency)
            raise

    def give_back(self, urgency: Urgency) -> None:
        """Leave a place to whoever is next."""
        self._free += 1
        self._left[urgency] += 1
        for waiting in Urgency:
            waiters = self._waiters[waiting]
            while waiters and self.take_at_once(waiting):
                waiter = waiters.popleft()
                if waiter.cancelled():
                    self._free += 1
                    self._left[waiting] += 1
                else:
                    waiter.set_result(None)
