"""Priority: which commands go first when not all can go at once."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ledger_service.ledger.commands import (
    CancelOrder,
    Capture,
    Command,
    PlaceHold,
    Redeem,
    Refund,
    Release,
    Reverse,
    Settle,
)


class Priority(IntEnum):
    """The classes of commands, the most urgent first. In lower case they are labels of metrics."""

    CAPTURE = 0
    """What ends something begun: captures and releases of holds, reversals and returns. Its refusal leaves points set
    aside, or taken from a member who already brought the goods back."""
    REDEEM = 1
    """A member waits at the till, and what is due to be paid depends on the answer."""
    EARN = 2
    """Everything else. It can be repeated later without anybody waiting."""
    UPKEEP = 3
    """Due work. Balances are right without it."""

    @property
    def label(self) -> str:
        return self.name.lower()


_PRIORITIES: Final[Mapping[type[Command], Priority]] = {
    Capture: Priority.CAPTURE,
    Release: Priority.CAPTURE,
    Reverse: Priority.CAPTURE,
    Refund: Priority.CAPTURE,
    CancelOrder: Priority.CAPTURE,
    Redeem: Priority.REDEEM,
    PlaceHold: Priority.REDEEM,
    Settle: Priority.UPKEEP,
}

_OTHERS: Final = Priority.EARN


def priority_of(command: Command) -> Priority:
    """The class of a command. Commands written together are a bulk, which can wait, whatever they are."""
    return _PRIORITIES.get(type(command), _OTHERS)
