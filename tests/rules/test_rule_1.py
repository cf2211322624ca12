"""Rule 1, balances."""

from tests.builders import DAY, NOON, adjust, earn, place_hold, redeem, reverse
from tests.rules.till import Till

PENDING = NOON + DAY


def test_rule_1_the_balance_is_available_and_pending_and_held():
    till = Till()
    till.post(earn(100))
    till.post(earn(20, available_at=PENDING))
    entry = till.post(place_hold(30))
    assert (entry.balance_after, entry.available_after, entry.pending_after, entry.held_after) == (120, 70, 20, 30)


def test_rule_1_pending_points_are_earned_and_not_yet_usable():
    till = Till()
    till.post(earn(20, available_at=PENDING))
    assert till.refuse(redeem(1)).fields() == {"available": 0, "requested": 1, "missing": 1, "as_of_seq": 1}
    till.wait(days=1)
    assert till.post(redeem(20)).available_after == 0


def test_rule_1_held_points_cannot_be_redeemed():
    till = Till()
    till.post(earn(50))
    till.post(place_hold(30))
    assert till.refuse(redeem(21)).code == "insufficient_points"
    assert till.post(redeem(20)).available_after == 0


def test_rule_1_available_is_negative_only_while_there_is_debt():
    till = Till()
    till.post(adjust(-40, allow_negative=True))
    assert (till.available(), till.state().debt) == (-40, 40)
    till.post(earn(50))
    assert (till.available(), till.state().debt) == (10, 0)


def test_rule_1_lifetime_points_count_what_was_earned_less_what_was_taken_back():
    till = Till(clawback={"mode": "allow_debt"})
    till.post(earn(100, expires_at=PENDING))
    till.post(redeem(60))
    till.wait(days=1)
    assert (till.balance(), till.state().lifetime_points) == (0, 100)
    till.post(reverse(1, 30))
    assert till.state().lifetime_points == 70
