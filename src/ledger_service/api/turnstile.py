"""The turnstile: how the operations of one bulk get into the queue, in their order and never more than belong there.

All at once they would be a flood of one caller: a till's command would wait behind a thousand of them, and the queue
would refuse the last ones, each with a problem of its own. Nobody stands waiting for a bulk; it waits instead.
"""

import asyncio
from typing import Final

from ledger_service.api.calls import Call
from ledger_service.errors import Overloaded
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Outcome

PAUSE_SECONDS: Final = 0.02
"""Until a queue that had no room is asked again, unless a batch leaves before: about two trips to the database."""


class Turnstile:
    """Of one bulk call. One operation after the other goes through."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def enter(self, command: Command) -> asyncio.Future[Outcome]:
        """Wait until less of the program waits than travels together, and join it. Answers what will be known. Raises
        what the poster raises; Overloaded only when there was no room until the deadline."""
        call = self._call
        poster, clock = call.services.poster, asyncio.get_running_loop().time
        while True:
            is_last_try = clock() + PAUSE_SECONDS >= call.deadline
            if is_last_try or not poster.has_full_batch(call.program_id):
                try:
                    return poster.enter(call.program_id, command, call.deadline).answer
                except Overloaded:
                    if is_last_try:
                        raise
            # Not until one of ours comes back: batches would leave with what little is there.
            await asyncio.wait((poster.departure(),), timeout=PAUSE_SECONDS)
