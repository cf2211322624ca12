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

INSIDE_MAX: Final = 256
"""Operations of one bulk in the queue at a time: enough for two lanes."""
PAUSE_SECONDS: Final = 0.02
"""Until a queue that had no room is asked again: about two trips to the database."""


class Turnstile:
    """Of one bulk call. Its operations come in the order in which they ask."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._room = asyncio.Semaphore(INSIDE_MAX)
        self._turn = asyncio.Lock()

    async def post(self, command: Command) -> Outcome:
        """What the command came to. Raises what the poster raises; Overloaded only when there was no room until the
        deadline."""
        async with self._room:
            async with self._turn:
                entered = await self._entered(command)
            return await entered

    async def _entered(self, command: Command) -> asyncio.Future[Outcome]:
        clock = asyncio.get_running_loop().time
        call = self._call
        while True:
            try:
                return call.services.poster.enter(call.program_id, command, call.deadline).answer
            except Overloaded:
                if clock() + PAUSE_SECONDS >= call.deadline:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
