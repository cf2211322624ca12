"""Query plans: every lookup goes by the whole key of its index, also when it was planned on empty tables.

A plan is kept for as long as its connection lives, and the first calls of a new program meet tables that are empty or
have no statistics: whatever was chosen then must still be right when there are millions of rows.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from ledger_service.storage import earlier, feed, journal, keys, loading, lookups, reads, whole_accounts
from ledger_service.storage.connector import Session
from ledger_service.storage.database import READER, WRITER, Database
from ledger_service.storage.journal import PostgresJournal
from tests.builders import (
    adjust,
    attach,
    capture,
    claim,
    earn,
    merge,
    open_account,
    place_hold,
    purchase,
    redeem,
    refund,
    reverse,
    revoke,
    transfer,
    unmerge,
)
from tests.database.functions.forgery import TIERED
from tests.servers import TestDatabase
from tests.varied_books import create_program, post

# For each index, the columns without which it would be read from end to end for a whole program.
COLUMNS = {
    "program_pkey": {"program_id"},
    "account_pkey": {"program_id", "account_id"},
    "lot_pkey": {"program_id", "account_id"},
    "outcome_pkey": {"program_id", "idempotency_key"},
    "entry_pkey": {"program_id", "account_id"},
    "entry_order": {"program_id", "source", "kind", "order_id"},
    "entry_reversals": {"program_id", "account_id", "reverses_seq"},
    "entry_feed": {"program_id", "xid"},
    "identifier_in_use": {"program_id", "type", "digest"},
    "identifier_of_account": {"program_id", "account_id"},
    "entry_transfer": {"program_id", "transfer_id"},
    "entry_reversals_elsewhere": {"program_id", "detail"},
    "hold_pkey": {"program_id", "hold_id"},
    "hold_open": {"program_id", "account_id"},
    "qualifying_day_pkey": {"program_id", "account_id"},
    "api_key_digest_key": {"digest"},
}

NAMES = [f"m-{number}" for number in range(40)]
STATEMENTS: dict[str, tuple[str, Session, list[tuple[str, Any]]]] = {
    "load_batch": (
        loading.LOAD_BATCH,
        WRITER,
        [("bigint", 1), *[("text[]", NAMES)] * 5],
    ),
    "load_special_batch": (
        loading.LOAD_SPECIAL_BATCH,
        WRITER,
        [("bigint", 1), *[("text[]", NAMES)] * 6, ("boolean", True)],
    ),
    "recall": (journal.RECALL, WRITER, [("bigint", 1), ("text[]", NAMES), ("bigint[]", list(range(40)))]),
    "identifiers": (
        journal.IDENTIFIERS,
        WRITER,
        [("bigint", 1), *[("text[]", NAMES)] * 3],
    ),
    "whole_account": (
        whole_accounts.ONE,
        READER,
        [("bigint", 1), ("text", "m-1"), ("boolean", True), ("timestamptz", "2026-12-03")],
    ),
    "entries_onwards": (reads.ONWARDS, READER, [("bigint", 1), ("text", "m-1"), ("bigint", 3), ("bigint", 9)]),
    "entries_backwards": (earlier.BACKWARDS, READER, [("bigint", 1), ("text", "m-1"), ("bigint", 3), ("bigint", 9)]),
    "holds_then": (earlier.HOLDS, READER, [("bigint", 1), ("text[]", NAMES)]),
    "tier_then": (earlier.TIER, READER, [("bigint", 1), ("text", "m-1"), ("bigint", 3)]),
    "hold": (lookups.HOLD, READER, [("bigint", 1), ("text", "hold-1")]),
    "open_holds": (
        lookups.OPEN_HOLDS,
        READER,
        [("bigint", 1), ("text", "m-1"), ("timestamptz", "2026-12-03"), ("text", "hold-1"), ("bigint", 100)],
    ),
    "places_of_holds": (lookups.HOLD_PLACES, READER, [("bigint", 1), ("text[]", NAMES)]),
    "places_of_orders": (lookups.ORDER_PLACES, READER, [("bigint", 1), ("text[]", NAMES), ("text[]", NAMES)]),
    "places_of_accounts": (lookups.ACCOUNT_PLACES, READER, [("bigint", 1), ("text[]", NAMES)]),
    "identifiers_of": (reads.IDENTIFIERS_OF, READER, [("bigint", 1), ("text", "m-1")]),
    "find": (reads.FIND, READER, [("bigint", 1), ("text", "card"), ("bytea", "x")]),
    "one_entry": (reads.ONE_ENTRY, READER, [("bigint", 1), ("text", "m-1"), ("bigint", 3)]),
    "feed": (feed.AFTER, READER, [("bigint", 1), ("xid8", 5), ("text", "m-1"), ("bigint", 3), ("bigint", 100)]),
    "key": (keys.FIND, READER, [("bytea", "x")]),
}

GROW = """
INSERT INTO ledger.account SELECT 1, 1, 5, 5, 0, 0, 5, NULL, now(), 'm-' || a, 'active', NULL,
    decode(repeat('00', 32), 'hex'), '{}' FROM generate_series(1, 4000) AS a ON CONFLICT DO NOTHING;
INSERT INTO ledger.lot SELECT 1, 'infinity', '-infinity', 5, 'm-' || a FROM generate_series(1, 4000) AS a
    ON CONFLICT DO NOTHING;
INSERT INTO ledger.entry SELECT 1, 100 + s, 1, 1, 1, 0, 0, CASE WHEN s = 5 THEN s END, now(), now(), NULL, NULL,
    pg_current_xact_id(), 1, 'm-' || a, CASE WHEN s = 5 THEN 'reverse_redeem' ELSE 'earn' END, 'till',
    'o-' || a || '-' || s, 'k-' || a || '-' || s, NULL, NULL, '{}', '[]', decode(repeat('00', 32), 'hex')
    FROM generate_series(1, 4000) AS a, generate_series(1, 5) AS s;
INSERT INTO ledger.entry SELECT 1, 200, -1, 1, 1, 0, 0, 1, now(), now(), NULL, NULL, pg_current_xact_id(), 1, 'm-' || a,
    'transfer_out', 'till', NULL, NULL, 'tr-' || a, NULL, '{}', '[]', decode(repeat('00', 32), 'hex'),
    json_build_object('reverses_account', 'm-' || (a + 1)) FROM generate_series(1, 4000) AS a;
INSERT INTO ledger.hold SELECT 1, 1, 1, CASE WHEN a > 2000 THEN 1 ELSE 0 END, CASE WHEN a > 2000 THEN 2 END, now(),
    now(), CASE WHEN a > 2000 THEN now() END, 'hold-' || a, 'm-' || a, 'm-' || a,
    CASE WHEN a > 2000 THEN 'captured' ELSE 'open' END, 'till', NULL, '[]' FROM generate_series(1, 4000) AS a;
INSERT INTO ledger.qualifying_day SELECT 1, 1, '2026-01-01'::date + d, 1, 'm-' || a, 1
    FROM generate_series(1, 1000) AS a, generate_series(1, 10) AS d;
INSERT INTO ledger.outcome SELECT 1, 1, 'k-' || a, 'm-' || a, 'posted', decode(repeat('00', 16), 'hex'), NULL
    FROM generate_series(1, 20000) AS a;
INSERT INTO ledger.identifier SELECT 1, now(), NULL, 'i-' || a, 'm-' || a, 'card', sha256(a::text::bytea), 'x'
    FROM generate_series(1, 4000) AS a;
INSERT INTO ledger.api_key SELECT 1, now(), NULL, NULL, 'k-' || a, '', 'till', '{read}', '', sha256(a::text::bytea)
    FROM generate_series(1, 500) AS a;
"""


@asynccontextmanager
async def connected(url: str, **settings: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def grow(database: TestDatabase, *, analysed: bool) -> None:
    """Thousands of accounts in program 1, past the gate: only their number matters here."""
    async with connected(database.owner_url) as owner:
        await owner.execute(GROW)
        if analysed:
            await owner.execute("ANALYZE")


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes_of(inner)


def literal(kind: str, value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(repr(one) for one in value)}]::{kind}"
    return f"'{value}'::{kind}"


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("books", ["empty", "grown", "grown_and_analysed"])
async def test_every_statement_looks_up_by_the_whole_key_of_its_index(database: TestDatabase, books: str, plans: str):
    async with Database.open(database.service_url) as service:
        assert await create_program(service) == 1
    if books != "empty":
        await grow(database, analysed=books == "grown_and_analysed")
    for name, (statement, session, arguments) in STATEMENTS.items():
        async with connected(
            database.service_url, **(dict(session.settings) | {"plan_cache_mode": plans})
        ) as connection:
            kinds = ", ".join(kind for kind, _ in arguments)
            values = ", ".join(literal(kind, value) for kind, value in arguments)
            await connection.execute(f"PREPARE {name} ({kinds}) AS {statement}")
            [row] = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ({values})")
        for node in nodes_of(json.loads(row[0])[0]["Plan"]):
            assert node["Node Type"] != "Seq Scan", f"{name} reads {node.get('Relation Name')} from end to end"
            if "Index Name" in node:
                used = set(re.findall(r"\b[a-z_]+\b", node["Index Cond"]))
                assert COLUMNS[node["Index Name"]] <= used, f"{name}: {node['Index Name']} by {node['Index Cond']}"


async def test_what_a_batch_reads_does_not_grow_with_the_program(database: TestDatabase):
    """Of the load and of the gate, on connections whose plans are as old as the program."""
    card = claim("1111", identifier_id="card")
    async with Database.open(database.service_url, lanes=0) as service, connected(database.owner_url) as owner:
        program_id = await create_program(service, settings=TIERED, clock=None)
        batches = PostgresJournal(service)
        await post(batches, program_id, open_account("a", identifiers=[card]), earn(1000, account_id="a"))
        for number in range(10):
            await _post_of_everything(batches, program_id, number)
        small = await _rows_read(owner, service, batches, program_id, 10)
        await owner.execute(GROW)
        large = await _rows_read(owner, service, batches, program_id, 11)
    assert 0 < large <= small + 50


async def _post_of_everything(batches: PostgresJournal, program_id: int, number: int) -> None:
    """A batch that reaches every statement of the journal and of the gate."""
    card = claim(f"card {number}", identifier_id=f"card-{number}")
    await post(
        batches,
        program_id,
        earn(10, account_id="a", order_id=f"order-{number}"),
        redeem(4, account_id="a"),
        reverse(1, 1, account_id="a"),
        adjust(-5, account_id=f"owes-{number}", allow_negative=True)
        if number % 2
        else open_account(f"owes-{number + 1}"),
        earn(10, account_id="a", order_id=f"order-{number}"),
        open_account(f"new-{number}", identifiers=[card]),
        earn(7, account_id=f"spent-{number}"),
        redeem(7, account_id=f"spent-{number}"),
        earn(purchase=purchase("5.00"), order_id=f"bought-{number}", account_id=f"buys-{number}"),
        place_hold(2, f"held-{number}", account_id="a"),
        place_hold(1, f"moves-{number}", account_id=f"buys-{number}"),
        transfer(1, f"gets-{number}", account_id="a", transfer_id=f"transfer-{number}")
        if number % 2
        else open_account(f"gets-{number + 1}"),
    )
    await post(
        batches,
        program_id,
        revoke(card.identifier_id, account_id=f"new-{number}"),
        attach(card_of(number), account_id="a"),
        capture(f"held-{number}", 1, account_id="a"),
        refund(f"bought-{number}", "1.00", account_id=f"buys-{number}"),
        merge("a", account_id=f"buys-{number}", transfer_id=f"merge-{number}"),
        merge("a", account_id=f"spent-{number}", transfer_id=f"merge-too-{number}"),
    )
    await post(
        batches,
        program_id,
        refund(f"bought-{number}", "1.00", account_id=f"buys-{number}", chain=("a",)),
        unmerge("a", account_id=f"spent-{number}", transfer_id=f"unmerge-{number}"),
    )


def card_of(number: int) -> Any:
    return claim(f"card {number}", identifier_id=f"card-{number}-anew")


async def _rows_read(
    owner: asyncpg.Connection, service: Database, batches: PostgresJournal, program_id: int, number: int
) -> int:
    """Rows and index entries that one batch of everything reads in all tables."""
    before = await _counted(owner, service)
    await _post_of_everything(batches, program_id, number)
    return await _counted(owner, service) - before


async def _counted(owner: asyncpg.Connection, service: Database) -> int:
    async with service.writer() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT 1")
    await owner.execute("SELECT pg_stat_clear_snapshot()")
    counted: int = await owner.fetchval(
        "SELECT (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables) "
        "+ (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)"
    )
    return counted
