"""Rule 2, lots."""

from tests.builders import DAY, INSTANT, NOON, earn, movement, place_hold, redeem, release, reverse
from tests.rules.till import Till

SOON, LATER = NOON + DAY, NOON + 2 * DAY


def test_rule_2_points_with_the_same_dates_are_one_lot():
    till = Till()
    for _ in range(3):
        till.post(earn(10, expires_at=SOON))
    till.post(earn(5))
    assert [lot.remaining for lot in till.state().lots] == [30, 5]


def test_rule_2_points_are_consumed_soonest_expiry_first_and_never_expiring_last():
    till = Till()
    till.post(earn(10))
    till.post(earn(10, expires_at=LATER))
    till.post(earn(10, expires_at=SOON))
    assert till.post(redeem(25)).movements == (movement(-10, SOON), movement(-10, LATER), movement(-5))


def test_rule_2_within_equal_expiry_the_earliest_available_is_consumed_first():
    till = Till()
    till.post(earn(10, expires_at=LATER, available_at=NOON + 2 * INSTANT))
    till.post(earn(10, expires_at=LATER, available_at=NOON + INSTANT))
    till.wait(hours=1)
    assert till.post(redeem(15)).movements == (
        movement(-10, LATER, NOON + INSTANT),
        movement(-5, LATER, NOON + 2 * INSTANT),
    )


def test_rule_2_at_the_very_instant_of_their_expiry_points_are_gone_swept_or_not():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.wait_until(SOON - INSTANT)
    assert till.post(redeem(1)).available_after == 9
    till.wait_until(SOON)
    assert till.refuse(redeem(1)).fields()["available"] == 0


def test_rule_2_an_expiry_is_an_entry_of_exactly_the_rest_at_the_instant_of_the_lot():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(redeem(4))
    till.wait(days=9)
    till.state()
    expired = till.books.entries["m-1"][-1]
    assert (expired.kind, expired.points, expired.occurred_at, expired.key) == ("expire", -6, SOON, None)


def test_rule_2_an_expiry_is_written_once_and_nothing_for_an_empty_lot():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(earn(10, expires_at=LATER))
    till.post(redeem(10))
    till.wait(days=9)
    till.state()
    till.state()
    assert till.kinds() == [("earn", 10), ("earn", 10), ("redeem", -10), ("expire", -10)]


def test_rule_2_what_comes_back_after_its_expiry_expires_at_the_moment_it_came():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(redeem(10))
    till.wait(days=3)
    till.post(reverse(2))
    expired = till.books.entries["m-1"][-1]
    assert (expired.kind, expired.points, expired.occurred_at) == ("expire", -10, till.now)


def test_rule_2_what_a_release_brings_back_after_its_expiry_expires_at_the_moment_it_came():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(place_hold(10, expires_in_seconds=604_800))
    till.wait(days=3)
    till.post(release())
    expired = till.books.entries["m-1"][-1]
    assert (expired.kind, expired.points, expired.occurred_at) == ("expire", -10, till.now)


def test_rule_2_a_debit_belongs_to_the_lots_it_consumed():
    """Lifetime debits subtracted from unexpired credits would say 0: the 10 redeemed were those that expire first."""
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(earn(10, expires_at=LATER))
    till.post(redeem(10))
    till.wait_until(SOON)
    assert till.available() == 10
