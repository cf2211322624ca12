"""Calls of the gate as the core makes them, to be spoilt in one place, and proposals that only a forger would make."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.groups import Groups
from ledger_service.ledger.lots import Lot, Movement
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.postings import post as post_to
from ledger_service.ledger.proposals import AccountChange, Proposal
from ledger_service.storage.columns import columns_of
from ledger_service.storage.database import WRITER, Database
from ledger_service.storage.journal import WRITE_BATCH, PostgresJournal
from ledger_service.storage.programs import Programs
from tests.builders import (
    DAY,
    NOON,
    adjust,
    attach,
    claim,
    earn,
    merge,
    open_account,
    place_hold,
    redeem,
    reverse,
    revoke,
    set_status,
)
from tests.servers import TestDatabase
from tests.varied_books import create_program, post

TABLES = (
    *("account", "api_key", "entry", "hold", "identifier", "lot", "outcome", "program", "program_version"),
    "qualifying_day",
)

TOMORROW = NOON + DAY
OLD_CARD = claim("1111", identifier_id="old-card")

# Places in the lists of `GOOD`: accounts 1 to 4, rows counted from 0.
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

TIERED: dict[str, Any] = {
    "auto_open": True,
    "currency": "EUR",
    "clawback": {"mode": "allow_debt"},
    "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
    "tiers": {"levels": [{"id": "bronze", "at": "0"}, {"id": "silver", "at": "1000"}]},
}

# Those of the gate, and the columns of the rows that it takes.
PARAMETERS = """
SELECT p.name, (
    SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_type AS listed
    JOIN pg_type AS row ON row.oid = listed.typelem AND row.typtype = 'c'
    JOIN pg_attribute AS a ON a.attrelid = row.typrelid
    WHERE listed.oid = p.type) AS columns
FROM pg_proc, unnest(proargnames, proargtypes::oid[]) WITH ORDINALITY AS p (name, type, place)
WHERE proname = 'write_batch_v3' ORDER BY p.place
"""

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
        """What the core would call the gate with, by the names of its parameters, and of the columns of their rows."""
        values = (proposal.program_id, proposal.rule_version, proposal.now, *columns_of(proposal))
        return {
            row["name"]: [dict(zip(row["columns"], one, strict=True)) for one in value] if row["columns"] else value
            for row, value in zip(await self.owner.fetch(PARAMETERS), values, strict=True)
        }

    async def good(self) -> Arguments:
        return await self.arguments_of(decide(await self.journal.load_batch(self.program_id, GOOD), GOOD))

    async def call(self, arguments: Arguments, statement: str = WRITE_BATCH) -> list[str]:
        """Call the gate as ledger_service; the accounts in conflict."""
        values = [
            [row and tuple(row.values()) for row in value] if isinstance(value, list) else value
            for value in arguments.values()
        ]
        conflicts: list[str] = await self.service.fetchval(statement, *values)
        return conflicts

    async def refusal(self, arguments: Arguments, statement: str = WRITE_BATCH) -> str:
        """The SQLSTATE with which the gate refuses, or what it answered, after it was seen that nothing was written."""
        before = await contents(self.owner)
        try:
            answer = f"let through, conflicts {await self.call(arguments, statement)}"
        except asyncpg.PostgresError as error:
            answer = error.sqlstate or ""
        assert await contents(self.owner) == before, f"{answer}, and something was written"
        return answer


@asynccontextmanager
async def opened(where: TestDatabase, slug: str = "demo", **settings: str) -> AsyncIterator[Gate]:
    """The gate as ledger_service calls it for one program, and the superuser who looks at what came of it."""
    service = await asyncpg.connect(where.service_url, server_settings={**WRITER.settings, **settings})
    owner = await asyncpg.connect(where.owner_url)
    try:
        async with Database.open(where.service_url) as database:
            yield Gate(service, owner, PostgresJournal(database), await program_id_of(database, slug))
    finally:
        await service.close()
        await owner.close()


async def contents(owner: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table."""
    return {
        table: [row[0] for row in await owner.fetch(f"SELECT t::text FROM ledger.{table} AS t ORDER BY 1")]
        for table in TABLES
    }


async def prepare(where: TestDatabase) -> None:
    """The books that `GOOD` is decided on: a has two lots, b a debt, c a card; `merged` went to another account.
    Another program has a row in every other table."""
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
            open_account("survivor"),
            merge("survivor", account_id="merged"),
        )
        other_id = await create_program(database, "other", TIERED)
        await post(journal, other_id, earn(10, account_id="z"), place_hold(5, "hold-of-another", account_id="z"))


async def program_id_of(database: Database, slug: str) -> int:
    program = await Programs(database).find(slug)
    assert program is not None
    return program.program_id


async def forged(
    gate: Gate, *postings: Posting, account_id: str = "a", lots: Iterable[Lot] | None = None, **lies: Any
) -> Arguments:
    """A call whose arithmetic is right, for postings that no rule would decide. `lots` and `lies` replace what was
    loaded of the account."""
    changed = lies if lots is None else lies | {"lots": tuple(sorted(lots))}
    return await forged_together(gate, [(account_id, one) for one in postings], {account_id: changed})


async def forged_together(
    gate: Gate,
    postings: Iterable[tuple[str, Posting]],
    before: Mapping[str, Mapping[str, Any]] | None = None,
    after: Mapping[str, Mapping[str, Any]] | None = None,
    **others: Any,
) -> Arguments:
    """The same for several accounts, each with what is said of it before and after its postings. `others` are fields
    of the proposal; `groups` are the accounts' numbers."""
    made, before, after = list(postings), before or {}, after or {}
    names = sorted({account_id for account_id, _ in made} | before.keys() | after.keys())
    loaded = await gate.journal.load_batch(gate.program_id, [set_status(account_id=name) for name in names])
    states = {name: replace(loaded.accounts[name], **before.get(name, {})) for name in names}
    entries = []
    for account_id, one in made:
        states[account_id], entry = post_to(states[account_id], one, loaded.program, loaded.now)
        entries.append(entry)
    groups = others.pop("groups", {})
    changes = []
    for name in names:
        known, state = loaded.accounts[name], replace(states[name], **after.get(name, {}))
        changes.append(AccountChange(known.version, known.head_hash, state, groups.get(name, 0)))
    proposal = Proposal(
        gate.program_id, loaded.program.settings.version, loaded.now, (), tuple(changes), tuple(entries), (), Groups()
    )
    return await gate.arguments_of(replace(proposal, **others))


def posting(kind: Any, points: int, *movements: Movement, **others: Any) -> Posting:
    return Posting(kind, points, movements, "forger", None, NOON, **others)
