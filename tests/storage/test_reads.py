"""Reads: what callers are shown, due work that nobody did yet counted in."""

from ledger_service.ledger.lots import ALWAYS, NEVER, Lot
from ledger_service.storage.reads import BalanceView, EntryQuery, Reads
from tests.builders import DAY, INSTANT, NOON, adjust, claim, earn, open_account, redeem, revoke, set_status
from tests.storage.conftest import Storage


async def test_an_account_that_is_not_there_has_no_answers(storage: Storage):
    reads = Reads(storage.database)
    place = (storage.program_id, "nobody")
    assert await reads.balance(*place) is None
    assert await reads.account(*place) is None
    assert await reads.entry(*place, 1) is None
    assert await reads.entries(*place, EntryQuery(), 10) is None
    assert await reads.lots(*place) is None
    assert await reads.find(storage.program_id, "card", bytes(32)) is None


async def test_a_new_account_has_nothing(storage: Storage):
    await storage.post(open_account())
    reads = Reads(storage.database)
    assert await reads.balance(storage.program_id, "m-1") == BalanceView("m-1", "active", 1, 0, 0, 0, 0, 0, NOON, None)
    assert await reads.entries(storage.program_id, "m-1", EntryQuery(), 10) == []
    assert await reads.lots(storage.program_id, "m-1") == []


async def test_rule_1_the_balance_is_available_and_pending_points_together(storage: Storage):
    await storage.post(
        earn(5), earn(7, expires_at=NOON + DAY), earn(8, expires_at=NOON + DAY, available_at=NOON + INSTANT)
    )
    view = await Reads(storage.database).balance(storage.program_id, "m-1")
    assert view is not None
    assert (view.balance, view.available, view.pending, view.held) == (20, 12, 8, 0)
    assert view.next_expiry == (NOON + DAY, 15)


async def test_rule_2_points_are_gone_at_the_instant_of_their_expiry_swept_or_not(storage: Storage):
    await storage.post(earn(5), earn(7, expires_at=NOON + DAY), earn(8, expires_at=NOON + 2 * DAY))
    reads = Reads(storage.database)
    for now, balance, next_expiry in (
        (NOON + DAY - INSTANT, 20, (NOON + DAY, 7)),
        (NOON + DAY, 13, (NOON + 2 * DAY, 8)),
        (NOON + 2 * DAY, 5, None),
    ):
        await storage.set_clock(now)
        view = await reads.balance(storage.program_id, "m-1")
        assert view is not None
        assert (view.balance, view.available, view.as_of, view.next_expiry) == (balance, balance, now, next_expiry)
    assert await reads.lots(storage.program_id, "m-1") == [Lot(NEVER, ALWAYS, 5)]


async def test_rule_7_a_debt_shows_as_less_than_nothing_available(storage: Storage):
    await storage.post(open_account(), adjust(-15, allow_negative=True))
    view = await Reads(storage.database).balance(storage.program_id, "m-1")
    assert view is not None
    assert (view.balance, view.available, view.pending) == (-15, -15, 0)


async def test_an_account_is_shown_with_the_identifiers_in_use(storage: Storage):
    old, new = claim("1111", identifier_id="old"), claim("2222", "phone", identifier_id="new")
    await storage.post(open_account(identifiers=[old, new], metadata='{"vip":true}'), earn(5))
    await storage.post(revoke("old"), set_status("suspended"))
    view = await Reads(storage.database).account(storage.program_id, "m-1")
    assert view is not None
    assert [identifier["identifier_id"] for identifier in view["identifiers"]] == ["new"]
    assert (view["status"], view["metadata"], view["version"], view["seq"]) == ("suspended", {"vip": True}, 2, 1)
    assert view["counters"] == {"lifetime_points": 5}


async def test_an_identifier_finds_its_account_until_it_is_revoked(storage: Storage):
    card = claim("1111", identifier_id="card")
    await storage.post(open_account(identifiers=[card]))
    reads = Reads(storage.database)
    assert await reads.find(storage.program_id, "card", card.digest) == "m-1"
    assert await reads.find(storage.program_id, "phone", card.digest) is None
    assert await reads.find(storage.program_id + 1, "card", card.digest) is None
    await storage.post(revoke("card"))
    assert await reads.find(storage.program_id, "card", card.digest) is None


async def test_entries_come_newest_first_and_page_after_page(storage: Storage):
    await storage.post(*(earn(points) for points in range(1, 8)))
    reads = Reads(storage.database)
    seqs, before = [], None
    while page := await reads.entries(storage.program_id, "m-1", EntryQuery(before_seq=before), 3):
        before = page[-1].seq
        seqs.append([entry.seq for entry in page])
    assert seqs == [[7, 6, 5], [4, 3, 2], [1]]


async def test_entries_are_found_by_kind_order_and_time(storage: Storage):
    await storage.post(earn(5, order_id="A-1"), redeem(1, order_id="A-1"))
    await storage.set_clock(NOON + DAY)
    await storage.post(earn(6), redeem(2, order_id="A-2"))
    reads = Reads(storage.database)
    for query, seqs in (
        (EntryQuery(kind="earn"), [3, 1]),
        (EntryQuery(order_id="A-1"), [2, 1]),
        (EntryQuery(kind="redeem", order_id="A-1"), [2]),
        (EntryQuery(from_at=NOON + DAY), [4, 3]),
        (EntryQuery(to_at=NOON + DAY), [2, 1]),
        (EntryQuery(kind="earn", from_at=NOON, to_at=NOON + DAY, before_seq=3), [1]),
        (EntryQuery(kind="expire"), []),
    ):
        found = await reads.entries(storage.program_id, "m-1", query, 10)
        assert found is not None
        assert [entry.seq for entry in found] == seqs, query


async def test_one_entry_is_the_one_that_was_told(storage: Storage):
    await storage.post(earn(5), earn(6, reason="a gift"))
    entry = await Reads(storage.database).entry(storage.program_id, "m-1", 2)
    assert entry is not None
    assert (entry.points, entry.reason, entry.balance_after) == (6, "a gift", 11)
