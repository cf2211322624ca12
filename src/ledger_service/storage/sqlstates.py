"""What an error of the database means for the work it met, by its SQLSTATE: one table for reads and writes."""

from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What is done about an error. The values are labels of `ledger_db_errors`."""

    RETRY = "retry"
    """It rolled back, and another try may succeed."""
    LEAVE = "leave"
    """It rolled back, and this server will not take it again: try on another connection."""
    WAIT = "locked"
    """It rolled back because someone outside holds a row for long: the accounts travel one by one."""
    DECIDE_AGAIN = "decide again"
    """Someone else was first with a key, an order or an identifier."""
    UNKNOWN = "unknown"
    """The session ended: what was being committed may be in the books."""
    REJECT = "reject"
    """A statement or a value that can never succeed: a bug of ours, never tried again."""
    STOP = "stop"
    """The server cannot write: a full disk, a failing one. Someone has to be told."""
    HALT = "halt"
    """The books may be damaged. Nothing more is written here; reading goes on."""


_ACTIONS: Final = {
    "40001": Action.RETRY,
    "40P01": Action.RETRY,
    "57014": Action.RETRY,
    "0A000": Action.RETRY,  # cached plan must not change result type: the schema was migrated, the next try plans anew
    "26000": Action.RETRY,  # the statement that was prepared is gone
    "55P03": Action.WAIT,
    "25006": Action.LEAVE,  # the primary became a standby
    "53300": Action.LEAVE,
    "57P03": Action.LEAVE,
    "23505": Action.DECIDE_AGAIN,
    "40003": Action.UNKNOWN,
    "57P01": Action.UNKNOWN,
    "57P02": Action.UNKNOWN,
    "57P04": Action.UNKNOWN,
    "57P05": Action.UNKNOWN,
    "25P03": Action.UNKNOWN,
    "25P04": Action.UNKNOWN,
    "53100": Action.STOP,
    "58030": Action.STOP,
    "XX001": Action.HALT,
    "XX002": Action.HALT,
}

SESSION_ENDED: Final = frozenset({Action.LEAVE, Action.UNKNOWN})
"""After these the connection is of no more use, whatever the driver thinks of it."""


def action_of(sqlstate: str) -> Action:
    """What to do about an error with this SQLSTATE. One that is not in the table is a bug of ours until it is."""
    known = _ACTIONS.get(sqlstate)
    if known is not None:
        return known
    return Action.UNKNOWN if sqlstate.startswith("08") else Action.REJECT
