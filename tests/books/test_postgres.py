"""The laws on a real Postgres: it keeps what the books in memory keep, to the byte, and verifies clean."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings

from ledger_service.ledger.decide import decide
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.outcomes import Outcome, Posted, PostedSeveral, Repeated, Replayed, WrittenTogether
from ledger_service.ledger.program import ProgramSettings
from ledger_service.storage.audit import Audit, Scope
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.rows import ENTRY_COLUMNS, entry_of
from ledger_service.upkeep.verification import verify
from tests.books.commands import Batch, histories
from tests.books.memory import Books, findable
from tests.books.programs import document_of, programs
from tests.servers import TestDatabase, TestServer, cloning
from tests.varied_books import create_program, set_clock


@pytest.fixture(scope="module")
def many_programs(postgres: TestServer, template_database: str) -> Iterator[TestDatabase]:
    """One database for all examples: each has a program of its own."""
    with cloning(postgres, template_database) as clone:
        yield clone()


def told(outcome: Outcome) -> Outcome:
    """The outcome without the hash before its entry, which is not stored twice."""
    match outcome:
        case Replayed(first):
            return Replayed(told(first))  # type: ignore[arg-type]
        case WrittenTogether(outcomes):
            return WrittenTogether(tuple(told(one) for one in outcomes))
        case PostedSeveral(entries):
            return PostedSeveral(tuple(replace(entry, previous_hash=b"") for entry in entries))
        case Posted(entry) | Repeated(entry):
            return type(outcome)(replace(entry, previous_hash=b""))
        case _:
            return outcome


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs, histories())
def test_law_6_the_database_keeps_what_the_books_in_memory_keep(
    many_programs: TestDatabase, program: ProgramSettings, history: list[Batch]
):
    asyncio.run(_compare(many_programs, replace(program, version=1), history))


async def _compare(where: TestDatabase, program: ProgramSettings, history: list[Batch]) -> None:
    owner = await asyncpg.connect(where.owner_url)
    try:
        async with Database.open(where.service_url) as database:
            slug = f"program-{await owner.fetchval('SELECT count(*) FROM ledger.program')}"
            program_id = await create_program(database, slug, document_of(program))
            books = Books(program, program_id)
            journal = PostgresJournal(database)
            for now, commands in history:
                await set_clock(where, program_id, now)
                for part in findable(commands):
                    found = [books.found(command) for command in part]
                    proposal = decide(await journal.load_batch(program_id, found), found)
                    if not proposal.is_empty:
                        assert not (await journal.write_batch(proposal)).conflicts
                    in_memory = books.post(part, now)
                    assert [told(outcome) for outcome in proposal.outcomes] == [told(outcome) for outcome in in_memory]
        assert await _stored_entries(owner, program_id) == [
            replace(one, previous_hash=b"") for account_id in sorted(books.entries) for one in books.entries[account_id]
        ]
    finally:
        await owner.close()
    findings: list[Any] = []
    async with Audit.open(where.read_url) as audit:
        report = await verify(audit, Scope(program_id), findings.append, lambda _entries: None)
    assert findings == []
    assert report.accounts_total == len(books.accounts)


async def _stored_entries(owner: asyncpg.Connection, program_id: int) -> list[Entry]:
    rows = await owner.fetch(
        f"SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e WHERE program_id = $1 ORDER BY account_id, seq", program_id
    )
    return [entry_of(row) for row in rows]
