"""Due work is found soonest first, by each program's own clock, and one sweeper at a time has a program."""

import asyncpg
import pytest

from ledger_service.errors import DatabaseUnavailable
from ledger_service.storage.due import Due, DueAccount, DueProgram
from tests.builders import DAY, INSTANT, NOON, earn, redeem
from tests.storage.conftest import Storage
from tests.varied_books import create_program, post


async def test_books_without_due_work_have_none(storage: Storage):
    await storage.post(earn(), earn(expires_at=NOON + DAY))
    due = Due(storage.database)
    assert await due.survey() == []
    assert await due.page(storage.program_id, NOON) == []


async def test_programs_are_told_longest_overdue_first_by_their_own_clocks(storage: Storage):
    other_id = await create_program(storage.database, "other", clock=NOON + 9 * DAY)
    later_id = await create_program(storage.database, "later", clock=NOON)
    await storage.post(earn(expires_at=NOON + 2 * DAY), earn(account_id="m-2", expires_at=NOON + 3 * DAY))
    await post(storage.journal, other_id, earn(expires_at=NOON + 10 * DAY))
    await post(storage.journal, later_id, earn(expires_at=NOON + DAY))
    await storage.set_clock(NOON + 3 * DAY)
    await storage.owner.execute("UPDATE ledger.program SET clock = $2 WHERE program_id = $1", other_id, NOON + 10 * DAY)
    survey = await Due(storage.database).survey()
    assert survey == [
        DueProgram(storage.program_id, NOON + 3 * DAY, 2, NOON + 2 * DAY),
        DueProgram(other_id, NOON + 10 * DAY, 1, NOON + 10 * DAY),
    ]
    assert await Due(storage.database).survey(other_id) == survey[1:]
    assert await Due(storage.database).survey(later_id) == []


async def test_a_live_program_follows_the_real_time(storage: Storage):
    live_id = await create_program(storage.database, "live", clock=None)
    await storage.owner.execute(
        """
        INSERT INTO ledger.account (program_id, account_id, status, version, seq, balance, held, debt, lifetime_points,
            next_due_at, created_at, head_hash, metadata)
        SELECT $1, a.account_id, 'active', 1, 0, 0, 0, 0, 0, now() + a.due_in, now(), $2, '{}'
        FROM (VALUES ('gone', interval '-1 hour'), ('open', interval '1 hour')) AS a (account_id, due_in)
        """,
        live_id,
        bytes(32),
    )
    (program,) = await Due(storage.database).survey()
    assert (program.program_id, program.accounts_total) == (live_id, 1)
    page = await Due(storage.database).page(live_id, program.now)
    assert page == [DueAccount(program.oldest_due_at, "gone")]


async def test_a_page_is_soonest_first_and_the_next_one_begins_where_it_ended(storage: Storage):
    dates = {"m-1": NOON + 2 * DAY, "m-2": NOON + DAY, "m-3": NOON + 2 * DAY, "m-4": NOON + 5 * DAY}
    await storage.post(*(earn(account_id=account_id, expires_at=date) for account_id, date in dates.items()))
    due, now = Due(storage.database), NOON + 4 * DAY
    first = await due.page(storage.program_id, now, size=2)
    assert first[0] == DueAccount(NOON + DAY, "m-2")
    second = await due.page(storage.program_id, now, first[-1].due_at, size=10)
    assert {account.account_id for account in second} == {"m-1", "m-3"}
    assert await due.page(storage.program_id, now, NOON + 2 * DAY + INSTANT) == []


async def test_what_is_due_at_this_very_instant_is_due(storage: Storage):
    await storage.post(earn(expires_at=NOON + DAY), redeem(1))
    due = Due(storage.database)
    assert await due.page(storage.program_id, NOON + DAY - INSTANT) == []
    assert len(await due.page(storage.program_id, NOON + DAY)) == 1


async def test_a_program_is_claimed_by_one_at_a_time(storage: Storage):
    due, other = Due(storage.database), Due(storage.database)
    async with due.claim(storage.program_id) as is_ours, other.claim(storage.program_id) as is_theirs:
        assert (is_ours, is_theirs) == (True, False)
        async with other.claim(storage.program_id + 1) as is_another:
            assert is_another
    async with other.claim(storage.program_id) as is_theirs_now:
        assert is_theirs_now


async def test_a_claim_ends_with_whatever_went_wrong_inside(storage: Storage):
    due = Due(storage.database)
    with pytest.raises(RuntimeError):
        async with due.claim(storage.program_id):
            raise RuntimeError
    async with due.claim(storage.program_id) as is_ours:
        assert is_ours


async def test_a_claim_whose_connection_is_lost_is_a_failure_at_its_end(storage: Storage):
    due = Due(storage.database)

    async def claim_and_lose() -> None:
        async with due.claim(storage.program_id):
            await storage.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            )

    with pytest.raises(DatabaseUnavailable):
        await claim_and_lose()
    async with due.claim(storage.program_id) as is_ours:
        assert is_ours


async def test_a_page_is_read_from_the_index_of_due_work(storage: Storage):
    from ledger_service.storage.database import READER
    from ledger_service.storage.due import PAGE

    service: asyncpg.Connection = await asyncpg.connect(
        storage.where.service_url, server_settings=dict(READER.settings)
    )
    try:
        await service.execute("PREPARE page (bigint, timestamptz, timestamptz, int) AS " + PAGE)
        rows = await service.fetch("EXPLAIN EXECUTE page (1, '-infinity', now(), 1000)")
    finally:
        await service.close()
    plan = "\n".join(row[0] for row in rows)
    assert "account_due" in plan
    assert "Sort" not in plan
