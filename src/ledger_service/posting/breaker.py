"""The breaker: nobody waits for a database that has been away for longer than a failover takes."""

from collections.abc import Callable

from ledger_service.metrics import BREAKER_OPEN

OPEN_AFTER_SECONDS = 6.0
"""Longer than a crashed primary is away (at most 6 s by the model, 4 s measured once), so that whoever waits through a
failover still gets an outcome, and longer than the usual deadline of 4.5 s."""

FORGOTTEN_AFTER_SECONDS = 2.0
"""A failure this old, with no other since, says nothing about now: there was nobody to try."""

PROBE_SECONDS = 0.5
"""How often one command may find out whether the database is back."""


class Breaker:
    """Told of every try, asked for every command."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failing_since: float | None = None
        self._failed_at = 0.0
        self._probed_at = 0.0

    def succeed(self) -> None:
        """The database was there."""
        if self._failing_since is not None:
            self._failing_since = None
            BREAKER_OPEN.set(0)

    def fail(self) -> None:
        """The database was not there."""
        now = self._clock()
        if self._failing_since is None or now - self._failed_at > FORGOTTEN_AFTER_SECONDS:
            self._failing_since = now
        self._failed_at = now

    def is_open(self) -> bool:
        """Whether the database has been away for longer than a failover takes."""
        if self._failing_since is None:
            return False
        now = self._clock()
        is_open = now - self._failing_since > OPEN_AFTER_SECONDS and now - self._failed_at <= FORGOTTEN_AFTER_SECONDS
        BREAKER_OPEN.set(is_open)
        return is_open

    def admits(self) -> bool:
        """Whether a command may wait for the database. While it is away, one now and then: to find out."""
        if not self.is_open():
            return True
        now = self._clock()
        if now - self._probed_at < PROBE_SECONDS:
            return False
        self._probed_at = now
        return True
