"""Tickets without a queue."""

import asyncio
from itertools import count

from ledger_service.ledger.commands import Command, Together
from ledger_service.posting.batch import Ticket
from tests.builders import earn

_numbers = count(1)


def ticket(command: Command | None = None, conflicts: int = 0) -> Ticket:
    """A command that has just come; by default an earn."""
    asked = command or earn()
    size = len(asked.commands) if isinstance(asked, Together) else 1
    answer = asyncio.get_running_loop().create_future()
    return Ticket(next(_numbers), 1, asked, size, 2000.0, 1000.0, answer, set(), conflicts=conflicts)


def on(account_id: str, conflicts: int = 0) -> Ticket:
    return ticket(earn(account_id=account_id), conflicts)
