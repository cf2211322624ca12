"""Rule 10, tiers, as the books apply them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger_service.ledger.outcomes import Answered
from tests.builders import DAY, INSTANT, NOON, cancel, earn, purchase, redeem, refund, reverse, set_tier
from tests.rules.till import Till

BASE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}
SILVER = {"id": "silver", "at": 100, "multiplier": "2", "expiry": {"mode": "after", "months": 6}}
LEVELS = [{"id": "bronze", "at": 0}, SILVER, {"id": "gold", "at": 300}]


def tiered(levels: Any = LEVELS, **tiers: Any) -> Till:
    return Till(rules=[BASE], expiry={"mode": "after", "months": 1}, tiers={"levels": levels, **tiers})


def test_rule_10_a_threshold_reached_is_reached_and_upgrades_at_once_in_the_same_posting():
    till = tiered()
    till.post(earn(99))
    assert till.tier() is None
    entry = till.post(earn(1))
    assert (till.tier(), json.loads(entry.detail or "{}")["tier"][0]) == ("silver", "silver")


def test_rule_10_multiplier_and_expiry_of_the_new_level_count_from_the_next_earn():
    till = tiered()
    assert till.post(earn(purchase=purchase("100.00"))).points == 100
    assert till.expiries() == {"2027-01-04T00:00:00": 100}
    assert till.post(earn(purchase=purchase("10.00"))).points == 20
    assert till.expiries()["2027-06-04T00:00:00"] == 20


def test_rule_10_redeeming_and_expiry_never_reduce_the_measure_and_taking_back_does():
    year = {"window": {"mode": "calendar_year"}, "retention": {"mode": "end_of_period"}}
    till = tiered(**year)
    till.post(earn(100, expires_at=NOON + DAY))
    till.post(redeem(50))
    till.wait(days=2)
    assert (till.balance(), till.tier()) == (0, "silver")
    assert till.post(earn(200)).available_after == 200
    assert till.tier() == "gold"
    again = tiered(**year)
    again.post(earn(100))
    again.post(reverse(1, 1))
    again.post(earn(200))
    assert again.tier() == "silver"


@pytest.mark.parametrize(("measure", "at"), [("spend", "25.50"), ("visits", 3), ("points_earned", 24)])
def test_rule_10_points_spend_or_visits_qualify(measure: str, at: Any):
    till = tiered([{"id": "gold", "at": at}], measure=measure)
    for _ in range(2):
        till.post(earn(purchase=purchase("8.50")))
    assert till.tier() is None
    till.post(earn(purchase=purchase("8.50")))
    assert till.tier() == "gold"


def test_rule_10_a_returned_purchase_lowers_spend_and_visits():
    till = tiered([{"id": "gold", "at": 3}], measure="visits")
    till.post(earn(purchase=purchase("8.50"), order_id="A-1"))
    till.post(earn(purchase=purchase("8.50"), order_id="A-2"))
    till.post(refund("A-1", "4.00"))
    assert (till.state().standing.spend, till.state().standing.visits) == (13, 2)
    till.post(refund("A-1", "4.50"))
    till.post(cancel("A-2"))
    assert (till.state().standing.spend, till.state().standing.visits) == (0, 0)


def until(**tiers: Any) -> str:
    till = tiered(**tiers)
    till.post(earn(100))
    tier = till.state().standing.tier
    assert tier is not None
    return "never" if tier.valid_until is None else f"{tier.valid_until:%Y-%m-%d}"


def test_rule_10_a_level_is_kept_until_the_end_of_the_current_or_the_next_period_or_fixed_days():
    year, rolling = {"mode": "calendar_year"}, {"mode": "rolling", "months": 6}
    assert until(window=year, retention={"mode": "end_of_period"}) == "2027-01-01"
    assert until(window=year, retention={"mode": "end_of_next_period"}) == "2028-01-01"
    assert until(window=year, retention={"mode": "days", "days": 3}) == "2026-12-07"
    assert until(window=rolling, retention={"mode": "end_of_period"}) == "2027-06-04"
    assert until(window=rolling, retention={"mode": "end_of_next_period"}) == "2027-12-04"
    assert until(window={"mode": "membership_year"}, retention={"mode": "end_of_period"}) == "2027-12-03"
    assert until(window={"mode": "lifetime"}) == "never"


def fallen(**tiers: Any) -> Till:
    """Gold was reached in 2026, which keeps it through 2027; now it is 2 January 2028, and nothing more was earned."""
    till = tiered(window={"mode": "calendar_year"}, **tiers)
    till.post(earn(300))
    assert till.tier() == "gold"
    till.wait_until(datetime(2028, 1, 1, tzinfo=UTC) - INSTANT)
    assert till.tier() == "gold"
    till.wait(days=1)
    return till


@pytest.mark.parametrize(("downgrade", "level"), [("to_eligible", "bronze"), ("one_step", "silver"), ("never", "gold")])
def test_rule_10_at_the_end_of_its_period_a_level_falls_as_the_policy_says(downgrade: str, level: str):
    till = tiered(
        [{"id": "bronze", "at": 1}, *LEVELS[1:]], window={"mode": "rolling", "months": 1}, downgrade=downgrade
    )
    till.post(earn(300))
    till.wait(days=20)
    till.post(earn(1))
    till.wait(days=12)
    assert till.tier() == level


def test_rule_10_a_level_that_is_still_earned_is_kept():
    till = tiered(window={"mode": "rolling", "months": 1})
    till.post(earn(300))
    till.wait(days=20)
    till.post(earn(300))
    till.wait(days=12)
    assert till.tier() == "gold"


def test_rule_10_a_level_falls_after_its_days_of_grace():
    till = fallen(grace_days=10)
    assert till.tier() == "gold"
    till.wait_until(datetime(2028, 1, 11, tzinfo=UTC) - INSTANT)
    assert till.tier() == "gold"
    till.wait(microseconds=1)
    assert till.tier() == "bronze"


def test_rule_10_requalifying_clears_the_grace_clock():
    till = fallen(grace_days=10)
    till.post(earn(300))
    till.wait(days=20)
    assert till.tier() == "gold"


def test_rule_10_a_change_at_upkeep_is_an_entry_at_its_instant():
    till = fallen()
    till.state()
    changed = [entry for entry in till.books.entries["m-1"] if entry.kind == "tier"]
    assert [(entry.points, entry.source, f"{entry.occurred_at:%Y-%m-%dT%H}") for entry in changed] == [
        (0, "ledger", "2027-01-01T00"),
        (0, "ledger", "2028-01-01T00"),
    ]


def test_rule_10_a_manual_tier_is_a_floor_not_a_ceiling():
    till = tiered()
    till.ask(set_tier("silver", until=NOON + 10 * DAY))
    assert till.post(earn(purchase=purchase("10.00"))).points == 20
    till.post(earn(280))
    assert till.tier() == "gold"
    again = tiered()
    again.ask(set_tier("silver", until=NOON + 10 * DAY))
    again.wait(days=10)
    assert again.post(earn(purchase=purchase("10.00"))).points == 10


def test_rule_10_a_manual_tier_can_be_ended_and_must_be_one_of_the_program():
    till = tiered()
    till.ask(set_tier("silver"))
    till.ask(set_tier(None))
    assert till.post(earn(purchase=purchase("10.00"))).points == 10
    assert till.refuse(set_tier("platinum")).code == "validation_failed"


def test_rule_10_a_tier_may_change_the_pending_policy():
    levels = [{"id": "gold", "at": 0, "available": {"mode": "immediately"}}]
    till = Till(available={"mode": "after", "days": 14}, tiers={"levels": levels})
    assert till.post(earn(10)).available_after == 10


def test_rule_10_the_answer_tells_progress():
    till = tiered(window={"mode": "calendar_year"}, retention={"mode": "end_of_period"})
    till.post(earn(120))
    said = till.ask(set_tier(None))
    assert isinstance(said, Answered)
    assert json.loads(said.detail)["tier"] == {
        "id": "silver",
        "since": "2026-12-03T12:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "measure": 120,
        "next": {"id": "gold", "at": 300, "missing": 180},
    }
