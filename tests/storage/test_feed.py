"""The feed: every entry of a program, in an order that never changes, and nothing is skipped."""

import asyncio

import asyncpg

from ledger_service.ledger.entries import Entry
from ledger_service.storage.database import Database
from ledger_service.storage.feed import Feed, Position
from ledger_service.storage.journal import PostgresJournal
from tests.builders import earn, redeem
from tests.storage.conftest import Storage
from tests.varied_books import create_program, post


async def pages(feed: Feed, program_id: int, limit: int, since: Position | None = None) -> list[list[Entry]]:
    found = []
    while page := await feed.after(program_id, since, limit):
        since = page[-1][0]
        found.append([entry for _, entry in page])
    return found


async def test_an_empty_program_has_an_empty_feed(storage: Storage):
    assert await Feed(storage.database).after(storage.program_id, None, 10) == []


async def test_pages_follow_each_other_without_gap_or_repetition(storage: Storage):
    for _ in range(3):
        await storage.post(*(earn(account_id=f"m-{number}") for number in range(4)))
    feed = Feed(storage.database)
    [whole] = await pages(feed, storage.program_id, 100)
    assert [(entry.account_id, entry.seq) for entry in whole] == [
        (f"m-{number}", seq) for seq in (1, 2, 3) for number in range(4)
    ]
    for limit in (1, 5, 12):
        cut = await pages(feed, storage.program_id, limit)
        assert [entry for page in cut for entry in page] == whole
        assert all(len(page) == limit for page in cut[:-1])


async def test_a_program_sees_its_own_entries_only(storage: Storage):
    other_id = await create_program(storage.database, "other")
    await storage.post(earn(5))
    await post(storage.journal, other_id, earn(6))
    [[entry]] = await pages(Feed(storage.database), other_id, 10)
    assert (entry.program_id, entry.points) == (other_id, 6)


async def test_an_entry_waits_for_every_older_transaction_that_still_runs(storage: Storage):
    """Else it would be passed by, when the older one commits below a position that a reader has left behind."""
    feed = Feed(storage.database)
    older = storage.owner.transaction()
    await older.start()
    await storage.owner.fetchval("SELECT pg_current_xact_id()")
    await storage.post(earn(5))
    assert await feed.after(storage.program_id, None, 10) == []
    await older.rollback()
    assert len(await feed.after(storage.program_id, None, 10)) == 1


async def test_a_reader_beside_many_writers_sees_each_entry_once(storage: Storage):
    writers, rounds = 4, 20

    async def write(number: int) -> None:
        async with Database.open(storage.where.service_url) as database:
            for _ in range(rounds):
                await post(
                    PostgresJournal(database),
                    storage.program_id,
                    earn(2, account_id=f"m-{number}"),
                    redeem(1, account_id=f"m-{number}"),
                )

    async def read(until: asyncio.Task[None]) -> list[tuple[str, int]]:
        feed, since, seen = Feed(storage.database), None, []
        while True:
            is_over = until.done()
            page = await feed.after(storage.program_id, since, 7)
            seen += [(entry.account_id, entry.seq) for _, entry in page]
            since = page[-1][0] if page else since
            if is_over and not page:
                return seen

    async def write_all() -> None:
        await asyncio.gather(*(write(number) for number in range(writers)))

    writing = asyncio.create_task(write_all())
    seen = await read(writing)
    assert sorted(seen) == [(f"m-{number}", seq) for number in range(writers) for seq in range(1, 2 * rounds + 1)]


async def test_a_transaction_that_only_reads_holds_nothing_back(storage: Storage):
    reader = await asyncpg.connect(storage.where.read_url)
    try:
        async with reader.transaction(isolation="repeatable_read", readonly=True):
            await reader.fetch("SELECT count(*) FROM ledger.entry")
            await storage.post(earn(5))
            assert len(await Feed(storage.database).after(storage.program_id, None, 10)) == 1
    finally:
        await reader.close()
