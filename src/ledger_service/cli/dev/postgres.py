"""The embedded Postgres of `dev`, started again should it end."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from ledger_service.embedded import EmbeddedPostgres

WATCH_SECONDS = 0.5


class KeptPostgres:
    """A Postgres that is there until we stop it: whoever kills it sees it recover."""

    def __init__(self, directory: Path, port: int | None, say: Callable[[str], None]) -> None:
        """Start it. Raises EmbeddedFailure."""
        forget_variables()
        self.directory = directory
        self.say = say
        self.current = EmbeddedPostgres.start(directory, port=port, say=say)

    async def keep(self) -> None:
        """Look after it for ever. Raises EmbeddedFailure when it does not start again."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not self.current.is_running():
                self.say("Postgres has ended; starting it again.")
                await asyncio.to_thread(self.start_again)

    def start_again(self) -> None:
        """Start it where it was, on the port it had: connections to it are remade, not redirected."""
        self.current.stop()
        self.current = EmbeddedPostgres.start(self.directory, port=self.current.port, say=self.say)

    def stop(self) -> None:
        """Stop it in good order."""
        self.current.stop()


def forget_variables() -> None:
    """Drop the PG… variables of the environment: they are about another Postgres, and drivers would obey them."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
