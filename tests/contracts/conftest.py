"""One real instance for all that is only said to it over the wire."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from tests.instances import Instance, Program, make_program, run, starting_instances
from tests.servers import TestDatabase, TestServer, cloning
from tests.wire import Answer, Request, ask


@dataclass(frozen=True, slots=True)
class Served:
    """An instance, a program with an account `m-1` of 100 points, and their database."""

    instance: Instance
    program: Program
    database: TestDatabase

    async def ask(self, method: str, target: str, body: bytes | None = None, /, **changed: str | None) -> Answer:
        """Ask as an administrator, with a key if it is a POST. Header names with underscores; None leaves one out."""
        headers: dict[str, str | None] = {"Authorization": f"Bearer {self.program.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = "a-key"
        headers |= {name.replace("_", "-").title(): value for name, value in changed.items()}
        sent = {name: value for name, value in headers.items() if value is not None}
        return await ask(self.instance.url, Request(method, target, body, sent))

    async def books(self) -> dict[str, Any]:
        """Everything in the ledger's tables: how many rows each has, and a hash of what they hold."""
        connection = await asyncpg.connect(self.database.owner_url)
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'")
            return {
                name: tuple(
                    await connection.fetchrow(
                        f"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ledger.{name} AS t"
                    )
                )
                for (name,) in tables
            }
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def served(postgres: TestServer, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with cloning(postgres, template_database) as clone:
        database = clone()
        program = run(make_program(database.service_url, "demo", {}, "admin", "operator"))
        with starting_instances(database.service_url, tmp_path_factory.mktemp("instances")) as start:
            opened = Served(start(), program, database)
            run(_open(opened))
            yield opened
            assert opened.instance.bugs() == []


@pytest.fixture
async def nothing_is_written(served: Served) -> AsyncIterator[None]:
    """Fails the test when anything in the ledger's tables has changed by its end."""
    before = await served.books()
    yield
    assert await served.books() == before


async def _open(served: Served) -> None:
    account = await served.ask("POST", "/v1/accounts", b'{"account_id":"m-1"}', idempotency_key="open")
    earned = await served.ask("POST", "/v1/accounts/m-1/earn", b'{"points":100}', idempotency_key="earn")
    assert (account.status, earned.status) == (201, 201)
