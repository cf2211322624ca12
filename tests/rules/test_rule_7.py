"""Rule 7, debt."""

import json

import pytest

from tests.builders import DAY, NOON, adjust, earn, place_hold, purchase, redeem, refund, reverse, transfer
from tests.rules.till import Till

SOON = NOON + DAY
RULE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}


def spent(**settings: object) -> Till:
    """100 points were earned, and 80 of them redeemed."""
    till = Till(**settings)
    till.post(earn(100))
    till.post(redeem(80))
    return till


def test_rule_7_taking_back_may_make_the_available_balance_negative():
    till = spent(clawback={"mode": "allow_debt"})
    assert till.post(reverse(1)).available_after == -80


def test_rule_7_an_adjustment_may_only_when_it_says_so():
    till = spent(clawback={"mode": "allow_debt"})
    assert till.refuse(adjust(-21)).code == "insufficient_points"
    assert till.post(adjust(-21, allow_negative=True)).available_after == -1


@pytest.mark.parametrize("command", [redeem(21), place_hold(21), transfer(21)])
def test_rule_7_redeem_hold_and_transfer_never_make_debt(command: object):
    till = spent(clawback={"mode": "allow_debt"})
    assert till.refuse(command).code == "insufficient_points"  # type: ignore[arg-type]


def test_rule_7_what_is_clamped_away_is_recorded_in_the_entry():
    entry = spent(clawback={"mode": "clamp"}).post(reverse(1))
    assert (entry.points, entry.written_off, entry.available_after) == (-20, 80, 0)
    assert json.loads(entry.detail or "{}")["requested"] == 100


@pytest.mark.parametrize(
    ("limit", "debt"), [({"points": 30}, 30), ({"percent": 50}, 50), ({"points": 30, "percent": 10}, 10)]
)
def test_rule_7_a_limit_is_in_points_or_percent_of_lifetime_points_the_smaller(limit: dict[str, int], debt: int):
    entry = spent(clawback={"mode": "limit", **limit}).post(reverse(1))
    assert (entry.available_after, entry.written_off) == (-debt, 80 - debt)


def test_rule_7_the_policy_does_not_bind_an_adjustment():
    assert spent(clawback={"mode": "clamp"}).post(adjust(-50, allow_negative=True)).available_after == -30


def test_rule_7_the_next_points_earned_pay_the_debt_at_once_pending_or_not():
    till = Till()
    till.post(adjust(-30, allow_negative=True))
    entry = till.post(earn(20, available_at=SOON))
    assert (entry.available_after, entry.pending_after, till.state().lots) == (-10, 0, ())
    entry = till.post(earn(25, available_at=SOON))
    assert (entry.available_after, entry.pending_after) == (0, 15)


def test_rule_7_debt_is_paid_with_the_soonest_expiring_portion_first():
    quick = {"id": "quick", "type": "visit", "points": 4, "expiry": {"mode": "after", "days": 1}}
    till = Till(rules=[RULE, quick])
    till.post(adjust(-6, allow_negative=True))
    till.post(earn(purchase=purchase("10.00")))
    assert till.expiries() == {"never": 8}


def test_rule_7_debt_has_no_date_and_stays_when_points_expire():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(adjust(-30, allow_negative=True))
    till.wait(days=400)
    assert (till.available(), till.kinds()[-1]) == (-20, ("adjust", -30))


def test_rule_7_points_that_come_back_pay_the_debt_too():
    till = Till(clawback={"mode": "allow_debt"}, rules=[RULE])
    till.post(earn(purchase=purchase("50.00"), order_id="A-1"))
    till.post(redeem(50, order_id="A-1"))
    till.post(adjust(-10, allow_negative=True))
    given, deducted = till.posted(refund("A-1", "50.00"))
    assert (given.available_after, deducted.available_after) == (40, -10)
