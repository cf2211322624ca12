from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from ledger_service.ledger.levels import Level, Retention, Window
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.standing import NEWCOMER, Floor, QualifyingDay, Standing, Tier
from ledger_service.ledger.tiers import counted, effective_level, lapsed, measure, merged, progress, reached, with_floor
from tests.builders import DAY, INSTANT
from tests.unit.ledger.laddered import (
    BERLIN,
    CALENDAR,
    FREE_LEVELS,
    LEVELS,
    LIFETIME,
    MEMBERSHIP,
    NOW,
    OPENED_AT,
    ROLLING,
    TODAY,
    YEAR_END,
    after_lapse,
    at_level,
    berlin,
    member,
    program,
)


def test_rule_10_the_measure_is_points_earned_spend_or_visits():
    account = member(QualifyingDay(TODAY, 40, Decimal("12.34"), 2), QualifyingDay(TODAY - DAY, 2, Decimal("0.66"), 1))
    assert measure(program(measure="points_earned"), account, TODAY) == 42
    assert measure(program(measure="spend"), account, TODAY) == Decimal("13.00")
    assert measure(program(measure="visits"), account, TODAY) == 3


@pytest.mark.parametrize(
    ("window", "expected"), [(CALENDAR, 8), (ROLLING, 12), (MEMBERSHIP, 8 + 16), (Window("rolling", months=1), 8)]
)
def test_rule_10_the_measure_is_taken_in_a_window(window: Window, expected: int):
    account = member(
        (date(2024, 7, 1), 1),
        (date(2025, 12, 3), 2),
        (date(2025, 12, 4), 4),
        (date(2026, 12, 3), 8),
        (date(2027, 5, 9), 16),
        (date(2027, 5, 10), 32),
    )
    assert measure(program(window=window), account, TODAY) == expected


def test_rule_10_a_lifetime_is_measured_by_the_accounts_counters():
    account = member(lifetime_points=700, standing=Standing(spend=Decimal("99.90"), visits=7))
    assert measure(program(window=LIFETIME, measure="points_earned"), account, TODAY) == 700
    assert measure(program(window=LIFETIME, measure="spend"), account, TODAY) == Decimal("99.90")
    assert measure(program(window=LIFETIME, measure="visits"), account, TODAY) == 7


def test_rule_10_taking_back_an_earn_lowers_the_measure():
    settings, account = program(), member((TODAY, 120))
    standing, days = counted(settings, account, -30, Decimal("-5.00"), 0, TODAY)
    assert days == (QualifyingDay(TODAY, 90, Decimal("-5.00"), 0),)
    assert standing.spend == Decimal("-5.00")
    assert measure(settings, replace(account, days=days), TODAY) == 90


def test_rule_10_a_threshold_is_reached_at_exactly_its_number():
    assert reached(program(), member((TODAY, 99)), NOW).tier is None
    assert reached(program(), member((TODAY, 100)), NOW).tier == Tier("silver", NOW, YEAR_END)


def test_rule_10_a_spend_threshold_is_in_currency_units():
    day = QualifyingDay(TODAY, 0, Decimal("99.99"), 1)
    settings = program(measure="spend")
    assert reached(settings, member(day), NOW).tier is None
    assert reached(settings, member(replace(day, spend=Decimal("100.00"))), NOW).tier == Tier("silver", NOW, YEAR_END)


def test_rule_10_an_upgrade_passes_over_levels_that_are_reached_at_once():
    assert reached(program(), member((TODAY, 5_000)), NOW).tier == Tier("platinum", NOW, YEAR_END)


def test_rule_10_nothing_is_lost_before_the_period_ends():
    account = at_level("gold", (TODAY, 120))
    assert reached(program(), account, NOW) is account.standing
    assert lapsed(program(), account, NOW) is account.standing


@pytest.mark.parametrize(
    ("window", "retention", "valid_until"),
    [
        (CALENDAR, Retention("end_of_period"), berlin(2027, 1, 1)),
        (CALENDAR, Retention("end_of_next_period"), berlin(2028, 1, 1)),
        (MEMBERSHIP, Retention("end_of_period"), berlin(2027, 5, 10)),
        (MEMBERSHIP, Retention("end_of_next_period"), berlin(2028, 5, 10)),
        (ROLLING, Retention("end_of_period"), berlin(2027, 12, 4)),
        (ROLLING, Retention("end_of_next_period"), berlin(2028, 12, 4)),
        (ROLLING, Retention("days", days=30), berlin(2027, 1, 3)),
        (LIFETIME, Retention("days", days=30), None),
        (LIFETIME, Retention("end_of_period"), None),
    ],
)
def test_rule_10_a_level_is_kept_until_the_end_of_the_current_or_next_period_or_for_fixed_days(
    window: Window, retention: Retention, valid_until: datetime | None
):
    tier = reached(program(window=window, retention=retention), member((TODAY, 100)), NOW).tier
    assert tier == Tier("silver", NOW, valid_until)


def test_rule_10_a_level_for_which_nothing_is_needed_belongs_to_a_newcomer_and_is_never_lost():
    settings = program(FREE_LEVELS)
    assert effective_level(settings, NEWCOMER, NOW) == FREE_LEVELS[0]
    assert reached(settings, member((TODAY, 99)), NOW) is NEWCOMER
    fallen = after_lapse(settings, at_level("gold"))
    assert fallen == Tier("bronze", YEAR_END, None)
    assert effective_level(program(), NEWCOMER, NOW) is None


def test_rule_10_more_taken_back_than_earned_in_the_window_leaves_the_level_for_which_nothing_is_needed():
    account = at_level("gold", (TODAY, -50))
    assert after_lapse(program(FREE_LEVELS), account) == Tier("bronze", YEAR_END, None)


def test_rule_10_a_level_that_was_earned_again_is_renewed_at_the_periods_end():
    account = at_level("silver", (TODAY, 100))
    assert after_lapse(program(), account) == Tier("silver", berlin(2026, 2, 1), berlin(2028, 1, 1))
    next_period = program(retention=Retention("end_of_next_period"))
    assert after_lapse(next_period, account) == Tier("silver", berlin(2026, 2, 1), berlin(2028, 1, 1))


def test_rule_10_a_renewed_level_of_a_rolling_window_counts_from_the_day_before():
    account = at_level("silver", (TODAY, 100))
    assert after_lapse(program(window=ROLLING), account) == Tier("silver", berlin(2026, 2, 1), berlin(2028, 1, 1))
    three_months = program(window=Window("rolling", months=3))
    assert after_lapse(three_months, account) == Tier("silver", berlin(2026, 2, 1), berlin(2027, 4, 1))


def test_rule_10_a_downgrade_goes_to_the_eligible_level():
    assert after_lapse(program(), at_level("platinum", (TODAY, 100))) == Tier("silver", YEAR_END, berlin(2028, 1, 1))
    assert after_lapse(program(), at_level("platinum")) is None


def test_rule_10_a_downgrade_goes_one_step():
    settings = program(downgrade="one_step")
    assert after_lapse(settings, at_level("platinum")) == Tier("gold", YEAR_END, berlin(2028, 1, 1))
    assert after_lapse(settings, at_level("silver")) is None


def test_rule_10_without_downgrade_a_level_is_kept_without_end():
    settings = program(downgrade="never", grace_days=30)
    assert after_lapse(settings, at_level("gold")) == Tier("gold", berlin(2026, 2, 1), None)


def test_rule_10_a_downgrade_waits_for_the_grace_days():
    settings = program(grace_days=30)
    account = at_level("gold", (TODAY, 100))
    in_grace = lapsed(settings, account, YEAR_END)
    assert in_grace.tier == Tier("gold", berlin(2026, 2, 1), YEAR_END, berlin(2027, 1, 31), "silver")
    assert effective_level(settings, in_grace, berlin(2027, 1, 31) - INSTANT) == LEVELS[1]
    account = replace(account, standing=in_grace)
    assert after_lapse(settings, account) == Tier("silver", berlin(2027, 1, 31), berlin(2028, 1, 1))


def test_rule_10_after_grace_the_level_falls_to_what_was_earned_meanwhile_if_that_is_higher():
    settings = program(grace_days=30)
    account = at_level(
        "platinum", (date(2027, 1, 15), 600), grace_until=berlin(2027, 1, 31), fallback="silver", valid_until=YEAR_END
    )
    assert after_lapse(settings, account) == Tier("gold", berlin(2027, 1, 31), berlin(2028, 1, 1))


def test_rule_10_after_grace_below_all_levels_there_is_none():
    settings = program(grace_days=30)
    in_grace = lapsed(settings, at_level("gold"), YEAR_END)
    assert in_grace.tier == Tier("gold", berlin(2026, 2, 1), YEAR_END, berlin(2027, 1, 31), None)
    assert after_lapse(settings, member(standing=in_grace)) is None


def test_rule_10_requalifying_clears_the_grace_clock():
    settings = program(grace_days=30)
    account = at_level("gold", (date(2027, 1, 15), 500), grace_until=berlin(2027, 1, 31), fallback="silver")
    at = berlin(2027, 1, 15, 12)
    assert reached(settings, account, at).tier == Tier("gold", berlin(2026, 2, 1), berlin(2028, 1, 1))
    too_little = replace(account, days=(QualifyingDay(date(2027, 1, 15), 499),))
    assert reached(settings, too_little, at) is too_little.standing


def test_rule_10_a_higher_level_in_grace_ends_it_too():
    account = at_level("silver", (date(2027, 1, 15), 500), grace_until=berlin(2027, 1, 31))
    at = berlin(2027, 1, 15, 12)
    assert reached(program(grace_days=30), account, at).tier == Tier("gold", at, berlin(2028, 1, 1))


def test_rule_10_a_manual_tier_is_a_floor():
    settings, account = program(), member((TODAY, 100))
    standing = with_floor(settings, account, "gold", None, NOW)
    assert standing.floor == Floor("gold", NOW, None)
    assert effective_level(settings, standing, NOW) == LEVELS[1]


def test_rule_10_a_manual_tier_is_not_a_ceiling():
    settings = program()
    account = member((TODAY, 1_000), standing=with_floor(settings, member(), "gold", None, NOW))
    assert effective_level(settings, reached(settings, account, NOW), NOW) == LEVELS[2]


def test_a_floor_counts_until_the_very_instant_of_its_end():
    settings, until = program(), NOW + DAY
    account = member(standing=with_floor(settings, member(), "gold", until, NOW))
    assert effective_level(settings, account.standing, until - INSTANT) == LEVELS[1]
    assert effective_level(settings, account.standing, until) is None
    assert account.standing.due_at == until
    assert lapsed(settings, account, until) == NEWCOMER


def test_a_floor_that_ends_leaves_the_tier_below_it_as_it_is():
    account = at_level("silver", (TODAY, 100))
    floored = replace(account, standing=with_floor(program(), account, "gold", NOW, NOW - DAY))
    assert lapsed(program(), floored, NOW) == account.standing


def test_a_floor_and_a_tier_that_end_together_are_both_looked_at():
    account = at_level("silver")
    floored = replace(account, standing=with_floor(program(), account, "gold", YEAR_END, NOW))
    assert lapsed(program(), floored, YEAR_END) == NEWCOMER


def test_a_floor_given_again_keeps_its_beginning_and_another_level_has_its_own():
    settings = program()
    account = member(standing=with_floor(settings, member(), "gold", NOW + DAY, NOW))
    later = NOW + timedelta(hours=1)
    assert with_floor(settings, account, "gold", NOW + DAY, later) is account.standing
    assert with_floor(settings, account, "gold", None, later).floor == Floor("gold", NOW, None)
    assert with_floor(settings, account, "silver", None, later).floor == Floor("silver", later, None)


def test_a_floor_can_be_taken_away():
    account = at_level("silver", (TODAY, 100))
    floored = replace(account, standing=with_floor(program(), account, "gold", None, NOW))
    assert with_floor(program(), floored, None, None, NOW) == account.standing
    assert with_floor(program(), account, None, None, NOW) is account.standing


@pytest.mark.parametrize("settings", [ProgramSettings(), program()], ids=["no tiers", "no such level"])
def test_a_floor_that_the_program_does_not_have_is_a_bug(settings: ProgramSettings):
    with pytest.raises(ValueError, match="diamond"):
        with_floor(settings, member(), "diamond", None, NOW)


def test_rule_8_of_two_tiers_the_higher_is_kept():
    gold, silver = Tier("gold", NOW, YEAR_END), Tier("silver", NOW - DAY, None)
    short, long = Floor("platinum", NOW, NOW + DAY), Floor("silver", NOW, None)
    one, other = Standing(tier=gold, floor=long), Standing(tier=silver, floor=short)
    assert merged(program(), one, other) == merged(program(), other, one) == (gold, short)
    assert merged(program(), one, NEWCOMER) == merged(program(), NEWCOMER, one) == (gold, long)
    assert merged(program(), NEWCOMER, NEWCOMER) == (None, None)


def test_rule_8_of_two_equal_tiers_the_later_validity_is_kept():
    first, second = Tier("gold", NOW, YEAR_END), Tier("gold", NOW - DAY, YEAR_END + DAY)
    in_grace, endless = Tier("gold", NOW, YEAR_END, YEAR_END + 2 * DAY), Tier("gold", NOW, None)
    ordered = [first, second, in_grace, endless]
    for shorter, longer in pairwise(ordered):
        one, other = Standing(tier=shorter), Standing(tier=longer)
        assert merged(program(), one, other) == merged(program(), other, one) == (longer, None)


def test_rule_10_the_balance_tells_the_progress():
    account = at_level("silver", (TODAY, 320))
    assert progress(program(), account, NOW) == {
        "id": "silver",
        "since": berlin(2026, 2, 1),
        "valid_until": YEAR_END,
        "measure": 320,
        "next": {"id": "gold", "at": 500, "missing": 180},
    }


def test_rule_10_progress_in_money_is_exact_text():
    account = member(QualifyingDay(TODAY, 0, Decimal("99.50"), 1))
    assert progress(program(measure="spend"), account, NOW) == {
        "id": None,
        "since": None,
        "valid_until": None,
        "measure": "99.50",
        "next": {"id": "silver", "at": "100", "missing": "0.50"},
    }
    thousands = program((Level("gold", Decimal("1E+3")),), measure="spend")
    told = progress(thousands, account, NOW)
    assert told is not None
    assert told["next"] == {"id": "gold", "at": "1000", "missing": "900.50"}


def test_rule_10_progress_of_a_newcomer_counts_from_the_opening_of_the_account():
    assert progress(program(FREE_LEVELS), member(), NOW) == {
        "id": "bronze",
        "since": OPENED_AT,
        "valid_until": None,
        "measure": 0,
        "next": {"id": "silver", "at": 100, "missing": 100},
    }


def test_rule_10_progress_on_the_highest_level_has_no_next():
    told = progress(program(), at_level("platinum", (TODAY, 10)), NOW)
    assert told is not None
    assert (told["measure"], told["next"]) == (10, None)


def test_rule_10_progress_in_grace_tells_its_end():
    account = at_level("gold", grace_until=berlin(2027, 1, 31), fallback="silver")
    told = progress(program(), account, berlin(2027, 1, 15))
    assert told is not None
    assert told["valid_until"] == berlin(2027, 1, 31)


def test_rule_10_progress_above_a_floor_is_that_of_the_tier_and_below_it_that_of_the_floor():
    settings, account = program(), at_level("gold", (TODAY, 620))
    below = replace(account, standing=with_floor(settings, account, "silver", None, NOW))
    assert progress(settings, below, NOW) == progress(settings, account, NOW)
    above = replace(account, standing=with_floor(settings, account, "platinum", NOW + DAY, NOW))
    assert progress(settings, above, NOW) == {
        "id": "platinum",
        "since": NOW,
        "valid_until": NOW + DAY,
        "measure": 620,
        "next": None,
    }
    beside = replace(account, standing=with_floor(settings, account, "gold", YEAR_END + DAY, NOW))
    told = progress(settings, beside, NOW)
    assert told is not None
    assert (told["since"], told["valid_until"]) == (berlin(2026, 2, 1), YEAR_END + DAY)


def test_rule_10_what_is_missing_is_never_below_zero():
    told = progress(program(), member((TODAY, 5_000)), NOW)
    assert told is not None
    assert told["next"] == {"id": "silver", "at": 100, "missing": 0}


def test_a_program_without_tiers_has_no_levels():
    settings, account = ProgramSettings(zone=BERLIN), at_level("gold", (TODAY, 900))
    assert effective_level(settings, account.standing, NOW) is None
    assert measure(settings, account, TODAY) == 0
    assert reached(settings, account, NOW) is account.standing
    assert progress(settings, account, NOW) is None
    assert lapsed(settings, account, YEAR_END) == NEWCOMER
    assert counted(settings, account, 10, Decimal(0), 0, TODAY) == (account.standing, account.days)
    assert merged(settings, account.standing, NEWCOMER) == (account.standing.tier, None)


def test_a_level_that_the_ladder_no_longer_has_counts_as_none():
    account = at_level("diamond", (TODAY, 120))
    assert effective_level(program(), account.standing, NOW) is None
    assert effective_level(program(FREE_LEVELS), account.standing, NOW) == FREE_LEVELS[0]
    assert reached(program(), account, NOW).tier == Tier("silver", NOW, YEAR_END)
    assert after_lapse(program(grace_days=30), account) == Tier("silver", YEAR_END, berlin(2028, 1, 1))
    assert after_lapse(program(downgrade="never"), at_level("diamond")) is None
    told = progress(program(FREE_LEVELS), account, NOW)
    assert told is not None
    assert (told["id"], told["since"]) == ("bronze", OPENED_AT)
    floored = replace(NEWCOMER, floor=Floor("diamond", NOW))
    assert effective_level(program(), floored, NOW) is None


def test_what_is_counted_is_kept_by_day_in_order():
    settings, account = program(), member((TODAY, 5))
    for day, place in ((TODAY - DAY, 0), (TODAY + DAY, 1)):
        _, days = counted(settings, account, 7, Decimal("1.50"), 1, day)
        assert [one.day for one in days] == sorted([TODAY, day])
        assert days[place] == QualifyingDay(day, 7, Decimal("1.50"), 1)


def test_what_comes_to_nothing_is_not_counted():
    account = member((TODAY, 5))
    assert counted(program(), account, 0, Decimal(0), 0, TODAY + DAY) == (account.standing, account.days)


def test_money_counted_and_taken_back_leaves_a_plain_zero():
    account = member(standing=Standing(spend=Decimal("12.34"), visits=1))
    standing, _ = counted(program(), account, 0, Decimal("-12.34"), -1, TODAY)
    assert standing == NEWCOMER
    assert str(standing.spend) == "0"
