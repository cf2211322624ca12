"""Balances: what accounts have now, asked by many at once and found in one statement."""

import asyncio

import asyncpg
import pytest

from ledger_service.errors import DatabaseUnavailable, Overloaded
from ledger_service.storage import balances
from ledger_service.storage.balances import BalanceView
from ledger_service.storage.reads import Reads
from tests.builders import DAY, NOON, adjust, earn, place_hold, redeem, set_tier
from tests.storage.conftest import Storage
from tests.varied_books import CLUB, create_program, post


class Statements:
    """The statements that a connection was asked while this was there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[str] = []
        real = asyncpg.Connection.fetch

        async def counted(connection: asyncpg.Connection, statement: str, *arguments: object) -> object:
            self.found.append(statement)
            return await real(connection, statement, *arguments)

        monkeypatch.setattr(asyncpg.Connection, "fetch", counted)


async def test_many_balances_of_several_programs_are_the_same_as_each_asked_alone(storage: Storage):
    club = await create_program(storage.database, "club", CLUB)
    await storage.post(
        earn(5), earn(7, expires_at=NOON + DAY), earn(8, expires_at=NOON + 9 * DAY, available_at=NOON + DAY)
    )
    await storage.post(earn(40, account_id="m-2"), place_hold(30, "h-1", account_id="m-2", expires_in_seconds=60))
    await storage.post(
        earn(40, account_id="m-3"), redeem(40, account_id="m-3"), adjust(-3, account_id="m-3", allow_negative=True)
    )
    await post(storage.journal, club, earn(500), earn(20, account_id="m-2"), set_tier("gold", account_id="m-2"))
    reads = Reads(storage.database)
    places = [(program_id, f"m-{number}") for program_id in (storage.program_id, club) for number in range(1, 5)]
    for now in (NOON, NOON + DAY, NOON + 30 * DAY):
        await storage.set_clock(now)
        found = await asyncio.gather(*(reads.balances.ask(*place) for place in [*places, *places]))
        alone = [await reads.balance(*place) for place in places]
        assert found == alone + alone
    assert sum(view is None for view in alone) == 3
    assert len({(view.balance, view.available, view.held) for view in alone if view}) >= 4
    assert any(view is not None and view.tier for view in alone)


async def test_who_asks_in_the_same_moment_shares_a_statement(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    await storage.post(*(earn(number, account_id=f"m-{number}") for number in range(1, 101)))
    reads = Reads(storage.database)
    await reads.balances.ask(storage.program_id, "m-1")  # the settings are known from now on
    statements = Statements(monkeypatch)
    asked = [reads.balances.ask(storage.program_id, f"m-{number}") for number in range(1, 101)]
    assert [view.balance for view in await asyncio.gather(*asked) if view] == list(range(1, 101))
    assert statements.found == [balances.FIND]


async def test_who_asks_just_when_the_last_question_is_answered_is_answered_too(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(balances, "QUESTIONS_AT_ONCE", 1)
    await storage.post(earn(5))
    reads = Reads(storage.database)
    second: list[asyncio.Future[BalanceView | None]] = []
    first = reads.balances.ask(storage.program_id, "m-1")
    first.add_done_callback(lambda _: second.append(reads.balances.ask(storage.program_id, "m-1")))
    await first
    async with asyncio.timeout(10):
        view = await second[0]
    assert view is not None
    assert view.balance == 5


async def test_more_than_a_statement_holds_are_asked_in_several(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(balances, "ACCOUNTS_MAX", 10)
    await storage.post(*(earn(number, account_id=f"m-{number}") for number in range(1, 36)))
    reads = Reads(storage.database)
    asked = [reads.balances.ask(storage.program_id, f"m-{number}") for number in range(1, 36)]
    assert [view.balance for view in await asyncio.gather(*asked) if view] == list(range(1, 36))


async def test_beyond_what_may_wait_is_refused_at_once(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(balances, "WAITING_MAX", 3)
    reads = Reads(storage.database)
    asked = [reads.balances.ask(storage.program_id, "m-1") for _ in range(3)]
    with pytest.raises(Overloaded):
        reads.balances.ask(storage.program_id, "m-1")
    assert await asyncio.gather(*asked) == [None, None, None]
    assert await reads.balances.ask(storage.program_id, "m-1") is None


async def test_who_left_before_the_statement_is_not_asked_for(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    reads = Reads(storage.database)
    statements = Statements(monkeypatch)
    asked = [reads.balances.ask(storage.program_id, "m-1") for _ in range(3)]
    for one in asked:
        one.cancel()
    assert await reads.balances.ask(storage.program_id, "m-2") is None
    assert len(statements.found) == 1


async def test_a_lost_connection_is_not_noticed_and_a_lost_database_told_to_all(storage: Storage):
    await storage.post(earn(5))
    reads = Reads(storage.database)
    assert await reads.balances.ask(storage.program_id, "m-1") is not None
    await storage.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ledger_service'"
    )
    views = await asyncio.gather(*(reads.balances.ask(storage.program_id, "m-1") for _ in range(5)))
    assert [view.balance for view in views if view] == [5] * 5
    await storage.owner.execute("ALTER ROLE ledger_service NOLOGIN")
    try:
        await storage.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ledger_service'"
        )
        asked = (reads.balances.ask(storage.program_id, "m-1") for _ in range(5))
        failures = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(failure) for failure in failures} == {DatabaseUnavailable}
    finally:
        await storage.owner.execute("ALTER ROLE ledger_service LOGIN")


async def test_a_bug_that_one_account_runs_into_is_told_to_its_caller_alone(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    await storage.post(earn(1), earn(2, account_id="m-2"), earn(3, account_id="m-3"))
    real = balances.whole_account_of

    def broken(row: asyncpg.Record) -> object:
        if row["account_id"] == "m-2":
            raise ZeroDivisionError
        return real(row)

    monkeypatch.setattr(balances, "whole_account_of", broken)
    reads = Reads(storage.database)
    asked = [reads.balances.ask(storage.program_id, f"m-{number}") for number in (1, 2, 3)]
    one, two, three = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(two, ZeroDivisionError)
    assert (one.balance, three.balance) == (1, 3)  # type: ignore[union-attr]
