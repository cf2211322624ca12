"""Rule 11, the settings document: its defaults, its limits, and that a change is never applied to the past."""

from ledger_service.ledger.commands import Command
from ledger_service.ledger.refusals import AccountNotFound, LimitExceeded
from tests.builders import DAY, NOON, adjust, earn, place_hold, purchase, redeem, reverse, transfer
from tests.rules.till import Till


def test_rule_11_a_new_program_works_with_no_settings_at_all():
    till = Till()
    entry = till.post(earn(10))
    assert (entry.available_after, entry.expires_at, entry.available_at) == (10, None, None)
    till.post(redeem(10))
    assert till.post(reverse(1)).written_off == 10


def test_rule_11_auto_open_lets_an_earn_open_an_unknown_account():
    assert Till().refuse(earn(10, account_id="new")) == AccountNotFound("new")
    till = Till(auto_open=True)
    assert till.post(earn(10, account_id="new")).balance_after == 10
    assert till.refuse(redeem(1, account_id="unknown")) == AccountNotFound("unknown")


def test_rule_11_no_entry_is_larger_than_the_limit():
    till = Till(limits={"max_points_per_entry": 50}, rules=[{"id": "visit", "type": "visit", "points": 51}])
    till.post(earn(50))
    till.post(earn(50))
    too_large: tuple[Command, ...] = (earn(51), earn(purchase=purchase()), redeem(51), adjust(51), place_hold(51))
    for command in (*too_large, transfer(51)):
        assert till.refuse(command) == LimitExceeded(limit=50, allowed=50)


def test_rule_11_no_more_is_redeemed_or_held_on_one_local_day_than_the_limit():
    till = Till(limits={"max_redeem_per_day": 50}, time_zone="Europe/Berlin")
    till.post(earn(200))
    till.post(redeem(20))
    till.post(place_hold(20))
    assert till.refuse(redeem(11)) == LimitExceeded(limit=50, allowed=10)
    till.post(reverse(2))
    assert till.refuse(place_hold(11, "h-2")) == LimitExceeded(limit=50, allowed=10)
    till.wait(hours=11, microseconds=-1)
    assert till.refuse(redeem(11)).code == "limit_exceeded"
    till.wait(microseconds=1)
    assert till.post(redeem(50)).points == -50


def test_rule_11_what_lies_too_far_back_or_ahead_is_refused():
    till = Till(limits={"max_backdate_days": 10})
    assert till.post(earn(1, occurred_at=NOON - 10 * DAY)).occurred_at == NOON - 10 * DAY
    assert till.refuse(earn(1, occurred_at=NOON - 11 * DAY)).code == "validation_failed"
    assert till.refuse(earn(1, occurred_at=NOON + DAY)).code == "validation_failed"


def test_rule_11_a_change_is_never_applied_to_the_past():
    till = Till(expiry={"mode": "after", "days": 5})
    till.post(earn(10))
    till.configure(expiry={"mode": "never"})
    till.post(earn(1))
    assert till.expiries() == {"2026-12-09T00:00:00": 10, "never": 1}
    assert [entry.rule_version for entry in till.books.entries["m-1"]] == [1, 2]
