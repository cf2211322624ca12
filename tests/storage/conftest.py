"""A service on a database of its own, for each test of storage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.outcomes import Outcome
from ledger_service.ledger.proposals import Proposal
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.programs import Programs
from tests.servers import TestDatabase
from tests.varied_books import create_program, post


@dataclass(frozen=True, slots=True)
class Storage:
    """One program of one database, as an instance of the service sees it."""

    where: TestDatabase
    database: Database
    journal: PostgresJournal
    owner: asyncpg.Connection
    program_id: int

    async def post(self, *commands: Command) -> tuple[Outcome, ...]:
        """One batch down the road and back, with nobody else on it."""
        return await post(self.journal, self.program_id, *commands)

    async def proposal(self, *commands: Command) -> Proposal:
        """What is decided on the books as they are now, not yet written."""
        return decide(await self.journal.load_batch(self.program_id, commands), commands)

    async def set_clock(self, now: datetime) -> None:
        await self.owner.execute("UPDATE ledger.program SET clock = $2 WHERE program_id = $1", self.program_id, now)

    async def count(self, table: str) -> int:
        found: int = await self.owner.fetchval(f"SELECT count(*) FROM ledger.{table}")
        return found

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask as the superuser."""
        found: list[asyncpg.Record] = await self.owner.fetch(statement, *arguments)
        return found


async def configure(storage: Storage, settings: dict[str, Any]) -> None:
    """The next version of the program's settings."""
    programs = Programs(storage.database)
    program = await programs.get(storage.program_id)
    assert await programs.put(storage.program_id, program.version, settings) is not None


@asynccontextmanager
async def round_trips(storage: Storage) -> AsyncIterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(query: Any) -> None:
        sent.append(query.query)

    async with storage.database.writer() as connection:
        connection.add_query_logger(note)
    try:
        yield sent
        await asyncio.sleep(0)  # the driver tells in the next turn of the loop
    finally:
        async with storage.database.writer() as connection:
            connection.remove_query_logger(note)


@pytest.fixture
async def storage(database: TestDatabase) -> AsyncIterator[Storage]:
    """A test program whose clock stands at NOON; an earn opens an account, taking back may leave a debt."""
    owner = await asyncpg.connect(database.owner_url)
    try:
        async with Database.open(database.service_url) as opened:
            program_id = await create_program(opened)
            yield Storage(database, opened, PostgresJournal(opened), owner, program_id)
    finally:
        await owner.close()
