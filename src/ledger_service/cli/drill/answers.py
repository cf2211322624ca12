"""What an answer means to a caller who has to know whether the points moved."""

from enum import StrEnum

FROZEN_REFUSALS = frozenset(
    {
        "insufficient_points",
        "account_not_active",
        "account_exists",
        "duplicate_order",
        "hold_not_open",
        "already_reversed",
        "exceeds_remaining",
        "nothing_to_reverse",
        "limit_exceeded",
        "account_merged",
    }
)
"""The business said no, and says so for ever under this key."""

SENT_AGAIN = frozenset({"overloaded", "database_unavailable", "shutting_down", "rate_limited", "request_in_progress"})
"""Nothing was written by this attempt: the same key again, later."""


class Outcome(StrEnum):
    """What an attempt came to, in the words of the recorded history."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"
    """Answered, and surely nothing written by this attempt."""
    UNKNOWN = "unknown"
    """No answer, or one that says that nobody knows."""


def outcome_of(status: int | None, code: str | None, *, sent: bool = True) -> Outcome:
    """What an answer with this status and this problem code means; no status: there was no answer.

    `sent`: whether a byte of the request may have reached the other side."""
    if status is None:
        return Outcome.UNKNOWN if sent else Outcome.FAILED
    if status < 300:
        return Outcome.OK
    if code in FROZEN_REFUSALS:
        return Outcome.REFUSED
    if code in SENT_AGAIN or status < 500:
        return Outcome.FAILED
    # 502 and 504 come from proxies: what stood behind them may have written.
    return Outcome.UNKNOWN


def is_worth_another_try(status: int | None, code: str | None) -> bool:
    """Whether the same request under the same key may come to something else."""
    return status is None or status == 429 or status >= 500 or code == "request_in_progress"
