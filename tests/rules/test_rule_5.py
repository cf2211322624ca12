"""Rule 5, holds."""

from ledger_service.ledger.refusals import ExceedsRemaining, HoldNotFound, HoldNotOpen
from tests.builders import DAY, NOON, capture, earn, movement, place_hold, redeem, release, set_status
from tests.rules.till import Till

SOON, LATER = NOON + DAY, NOON + 2 * DAY


def holding(points: int = 15, **others: int) -> Till:
    """10 points that expire soon and 10 that expire later, and a hold on them."""
    till = Till()
    till.post(earn(10, expires_at=LATER))
    till.post(earn(10, expires_at=SOON))
    till.post(place_hold(points, **others))
    return till


def test_rule_5_a_hold_takes_points_at_once_soonest_expiry_first_and_remembers_which():
    till = holding()
    assert till.books.holds["h-1"].hold.movements == (movement(-10, SOON), movement(-5, LATER))
    assert (till.available(), till.state().held, till.balance()) == (5, 15, 20)


def test_rule_5_a_capture_takes_all():
    till = holding()
    entry = till.post(capture())
    assert (entry.kind, entry.points, entry.balance_after, entry.held_after) == ("redeem", -15, 5, 0)


def test_rule_5_a_capture_may_take_less_and_the_rest_returns_to_its_lots():
    till = holding()
    assert till.post(capture(points=8)).points == -8
    assert till.kinds()[-2:] == [("release", 0), ("redeem", -8)]
    assert till.expiries() == {"2026-12-04T12:00:00": 2, "2026-12-05T12:00:00": 10}
    assert till.state().held == 0


def test_rule_5_a_capture_never_takes_more_than_was_held():
    assert holding().refuse(capture(points=16)) == ExceedsRemaining(15)


def test_rule_5_a_release_returns_everything():
    till = holding()
    entry = till.post(release())
    assert (entry.kind, entry.points, entry.available_after, entry.held_after) == ("release", 0, 20, 0)


def test_rule_5_a_time_out_returns_everything_at_its_instant_whether_or_not_a_sweeper_runs():
    till = holding(expires_in_seconds=60)
    till.wait(hours=5)
    assert till.post(redeem(20)).available_after == 0
    released = till.books.entries["m-1"][3]
    assert (released.kind, (released.occurred_at - NOON).total_seconds(), released.key) == ("release", 60, None)


def test_rule_5_held_points_whose_lot_expired_count_as_redeemed_when_they_are_captured():
    till = holding(expires_in_seconds=604_800)
    till.wait_until(SOON)
    assert till.post(capture(points=10)).points == -10
    assert ("expire", -10) not in till.kinds()


def test_rule_5_held_points_whose_lot_expired_expire_in_the_same_breath_when_they_are_released():
    till = holding(expires_in_seconds=604_800)
    till.wait_until(SOON)
    till.post(release())
    assert till.kinds()[-2:] == [("release", 0), ("expire", -10)]
    assert till.available() == 10


def test_rule_5_a_hold_is_closed_once():
    till = holding()
    first = capture()
    till.post(first)
    assert till.refuse(capture()) == HoldNotOpen("h-1", "captured")
    assert till.refuse(release()) == HoldNotOpen("h-1", "captured")
    assert till.replays(first)


def test_rule_5_a_hold_that_timed_out_is_not_open():
    till = holding(expires_in_seconds=60)
    till.wait(seconds=60)
    assert till.refuse(capture()) == HoldNotOpen("h-1", "timed_out")
    assert till.refuse(capture("unknown")) == HoldNotFound("unknown")


def test_rule_5_a_hold_needs_an_active_account_and_its_capture_does_not():
    till = holding()
    till.ask(set_status("suspended"))
    assert till.refuse(place_hold(1, "h-2")).code == "account_not_active"
    assert till.post(capture()).points == -15
