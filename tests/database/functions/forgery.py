"""Calls of the gate as the core makes them, to be spoilt in one place, and proposals that only a forger would make."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.groups import Groups
from ledger_service.ledger.lots import Lot, Movement
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.postings import post as post_to
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.proposals import AccountChange, Proposal
from ledger_service.storage.columns import columns_of
from ledger_service.storage.database import Database
from ledger_service.storage.journal import WRITE_BATCH, PostgresJournal
from ledger_service.storage.programs import Programs
from tests.builders import DAY, NOON, adjust, attach, claim, earn, open_account, redeem, reverse, revoke, set_status
from tests.servers import TestDatabase
from tests.varied_books import create_program, post

TABLES = ("account", "api_key", "entry", "identifier", "lot", "outcome", "program", "program_version")

TOMORROW = NOON + DAY
OLD_CARD = claim("1111", identifier_id="old-card")

# Places in the lists of `GOOD`: accounts 1 to 4, entries and lots counted from 0.
A, B, C, D = 1, 2, 3, 4

GOOD: tuple[Command, ...] = (
    earn(10, account_id="a", order_id="B-1", key="good-earn"),
    redeem(20, account_id="a", key="good-redeem"),
    earn(40, account_id="b", key="good-pays-debt"),
    redeem(1000, account_id="a", key="good-refused"),
    earn(100, account_id="a", order_id="A-1", key="good-repeated"),
    reverse(1, 30, account_id="a", key="good-reverse"),
    attach(claim("2222", identifier_id="new-card"), account_id="c", key="good-attach"),
    revoke("old-card", account_id="c", key="good-revoke"),
    open_account("d", identifiers=[claim("3333", identifier_id="first-card")], key="good-open"),
    open_account("e", identifiers=[claim("3333")], key="good-never-opened"),
)

Arguments = dict[str, Any]
Spoil = Callable[[Arguments], object]


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate, and who calls it."""

    service: asyncpg.Connection
    owner: asyncpg.Connection
    journal: PostgresJournal
    program_id: int

    async def arguments_of(self, proposal: Proposal) -> Arguments:
        """What the core would call the gate with, by the names of its parameters."""
        names = await self.owner.fetchval(
            "SELECT proargnames[1:pronargs] FROM pg_proc WHERE proname = 'write_batch_v1'"
        )
        values = (proposal.program_id, proposal.rule_version, proposal.now, *columns_of(proposal))
        return dict(zip(names, values, strict=True))

    async def good(self) -> Arguments:
        return await self.arguments_of(decide(await self.journal.load_batch(self.program_id, GOOD), GOOD))

    async def call(self, arguments: Arguments, statement: str = WRITE_BATCH) -> list[str]:
        """Call the gate as ledger_service; the accounts in conflict."""
        return [row["account_id"] for row in await self.service.fetch(statement, *arguments.values())]

    async def refusal(self, arguments: Arguments, statement: str = WRITE_BATCH) -> str:
        """The SQLSTATE with which the gate refuses, or what it answered, after it was seen that nothing was written."""
        before = await contents(self.owner)
        try:
            answer = f"let through, conflicts {await self.call(arguments, statement)}"
        except asyncpg.PostgresError as error:
            answer = error.sqlstate or ""
        assert await contents(self.owner) == before, f"{answer}, and something was written"
        return answer


async def contents(owner: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table."""
    return {
        table: [row[0] for row in await owner.fetch(f"SELECT t::text FROM ledger.{table} AS t ORDER BY 1")]
        for table in TABLES
    }


async def prepare(where: TestDatabase) -> None:
    """The books that `GOOD` is decided on: a has two lots, b a debt, c a card; `merged` went to another account."""
    async with Database.open(where.service_url) as database:
        journal = PostgresJournal(database)
        program_id = await create_program(database)
        await post(
            journal,
            program_id,
            open_account("a"),
            earn(100, account_id="a", order_id="A-1", key="first"),
            earn(50, account_id="a", expires_at=TOMORROW),
            open_account("b"),
            adjust(-15, account_id="b", allow_negative=True),
            open_account("c", identifiers=[OLD_CARD]),
            open_account("merged"),
        )
        other_id = await create_program(database, "other")
        await post(journal, other_id, earn(10, account_id="z"))
    owner = await asyncpg.connect(where.owner_url)
    try:
        await owner.execute(
            "UPDATE ledger.account SET status = 'merged', merged_into = 'a' WHERE account_id = 'merged'"
        )
    finally:
        await owner.close()


async def demo_id(database: Database) -> int:
    program = await Programs(database).find("demo")
    assert program is not None
    return program.program_id


async def forged(
    gate: Gate, *postings: Posting, account_id: str = "a", lots: Iterable[Lot] | None = None, **lies: Any
) -> Arguments:
    """A call whose arithmetic is right, for postings that no rule would decide. `lots` and `lies` replace what was
    loaded of the account."""
    loaded = await gate.journal.load_batch(gate.program_id, [set_status(account_id=account_id)])
    before = loaded.accounts[account_id]
    account = before if lots is None else replace(before, lots=tuple(sorted(lots)))
    account = replace(account, **lies)
    program = ProgramState(gate.program_id, ProgramSettings())
    entries = []
    for posting in postings:
        account, made = post_to(account, posting, program, loaded.now)
        entries.append(made)
    change = AccountChange(before.version, before.head_hash, account, 0)
    return await gate.arguments_of(
        Proposal(gate.program_id, 1, loaded.now, (), (change,), tuple(entries), (), Groups())
    )


def posting(kind: Any, points: int, *movements: Movement, **others: Any) -> Posting:
    return Posting(kind, points, movements, "forger", None, NOON, **others)
