"""The audit: one snapshot, sorted streams, and no more rights than a reader has."""

from decimal import Decimal

import asyncpg
import pytest

from ledger_service.errors import DatabaseUnavailable, SchemaMismatch
from ledger_service.ledger.entries import GENESIS, Entry
from ledger_service.storage import audit as module
from ledger_service.storage.audit import Audit, Scope
from ledger_service.storage.mismatches import MISMATCHES
from tests.builders import DAY, NOON, earn, open_account, place_hold, purchase, release
from tests.servers import TestDatabase, TestServer
from tests.storage.conftest import Storage
from tests.varied_books import CLUB, create_program, post


async def write_two_programs(storage: Storage) -> int:
    """Accounts a and b in the first, a in the second program; its program_id."""
    await storage.post(earn(5, account_id="b"), earn(6, account_id="a"), earn(7, account_id="a", expires_at=NOON + DAY))
    other_id = await create_program(storage.database, "other")
    await post(storage.journal, other_id, earn(8, account_id="a"), open_account("empty"))
    return other_id


async def test_streams_come_in_the_order_of_program_account_and_seq(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    other_id = await write_two_programs(storage)
    first_id = storage.program_id
    for rows_at_once in (1, 2, 100):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", rows_at_once)
        async with Audit.open(storage.where.read_url) as audit:
            entries = [one async for portion in audit.entries(Scope()) for one in portion]
            accounts = [one async for portion in audit.accounts(Scope()) for one in portion]
            lots = [one async for portion in audit.lots(Scope()) for one in portion]
        places = [(one.program_id, one.account_id, one.seq) for one in entries]
        assert places == [(first_id, "a", 1), (first_id, "a", 2), (first_id, "b", 1), (other_id, "a", 1)]
        assert [(one.program_id, one.account_id) for one in accounts] == [
            (first_id, "a"),
            (first_id, "b"),
            (other_id, "a"),
            (other_id, "empty"),
        ]
        assert [one.lot.remaining for one in lots] == [7, 6, 5, 8]


async def test_each_entry_has_the_hash_of_the_one_before_it_across_portions(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    await write_two_programs(storage)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 1)
    async with Audit.open(storage.where.read_url) as audit:
        entries = [one async for portion in audit.entries(Scope()) for one in portion]
    first, second, *others = [one for one in entries if isinstance(one, Entry)]
    assert (first.previous_hash, second.previous_hash) == (GENESIS, first.hash)
    assert {one.previous_hash for one in others} == {GENESIS}


async def test_a_scope_leaves_everybody_else_out(storage: Storage):
    other_id = await write_two_programs(storage)
    async with Audit.open(storage.where.read_url) as audit:
        assert await audit.entries_total(Scope()) == 4
        assert await audit.entries_total(Scope(other_id)) == 1
        assert await audit.entries_total(Scope(None, "a")) == 3
        assert await audit.entries_total(Scope(other_id, "b")) == 0
        assert [one async for portion in audit.entries(Scope(other_id, "b")) for one in portion] == []


async def test_open_holds_and_qualifying_days_come_in_the_order_of_their_accounts(storage: Storage):
    program_id = await create_program(storage.database, "club", CLUB)
    bought = [earn(purchase=purchase("30.00"), account_id=account_id) for account_id in ("b", "a")]
    placed = [
        place_hold(5, "h-1", account_id="b"),
        place_hold(6, "h-2", account_id="a"),
        place_hold(7, "h-3", account_id="a"),
    ]
    await post(storage.journal, program_id, *bought, *placed)
    await post(storage.journal, program_id, release("h-3", account_id="a"))
    async with Audit.open(storage.where.read_url) as audit:
        open_holds = [one async for portion in audit.open_holds(Scope()) for one in portion]
        days = [one async for portion in audit.qualifying_days(Scope()) for one in portion]
        named = await audit.holds(program_id, ["h-1", "h-3", "h-4"])
    assert [(one.account_id, one.hold.hold_id, one.hold.points) for one in open_holds] == [
        ("a", "h-2", 6),
        ("b", "h-1", 5),
    ]
    assert open_holds[1].hold == named["h-1"]
    assert sorted(named) == ["h-1", "h-3"]
    assert [(one.account_id, one.day.points, one.day.spend, one.day.visits) for one in days] == [
        ("a", 40, Decimal("30.00"), 1),
        ("b", 40, Decimal("30.00"), 1),
    ]


async def test_a_hold_whose_movements_cannot_be_read_is_read_without_them(storage: Storage):
    await storage.post(earn(9), place_hold(5))
    await storage.owner.execute("UPDATE ledger.hold SET movements = '[[1]]'")
    async with Audit.open(storage.where.read_url) as audit:
        assert (await audit.holds(storage.program_id, ["h-1"]))["h-1"].movements == ()


async def test_sound_books_have_no_mismatch(storage: Storage):
    await write_two_programs(storage)
    async with Audit.open(storage.where.read_url) as audit:
        assert [one async for portion in audit.mismatches(Scope()) for one in portion] == []
        assert await audit.programs() == {storage.program_id: "demo", storage.program_id + 1: "other"}
        assert (storage.program_id, 1) in await audit.rule_versions()
    assert len({check for check, _ in MISMATCHES}) == len(MISMATCHES)


async def test_streams_are_read_by_index_and_never_sorted(storage: Storage):
    async with storage.owner.transaction():
        await storage.owner.execute(module.IN_KEY_ORDER)
        streams = (module.ENTRIES, module.ACCOUNTS, module.LOTS, module.OPEN_HOLDS, module.QUALIFYING_DAYS)
        for statement in streams:
            asked = statement.replace("$1", "NULL").replace("$2", "NULL")
            plan = "\n".join(row[0] for row in await storage.fetch(f"EXPLAIN {asked}"))
            assert "Index Scan" in plan
            assert "Sort" not in plan


async def test_it_changes_nothing_and_could_not(storage: Storage):
    async with Audit.open(storage.where.service_url) as audit:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await audit._connection.execute("SELECT ledger.revoke_key_v1(1, 'any')")


async def test_it_refuses_what_is_no_ledger(postgres: TestServer, database: TestDatabase):
    with pytest.raises(SchemaMismatch):
        async with Audit.open(postgres.url("postgres")):
            pass
    with pytest.raises(DatabaseUnavailable):
        async with Audit.open("postgresql://nobody@127.0.0.1:1/none"):
            pass
