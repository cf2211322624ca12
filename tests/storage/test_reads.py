"""Reads: what callers are shown, due work that nobody did yet counted in."""

from datetime import timedelta

from ledger_service.ledger.explaining import Portion
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot
from ledger_service.storage.balances import BalanceView
from ledger_service.storage.reads import EntryQuery, Reads
from tests.builders import (
    DAY,
    INSTANT,
    NOON,
    adjust,
    claim,
    earn,
    open_account,
    place_hold,
    purchase,
    redeem,
    revoke,
    set_status,
    set_tier,
)
from tests.storage.conftest import Storage
from tests.varied_books import CLUB, WAITING, create_program, post

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


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
    assert await reads.balance(storage.program_id, "m-1") == BalanceView(
        account_id="m-1",
        seq=0,
        newest_seq=0,
        balance=0,
        available=0,
        pending=0,
        held=0,
        as_of=NOON,
        tier=None,
        next_expiry=None,
        source="primary",
    )
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
    assert view["counters"] == {"lifetime_points": 5, "spend": "0", "visits": 0}


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


async def test_rule_5_held_points_are_not_available_until_their_time_is_over_swept_or_not(storage: Storage):
    await storage.post(earn(50, expires_at=NOON + DAY), earn(50))
    await storage.post(place_hold(60, expires_in_seconds=3600), place_hold(10, "h-2", expires_in_seconds=2 * 24 * 3600))
    reads = Reads(storage.database)
    for now, numbers in (
        (NOON, (100, 30, 70)),
        (NOON + 3600 * SECOND - INSTANT, (100, 30, 70)),
        (NOON + 3600 * SECOND, (100, 90, 10)),
        (NOON + DAY, (50, 40, 10)),
        (NOON + 2 * DAY, (50, 50, 0)),
    ):
        await storage.set_clock(now)
        view = await reads.balance(storage.program_id, "m-1")
        assert view is not None
        assert (view.balance, view.available, view.held) == numbers, now
        lots = await reads.lots(storage.program_id, "m-1")
        assert lots is not None
        assert sum(lot.remaining for lot in lots) == numbers[1]


async def test_the_future_is_what_comes_when_nothing_else_happens(storage: Storage):
    await storage.post(
        earn(5), earn(7, expires_at=NOON + DAY), earn(8, available_at=NOON + DAY, expires_at=NOON + 3 * DAY)
    )
    await storage.post(place_hold(6, expires_in_seconds=2 * 24 * 3600))
    reads = Reads(storage.database)
    for at, numbers in (
        (NOON, (20, 6, 8, 6)),
        (NOON + DAY, (19, 13, 0, 6)),
        (NOON + 2 * DAY, (13, 13, 0, 0)),  # the hold's points come back after their date
        (NOON + 3 * DAY, (5, 5, 0, 0)),
    ):
        view = await reads.balance(storage.program_id, "m-1", at)
        assert view is not None
        assert (view.balance, view.available, view.pending, view.held) == numbers
        assert (view.as_of, view.seq) == (at, 4)
    assert await storage.count("entry") == 4


async def test_rule_10_a_balance_tells_the_tier_of_its_moment(storage: Storage):
    program_id = await create_program(storage.database, "club", CLUB)
    await post(storage.journal, program_id, earn(purchase=purchase("120.00"), order_id="A-1"))
    await storage.fetch("UPDATE ledger.program SET clock = $2 WHERE program_id = $1", program_id, NOON + DAY)
    await post(storage.journal, program_id, set_tier(None, reason="over"))
    reads = Reads(storage.database)
    view = await reads.balance(program_id, "m-1")
    assert view is not None
    assert view.tier == {
        "id": "silver",
        "since": NOON,
        "valid_until": NOON + 2.5 * DAY,  # two days after the third of December, to the midnight that ends the fifth
        "measure": 130,
        "next": None,
    }
    account = await reads.account(program_id, "m-1")
    assert account is not None
    assert (account["tier"]["id"], account["counters"]["spend"], account["counters"]["visits"]) == (
        "silver",
        "120.00",
        1,
    )
    before = await reads.balance(program_id, "m-1", NOON - INSTANT)
    assert before is not None
    assert before.tier is None


async def test_rule_4_points_that_wait_for_an_event_are_pending_and_have_no_date(storage: Storage):
    program_id = await create_program(storage.database, "waiting", WAITING)
    await post(storage.journal, program_id, earn(5, order_id="A-1"))
    reads = Reads(storage.database)
    view = await reads.balance(program_id, "m-1", NOON + 10_000 * DAY)
    assert view is not None
    assert (view.balance, view.available, view.pending, view.next_expiry) == (5, 0, 5, None)
    assert await reads.lots(program_id, "m-1") == [Lot(NEVER, NEVER, 5)]


async def test_an_explanation_counts_due_work_that_nobody_did_yet(storage: Storage):
    await storage.post(earn(5, expires_at=NOON + DAY), earn(7), place_hold(3, expires_in_seconds=60))
    await storage.set_clock(NOON + HOUR)
    reads = Reads(storage.database)
    explanation = await reads.explanation(storage.program_id, "m-1", 2)
    assert explanation is not None
    assert [(lot.points, lot.portions) for lot in explanation.lots] == [
        (5, (Portion(1, 5),)),
        (7, (Portion(2, 7),)),
    ]
    assert [entry.seq for entry in explanation.entries] == [3, 2]
    await storage.set_clock(NOON + DAY)
    explanation = await reads.explanation(storage.program_id, "m-1", 1000)
    assert explanation is not None
    assert [(lot.points, lot.portions) for lot in explanation.lots] == [(7, (Portion(2, 7),))]
    assert (explanation.account.balance, len(explanation.entries)) == (7, 3)
    assert await reads.explanation(storage.program_id, "nobody", 100) is None


async def test_an_explanation_reads_all_entries_however_many_there_are(storage: Storage):
    await storage.post(*(earn(1) for _ in range(1_001)))
    explanation = await Reads(storage.database).explanation(storage.program_id, "m-1", 10)
    assert explanation is not None
    (lot,) = explanation.lots
    assert [portion.seq for portion in lot.portions] == list(range(1, 1_002))
    assert [entry.seq for entry in explanation.entries] == list(range(1_001, 991, -1))
