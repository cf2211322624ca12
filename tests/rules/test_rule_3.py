"""Rule 3, expiry policies, as the books apply them."""

from datetime import UTC, datetime

import pytest

from tests.builders import DAY, NOON, adjust, earn, place_hold, purchase, redeem
from tests.rules.till import Till

RULE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}


def after(policy: dict[str, object], now: datetime = NOON, zone: str = "UTC") -> dict[str, int]:
    till = Till(now, expiry=policy, time_zone=zone)
    till.post(earn(10))
    return till.expiries()


def test_rule_3_without_a_policy_points_never_expire():
    assert after({"mode": "never"}) == after({}) == {"never": 10}


@pytest.mark.parametrize(
    ("length", "gone"),
    [({"days": 2}, "2026-12-06"), ({"months": 1}, "2027-01-04"), ({"years": 1}, "2027-12-04")],
)
def test_rule_3_points_live_through_the_resulting_day(length: dict[str, int], gone: str):
    assert after({"mode": "after", **length}) == {f"{gone}T00:00:00": 10}


@pytest.mark.parametrize(
    ("period", "gone"),
    [("month", "2027-02-01"), ("quarter", "2027-04-01"), ("half_year", "2027-07-01"), ("year", "2028-01-01")],
)
def test_rule_3_an_expiry_can_be_rounded_up_to_the_end_of_a_period(period: str, gone: str):
    assert after({"mode": "after", "months": 1, "round_up_to": period}) == {f"{gone}T00:00:00": 10}


def test_rule_3_hours_are_exact():
    assert after({"mode": "after", "hours": 30}) == {"2026-12-04T18:00:00": 10}


def test_rule_3_fixed_dates_come_round_every_year_and_the_next_one_counts():
    assert after({"mode": "fixed", "dates": ["06-30", "12-31"]}) == {"2027-01-01T00:00:00": 10}


def test_rule_3_after_the_last_full_date_points_never_expire():
    assert after({"mode": "fixed", "dates": ["2026-12-03"]}) == {"2026-12-04T00:00:00": 10}
    assert after({"mode": "fixed", "dates": ["2026-12-02"]}) == {"never": 10}


def test_rule_3_days_are_those_of_the_programs_time_zone():
    assert after({"mode": "after", "days": 1}, zone="Europe/Berlin") == {"2026-12-04T23:00:00": 10}


def test_rule_3_31_january_plus_one_month_is_28_february():
    assert after({"mode": "after", "months": 1}, datetime(2027, 1, 31, 12, tzinfo=UTC)) == {"2027-03-01T00:00:00": 10}
    assert after({"mode": "after", "months": 1}, datetime(2028, 1, 31, 12, tzinfo=UTC)) == {"2028-03-01T00:00:00": 10}


def test_rule_3_a_day_is_a_day_also_when_the_clocks_change():
    before_summer = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert after({"mode": "after", "days": 1}, before_summer, "Europe/Berlin") == {"2027-03-28T22:00:00": 10}


def test_rule_3_each_earn_and_redeem_moves_the_expiry_of_all_open_lots():
    till = Till(expiry={"mode": "inactivity", "months": 1})
    till.post(earn(10))
    assert till.expiries() == {"2027-01-04T00:00:00": 10}
    till.wait(days=10)
    till.post(redeem(4))
    assert till.expiries() == {"2027-01-14T00:00:00": 6}
    till.wait(days=10)
    till.post(earn(1))
    assert till.expiries() == {"2027-01-24T00:00:00": 7}


def test_rule_3_what_counts_as_activity_is_configurable_and_a_hold_is_none():
    till = Till(expiry={"mode": "inactivity", "months": 1, "activities": ["redeem"]})
    till.post(earn(10))
    till.wait(days=10)
    till.post(earn(1))
    till.post(place_hold(1))
    assert till.expiries() == {"2027-01-04T00:00:00": 9, "2027-01-14T00:00:00": 1}
    till.post(redeem(1))
    assert till.expiries() == {"2027-01-14T00:00:00": 9}


def test_rule_3_inactivity_never_shortens_a_life_and_leaves_what_never_expires():
    till = Till(expiry={"mode": "inactivity", "months": 1})
    till.post(adjust(5))
    till.post(earn(10, expires_at=NOON + 100 * DAY))
    till.configure(expiry={"mode": "inactivity", "months": 1})
    till.post(redeem(1))
    assert till.expiries() == {"2027-01-04T00:00:00": 4, "2027-03-13T12:00:00": 10}


def test_rule_3_an_earning_rule_has_its_own_expiry_and_the_call_has_the_last_word():
    quick = {"id": "quick", "type": "visit", "points": 4, "expiry": {"mode": "after", "days": 1}}
    till = Till(expiry={"mode": "after", "months": 1}, rules=[RULE, quick])
    till.post(earn(purchase=purchase("10.00")))
    assert till.expiries() == {"2026-12-05T00:00:00": 4, "2027-01-04T00:00:00": 10}
    till.post(earn(purchase=purchase("10.00"), expires_at=NOON + DAY))
    assert till.expiries()["2026-12-04T12:00:00"] == 14


@pytest.mark.parametrize(("months", "gone"), [(3, "2027-03-04"), (1, "2027-02-04")])
def test_rule_3_a_longer_expiry_of_the_tier_wins_over_the_general_one(months: int, gone: str):
    levels = [{"id": "bronze", "at": 0, "expiry": {"mode": "after", "months": months}}]
    till = Till(expiry={"mode": "after", "months": 2}, tiers={"levels": levels})
    till.post(earn(10))
    assert till.expiries() == {f"{gone}T00:00:00": 10}
