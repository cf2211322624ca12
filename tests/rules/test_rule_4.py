"""Rule 4, pending points."""

from ledger_service.ledger.lots import NEVER
from ledger_service.ledger.refusals import AlreadyReversed, NothingToReverse, OrderNotFound
from tests.builders import DAY, INSTANT, NOON, cancel, confirm, earn, place_hold, redeem, reverse, transfer
from tests.rules.till import Till

WAITING = {"mode": "on_event"}


def test_rule_4_points_are_usable_from_the_local_midnight_that_begins_the_day():
    till = Till(available={"mode": "after", "days": 14}, time_zone="Europe/Berlin")
    entry = till.post(earn(10))
    assert (entry.available_after, entry.pending_after) == (0, 10)
    assert entry.available_at is not None
    assert entry.available_at.isoformat() == "2026-12-16T23:00:00+00:00"
    till.wait_until(entry.available_at - INSTANT)
    assert (till.available(), till.pending()) == (0, 10)
    till.wait_until(entry.available_at)
    assert (till.available(), till.pending()) == (10, 0)


def test_rule_4_hours_are_exact():
    till = Till(available={"mode": "after", "hours": 5})
    till.post(earn(10))
    till.wait(hours=5, microseconds=-1)
    assert till.available() == 0
    till.wait(microseconds=1)
    assert till.available() == 10


def test_rule_4_expiry_counts_from_the_moment_points_become_available():
    till = Till(available={"mode": "after", "days": 14}, expiry={"mode": "after", "days": 1})
    till.post(earn(10))
    assert till.expiries() == {"2026-12-19T00:00:00": 10}


def test_rule_4_an_explicit_date_comes_before_the_policy():
    till = Till(available={"mode": "after", "days": 14})
    till.post(earn(10, available_at=NOON + DAY))
    till.wait(days=1)
    assert till.available() == 10


def test_rule_4_points_that_wait_for_an_event_are_freed_by_a_confirmation():
    till = Till(available=WAITING, expiry={"mode": "after", "days": 1})
    entry = till.post(earn(10, order_id="A-1"))
    assert (entry.available_at, entry.pending_after, till.expiries()) == (NEVER, 10, {"never": 10})
    till.wait(days=30)
    freed = till.post(confirm())
    assert (freed.kind, freed.points, freed.available_after, freed.reverses_seq) == ("confirm", 0, 10, 1)
    assert till.expiries() == {"2027-01-04T00:00:00": 10}


def test_rule_4_a_cancelled_order_is_taken_back():
    till = Till(available=WAITING)
    till.post(earn(10, order_id="A-1"))
    assert [(entry.kind, entry.points) for entry in till.posted(cancel())] == [("reverse_earn", -10)]
    assert till.balance() == 0
    assert till.refuse(cancel()) == AlreadyReversed(1)
    assert till.refuse(confirm()) == AlreadyReversed(1)


def test_rule_4_there_is_nothing_to_confirm_where_nothing_waits():
    till = Till()
    till.post(earn(10, order_id="A-1"))
    assert till.refuse(confirm()) == NothingToReverse("earn")
    assert till.refuse(confirm("A-2")) == OrderNotFound("A-2")


def test_rule_4_pending_points_cannot_be_redeemed_held_or_transferred():
    till = Till(available=WAITING)
    till.post(earn(10, order_id="A-1"))
    for command in (redeem(1), place_hold(1), transfer(1)):
        assert till.refuse(command).code == "insufficient_points"


def test_rule_4_pending_points_are_the_first_to_be_taken_back_when_their_own_order_is_returned():
    till = Till()
    till.post(earn(10))
    till.post(earn(10, order_id="A-1", available_at=NOON + DAY))
    till.post(reverse(2, 7))
    assert (till.available(), till.pending()) == (10, 3)
