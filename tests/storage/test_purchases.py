"""Purchases are read back as they were posted, newest first, and no further than they are asked for."""

from datetime import datetime

from ledger_service.storage.purchases import Purchases, StoredPurchase
from tests.builders import DAY, INSTANT, NOON, earn, entry_of, purchase, redeem
from tests.storage.conftest import Storage
from tests.varied_books import create_program, post

RULES = {"auto_open": True, "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}]}


async def stored(
    storage: Storage,
    program_id: int,
    from_at: datetime = NOON - DAY,
    to_at: datetime = NOON + DAY,
    page_size: int = 100,
) -> list[StoredPurchase]:
    pages = Purchases(storage.database).newest(program_id, from_at, to_at, page_size)
    return [each async for page in pages for each in page.purchases]


async def test_what_was_bought_comes_back_with_what_it_earned(storage: Storage):
    program_id = await create_program(storage.database, "shop", RULES)
    bought = purchase("12.50", channel="pos")
    await post(storage.journal, program_id, earn(None, purchase=bought, order_id="A-1"))
    assert await stored(storage, program_id) == [
        StoredPurchase("m-1", 1, "A-1", 12, NOON, bought, level=None, is_first=True)
    ]


async def test_they_come_newest_first_in_pages_of_any_size_and_without_the_rest_of_the_books(storage: Storage):
    program_id = await create_program(storage.database, "shop", RULES)
    for number in range(4):
        batch = (earn(None, account_id=f"m-{number}", purchase=purchase(f"{number + 1}.00")), earn(50), redeem(5))
        await post(storage.journal, program_id, *batch)
    expected = [("m-3", 4), ("m-2", 3), ("m-1", 2), ("m-0", 1)]
    for page_size in (1, 2, 3, 100):
        found = await stored(storage, program_id, page_size=page_size)
        assert [(each.account_id, each.points) for each in found] == expected, page_size


async def test_a_period_holds_its_first_instant_and_not_its_last(storage: Storage):
    program_id = await create_program(storage.database, "shop", RULES)
    for moment in (NOON - DAY, NOON - INSTANT, NOON):
        await post(storage.journal, program_id, earn(None, purchase=purchase("5.00"), occurred_at=moment))
    assert [each.occurred_at for each in await stored(storage, program_id, NOON - DAY, NOON)] == [
        NOON - INSTANT,
        NOON - DAY,
    ]
    assert await stored(storage, program_id, NOON + INSTANT, NOON + DAY) == []


async def test_only_the_first_purchase_is_the_first(storage: Storage):
    program_id = await create_program(storage.database, "shop", RULES)
    for _ in range(2):
        await post(storage.journal, program_id, earn(None, purchase=purchase("5.00")))
    assert [(each.seq, each.is_first) for each in await stored(storage, program_id)] == [(2, False), (1, True)]


async def test_books_are_not_read_to_the_beginning_for_a_short_period(storage: Storage):
    program_id = await create_program(storage.database, "shop", RULES)
    for day in range(10):
        await storage.owner.execute(
            "UPDATE ledger.program SET clock = $2 WHERE program_id = $1", program_id, NOON + day * DAY
        )
        await post(storage.journal, program_id, earn(None, purchase=purchase("5.00")))
    purchases = Purchases(storage.database)
    now = await purchases.now(program_id)
    assert now == NOON + 9 * DAY
    looked_at = [page.entries_total async for page in purchases.newest(program_id, now - DAY, now, page_size=1)]
    assert len(looked_at) == 3  # of today, of yesterday, and the one before that shows that it is enough


async def test_another_programs_purchases_are_not_among_them(storage: Storage):
    program_id = await create_program(storage.database, "shop", RULES)
    await post(storage.journal, program_id, earn(None, purchase=purchase("5.00")))
    assert entry_of((await storage.post(earn(5)))[0]).points == 5
    assert await stored(storage, storage.program_id) == []
