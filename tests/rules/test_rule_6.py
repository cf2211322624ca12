"""Rule 6, taking back."""

import pytest

from ledger_service.ledger.refusals import AlreadyReversed, ExceedsRemaining, NothingToReverse, OrderNotFound
from tests.builders import DAY, NOON, adjust, earn, line, movement, purchase, redeem, refund, returned, reverse
from tests.rules.till import Till

SOON, LATER = NOON + DAY, NOON + 2 * DAY
RULE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}
BONUS = {"id": "bonus", "type": "fixed", "points": 50, "when": {"min_amount": "100.00"}}


def sold(amount: str = "100.00", redeemed: int = 0, **settings: object) -> Till:
    """An order, with points that were redeemed on it."""
    till = Till(**({"rules": [RULE]} | settings))
    till.post(earn(purchase=purchase(amount), order_id="A-1"))
    if redeemed:
        till.post(redeem(redeemed, order_id="A-1"))
    return till


def refunded(till: Till, amount: str) -> list[tuple[str, int]]:
    return [(entry.kind, entry.points) for entry in till.posted(refund("A-1", amount))]


def test_rule_6_a_part_of_a_redeem_goes_back_to_the_lots_it_came_from_newest_consumption_first():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(earn(10, expires_at=LATER))
    till.post(redeem(15))
    assert till.post(reverse(3, 7)).movements == (movement(5, LATER), movement(2, SOON))
    assert till.post(reverse(3)).movements == (movement(8, SOON),)


def test_rule_6_never_more_than_the_entry_still_has():
    till = Till()
    till.post(earn(10))
    till.post(reverse(1, 7))
    assert till.refuse(reverse(1, 4)) == ExceedsRemaining(3)
    till.post(reverse(1))
    assert till.refuse(reverse(1)) == AlreadyReversed(1)


def test_rule_6_only_an_earn_or_a_redeem_can_be_reversed():
    till = Till()
    till.post(adjust(10))
    assert till.refuse(reverse(1)) == NothingToReverse("adjust")


def test_rule_6_what_has_expired_meanwhile_is_restored_and_expired_in_the_same_breath():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(redeem(10))
    till.wait(days=2)
    till.post(reverse(2))
    assert till.kinds()[-2:] == [("reverse_redeem", 10), ("expire", -10)]


def test_rule_6_with_grace_restored_points_live_so_many_days_more():
    till = Till(restore_expired={"mode": "grace", "days": 10})
    till.post(earn(10, expires_at=SOON))
    till.post(redeem(10))
    till.wait(days=2)
    till.post(reverse(2))
    assert till.expiries() == {"2026-12-16T00:00:00": 10}


def test_rule_6_grace_is_for_what_has_expired_only():
    till = Till(restore_expired={"mode": "grace", "days": 10})
    till.post(earn(10, expires_at=SOON))
    till.post(redeem(10))
    till.post(reverse(2))
    assert till.expiries() == {"2026-12-04T12:00:00": 10}


def test_rule_6_an_earn_is_taken_from_its_own_lot_then_soonest_expiry_then_pending_then_debt():
    till = Till(clawback={"mode": "allow_debt"})
    till.post(earn(10, expires_at=LATER))
    till.post(earn(5))
    till.post(earn(5, available_at=SOON))
    till.post(redeem(4))
    assert till.post(reverse(1, 4)).movements == (movement(-4, LATER),)
    assert till.post(reverse(1)).movements == (movement(-2, LATER), movement(-4))
    till.post(redeem(1))
    taken = till.post(reverse(2))
    assert taken.movements == (movement(-5, available_at=SOON),)
    assert (till.balance(), till.state().debt) == (0, 0)
    till.post(reverse(3))
    assert (till.balance(), till.state().debt) == (-5, 5)


def test_rule_6_a_refund_deducts_what_the_rest_would_not_have_earned():
    till = sold()
    assert refunded(till, "30.00") == [("reverse_earn", -30)]
    assert refunded(till, "0.50") == [("reverse_earn", -1)]
    assert refunded(till, "0.50") == [("reverse_earn", 0)]


def test_rule_6_what_a_threshold_gave_is_deducted_when_the_rest_does_not_reach_it():
    till = sold(rules=[RULE, BONUS])
    assert till.balance() == 150
    assert refunded(till, "0.01") == [("reverse_earn", -51)]


def test_rule_6_any_split_and_order_of_refunds_ends_in_the_same_place():
    ends = set()
    for split in (["100.00"], ["33.33", "33.33", "33.34"], ["0.01", "99.99"], ["99.99", "0.01"]):
        till = sold(redeemed=33, clawback={"mode": "allow_debt"})
        for amount in split:
            refunded(till, amount)
        ends.add(till.balance())
    assert ends == {0}


def test_rule_6_a_refund_goes_by_the_rules_of_the_day_of_the_purchase():
    till = sold()
    till.configure(rules=[RULE | {"points": 10}])
    assert refunded(till, "10.00") == [("reverse_earn", -10)]
    till.configure()
    assert refunded(till, "10.00") == [("reverse_earn", -10)]


def test_rule_6_a_refund_goes_by_the_tier_of_then():
    levels = [{"id": "bronze", "at": 0}, {"id": "gold", "at": 100, "multiplier": "2"}]
    till = sold(tiers={"levels": levels})
    assert (till.balance(), till.tier()) == (100, "gold")
    assert refunded(till, "10.00") == [("reverse_earn", -10)]


def test_rule_6_no_refund_deducts_more_than_was_earned_or_credits_points():
    till = sold(rules=[BONUS | {"when": {}}])
    assert refunded(till, "60.00") == [("reverse_earn", 0)]
    assert refunded(till, "40.00") == [("reverse_earn", -50)]
    assert till.refuse(refund("A-1", "0.02")).code == "exceeds_remaining"


def test_rule_6_points_given_back_come_first_then_the_deduction():
    till = sold(redeemed=100)
    assert refunded(till, "50.00") == [("reverse_redeem", 50), ("reverse_earn", -50)]
    assert (till.balance(), till.state().debt) == (0, 0)


def test_rule_6_what_a_policy_wrote_off_counts_as_deducted_and_is_not_asked_for_again():
    till = sold(clawback={"mode": "clamp"})
    till.post(redeem(90))
    first = till.post(refund("A-1", "40.00"))
    assert (first.points, first.written_off) == (-10, 30)
    till.post(earn(50))
    assert refunded(till, "10.00") == [("reverse_earn", -10)]


def test_rule_6_points_redeemed_on_the_order_return_in_proportion_cumulative_and_floored():
    till = sold("9.00", redeemed=5)
    assert refunded(till, "3.00") == [("reverse_redeem", 1), ("reverse_earn", -3)]
    assert refunded(till, "3.00") == [("reverse_redeem", 2), ("reverse_earn", -3)]


def test_rule_6_the_last_refund_returns_the_rest():
    till = sold("9.00", redeemed=5)
    refunded(till, "8.00")
    assert refunded(till, "1.00") == [("reverse_redeem", 1), ("reverse_earn", -1)]
    assert till.balance() == 0


def test_rule_6_a_repeated_refund_message_is_a_replay():
    till = sold()
    command = refund("A-1", "30.00")
    till.posted(command)
    assert till.replays(command)
    assert till.balance() == 70


def test_rule_6_lines_are_returned_by_quantity_or_by_amount():
    till = Till(rules=[{"id": "coffee", "type": "item", "points": 3, "sku": "coffee"}])
    bought = purchase(None, line("coffee", "10.00", quantity="4"), line("cake", "5.00"))
    till.post(earn(purchase=bought, order_id="A-1"))
    assert till.post(refund("A-1", None, returned("coffee", quantity="1"))).points == -3
    assert till.post(refund("A-1", None, returned("coffee", amount="5.00"))).points == -6
    assert till.refuse(refund("A-1", None, returned("coffee", quantity="2"))) == ExceedsRemaining("1")
    assert till.refuse(refund("A-1", None, returned("tea", quantity="1"))).code == "validation_failed"


@pytest.mark.parametrize("order_id", ["A-2"])
def test_rule_6_an_order_that_is_not_in_the_books_cannot_be_refunded(order_id: str):
    assert sold().refuse(refund(order_id, "1.00")) == OrderNotFound(order_id)


def test_rule_6_explicit_points_and_mere_redeems_have_no_purchase_to_refund():
    till = Till()
    till.post(earn(10, order_id="A-1"))
    till.post(redeem(1, order_id="A-2"))
    assert till.refuse(refund("A-1", "1.00")) == NothingToReverse("earn")
    assert till.refuse(refund("A-2", "1.00")) == NothingToReverse("redeem")
