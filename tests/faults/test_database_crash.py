"""The database gone in the middle of the work and back again: callers are told the truth, and nothing is lost."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger_service.api.catalogue import CATALOGUE
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.storage.migrations import migrate
from tests.faults.clients import (
    ACCOUNTS,
    OUTCOMES,
    Diary,
    Till,
    assert_nothing_is_lost_or_doubled,
    open_accounts,
)
from tests.instances import Program, make_program, rows, starting_instances
from tests.servers import ROLE_PASSWORD, ROLES, TestDatabase, ask, enterable_directory
from tests.verified import assert_verifies
from tests.wire import Answer, Request
from tests.wire import ask as ask_over_http

CRASHES = 2
TILLS = 8
DEADLINE_MS = 500
"""What the tills allow. Nothing answers while the database is away, so each of them waits for so long, twice."""

TOLD = frozenset({"database_unavailable", "outcome_unknown", "overloaded"})


@dataclass(slots=True)
class Crashing:
    """A Postgres that crashes when it is told to, and the instance that works on it."""

    postgres: EmbeddedPostgres
    database: TestDatabase

    def crash(self) -> None:
        self.postgres.kill()

    def start_again(self) -> None:
        """On the same port, after a recovery."""
        self.postgres = EmbeddedPostgres.start(self.postgres.data_dir, port=self.postgres.port)


@pytest.fixture
def crashing() -> Iterator[Crashing]:
    """Where an unprivileged user may enter, whatever temporary directory this run has."""
    with tempfile.TemporaryDirectory(prefix="ledger-crash-", dir=enterable_directory()) as folder:
        Path(folder).chmod(0o755)
        postgres = EmbeddedPostgres.start(Path(folder) / "data")
        try:
            migrate(postgres.url())
            for role in ROLES:
                ask(postgres, f"ALTER ROLE {role} LOGIN PASSWORD '{ROLE_PASSWORD}'")
            service_url, read_url = (postgres.url("postgres", role, ROLE_PASSWORD) for role in ROLES)
            opened = Crashing(postgres, TestDatabase("postgres", postgres.url(), service_url, read_url))
            yield opened
        finally:
            opened.postgres.stop()


async def test_a_crash_of_the_database_is_told_as_such_and_loses_nothing(crashing: Crashing, tmp_path: Path):
    program = await make_program(crashing.database.service_url)
    with starting_instances(crashing.database.service_url, tmp_path) as start:
        instance = await asyncio.to_thread(start)
        await open_accounts(instance.url, program)
        diary = Diary()
        tills = [Till(f"till-{number}", [instance.url], program, diary, DEADLINE_MS) for number in range(TILLS)]
        reads: list[Answer] = []

        async with asyncio.TaskGroup() as working:
            for till in tills:
                working.create_task(till.work())
            for _ in range(CRASHES):
                await diary.until_more(20 * TILLS)
                goal = len(diary.unserved) + 2 * TILLS
                crashing.crash()
                await diary.until(lambda goal=goal: len(diary.unserved) >= goal)
                reads.append(await ask_over_http(instance.url, balance(program)))
                await asyncio.to_thread(crashing.start_again)
            await diary.until_more(5 * TILLS)
            for till in tills:
                till.is_open = False
        recovered = await ask_over_http(instance.url, balance(program))
        bugs = instance.bugs()

    assert bugs == []
    assert diary.cut == 0
    for answer in (*diary.unserved, *reads):
        problem = answer.json()
        assert (answer.status, problem["code"] in TOLD, problem["retryable"]) == (503, True, True), problem
        assert answer.headers["content-type"] == "application/problem+json"
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert problem["title"] == CATALOGUE[problem["code"]].title
    assert recovered.status == 200
    held = await rows(crashing.database.owner_url, OUTCOMES, program.program_id)
    statuses = assert_nothing_is_lost_or_doubled(diary, held)
    assert statuses[201] > 0
    await assert_verifies(crashing.database.read_url)


def balance(program: Program) -> Request:
    headers = program.headers() | {"X-Request-Timeout-Ms": str(DEADLINE_MS)}
    return Request("GET", f"/v1/accounts/{ACCOUNTS[0]}/balance", None, headers)
