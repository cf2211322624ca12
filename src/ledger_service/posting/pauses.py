"""Pauses: how long to stand back before the next try, so that those who failed together do not return together."""

import random

CONFLICT_SECONDS_MAX = 0.005
"""Pause of an account that another instance keeps writing: about one of its trips to the gate."""
LOCK_SECONDS_MIN = 0.1
LOCK_SECONDS_MAX = 0.3
"""Pause of accounts whose rows somebody holds for long. Each try keeps a lane waiting for about as long."""
RETRY_SECONDS_MIN = 0.02
RETRY_SECONDS_MAX = 0.2
"""Pause of a lane that has no database. Longer would add to the gap of a failover, shorter floods a server that is
starting."""


def after_conflict() -> float:
    """Seconds, with full jitter."""
    return random.uniform(0, CONFLICT_SECONDS_MAX)  # noqa: S311 - spread, not secrecy


def after_lock() -> float:
    """Seconds, with jitter."""
    return random.uniform(LOCK_SECONDS_MIN, LOCK_SECONDS_MAX)  # noqa: S311 - spread, not secrecy


def after_failure(failures: int) -> float:
    """Seconds after so many failures in a row (at least 1): from 20 ms up to a bound that doubles, at most 200 ms."""
    bound = min(RETRY_SECONDS_MAX, RETRY_SECONDS_MIN * 2 ** min(failures, 10))
    return random.uniform(RETRY_SECONDS_MIN, bound)  # noqa: S311 - spread, not secrecy
