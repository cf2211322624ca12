"""Two instances on one database, as every production has them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.instances import Instance, Program, make_program, rows, run, starting_instances
from tests.servers import TestDatabase, TestServer, cloning
from tests.wire import Request


@dataclass(frozen=True, slots=True)
class Pair:
    """Two instances, a program that both serve, and their database."""

    instances: tuple[Instance, Instance]
    program: Program
    database: TestDatabase

    @property
    def urls(self) -> list[str]:
        return [instance.url for instance in self.instances]

    def post(self, path: str, body: bytes, key: str) -> Request:
        """A POST with time enough for a busy machine."""
        headers = self.program.headers(key) | {"X-Request-Timeout-Ms": "10000"}
        return Request("POST", f"/v1{path}", body, headers)

    async def rows(self, columns: str, table: str, rest: str = "") -> list[dict[str, Any]]:
        """What the books of the program hold, whatever the instances say."""
        return await self.select(f"SELECT {columns} FROM ledger.{table} WHERE program_id = $1 {rest}")

    async def select(self, query: str) -> list[dict[str, Any]]:
        """The same for any query whose $1 is the program."""
        return await rows(self.database.owner_url, query, self.program.program_id)


@dataclass(frozen=True, slots=True)
class Running:
    """Two instances and their database."""

    instances: tuple[Instance, Instance]
    database: TestDatabase


@pytest.fixture(scope="module")
def running(
    postgres: TestServer, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with cloning(postgres, template_database) as clone:
        database = clone()
        with (
            starting_instances(database.service_url, tmp_path_factory.mktemp("instances")) as start,
            ThreadPoolExecutor() as threads,
        ):
            one, other = (threads.submit(start) for _ in range(2))
            opened = Running((one.result(), other.result()), database)
            yield opened
            assert [bug for instance in opened.instances for bug in instance.bugs()] == []


@pytest.fixture
def pair(running: Running) -> Pair:
    """The two instances, with a program that no other test has."""
    program = run(make_program(running.database.service_url, f"program-{uuid4().hex}"))
    return Pair(running.instances, program, running.database)
