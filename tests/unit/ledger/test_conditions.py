from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ledger_service.ledger.baskets import Item
from ledger_service.ledger.conditions import Occasion, chosen, obstacle
from ledger_service.ledger.rules import When
from tests.builders import NOON

BERLIN = ZoneInfo("Europe/Berlin")


def occasion(**others: Any) -> Occasion:
    """At noon, for 10 euros, of an account without level that bought before."""
    chosen = {
        "amount": Fraction(10),
        "currency": "EUR",
        "channel": None,
        "level_id": None,
        "is_first_purchase": False,
        "local": NOON,
    }
    return Occasion(**(chosen | others))


def in_berlin(*parts: int) -> Occasion:
    """At this moment of UTC, on the clocks of Berlin."""
    return occasion(local=datetime(*parts, tzinfo=UTC).astimezone(BERLIN))


def holds(when: dict[str, Any], on: Occasion) -> bool:
    return obstacle(When.of(when), on) is None


def test_rule_9_without_conditions_every_purchase_counts():
    assert holds({}, occasion())


def test_rule_9_the_minimum_itself_is_enough():
    assert holds({"min_amount": "10.00"}, occasion())
    assert not holds({"min_amount": "10.01"}, occasion())
    assert not holds({"min_amount": "10.00"}, occasion(amount=Fraction(9999, 1000)))


def test_rule_9_a_rule_for_tiers_needs_one_of_them():
    assert holds({"tiers": ["silver", "gold"]}, occasion(level_id="gold"))
    assert not holds({"tiers": ["silver", "gold"]}, occasion(level_id="bronze"))
    assert not holds({"tiers": ["silver"]}, occasion())


def test_rule_9_a_rule_for_channels_needs_one_of_them():
    assert holds({"channels": ["pos", "app"]}, occasion(channel="pos"))
    assert not holds({"channels": ["pos"]}, occasion(channel="web"))
    assert not holds({"channels": ["pos"]}, occasion())


def test_rule_9_a_rule_may_be_for_the_first_purchase_only_or_for_all_others():
    assert holds({"first_purchase": True}, occasion(is_first_purchase=True))
    assert not holds({"first_purchase": True}, occasion())
    assert holds({"first_purchase": False}, occasion())
    assert not holds({"first_purchase": False}, occasion(is_first_purchase=True))


def test_rule_9_the_weekday_is_that_of_the_program():
    """A Friday, 23:30 in London, which is a Saturday in Berlin."""
    assert holds({"weekdays": ["sat"]}, in_berlin(2026, 12, 4, 23, 30))
    assert not holds({"weekdays": ["fri", "sun"]}, in_berlin(2026, 12, 4, 23, 30))


@pytest.mark.parametrize(
    ("hour", "minute", "counts"), [(6, 59, False), (7, 0, True), (10, 59, True), (11, 0, False), (23, 0, False)]
)
def test_rule_9_the_time_is_that_of_the_program_up_to_but_not_including_the_second(
    hour: int, minute: int, counts: bool
):
    assert holds({"between": ["08:00", "12:00"]}, in_berlin(2026, 12, 4, hour, minute)) == counts


@pytest.mark.parametrize(("hour", "counts"), [(20, False), (21, True), (23, True), (0, True), (1, False), (12, False)])
def test_rule_9_a_time_may_reach_across_midnight(hour: int, counts: bool):
    assert holds({"between": ["22:00", "02:00"]}, in_berlin(2026, 12, 4, hour)) == counts


def test_rule_9_the_time_follows_the_clocks_of_summer():
    assert holds({"between": ["08:00", "12:00"]}, in_berlin(2026, 7, 4, 6))
    assert not holds({"between": ["08:00", "12:00"]}, in_berlin(2026, 7, 4, 10))


@pytest.mark.parametrize(
    ("moment", "counts"),
    [
        ((2026, 11, 30, 22, 59), False),
        ((2026, 11, 30, 23, 0), True),
        ((2026, 12, 31, 22, 59), True),
        ((2026, 12, 31, 23, 0), False),
    ],
)
def test_rule_9_dates_are_local_days_from_the_first_up_to_but_not_including_the_second(
    moment: tuple[int, ...], counts: bool
):
    assert holds({"from": "2026-12-01", "until": "2027-01-01"}, in_berlin(*moment)) == counts


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"min_amount": "20.00"}, "It counts from 20.00 EUR on; this is 10.00."),
        ({"tiers": ["silver", "gold"]}, "It is for these tiers: silver, gold."),
        ({"channels": ["pos"]}, "It is for these channels: pos."),
        ({"first_purchase": True}, "It is for the first purchase only."),
        ({"from": "2027-01-01"}, "It begins on 2027-01-01."),
        ({"until": "2026-12-03"}, "It ended before 2026-12-03."),
        ({"weekdays": ["fri"]}, "It is for these days of the week: fri."),
        ({"between": ["08:00", "11:30"]}, "It is for purchases from 08:00 to 11:30."),
    ],
)
def test_rule_9_the_reason_says_what_is_missing(when: dict[str, Any], reason: str):
    assert obstacle(When.of(when), occasion()) == reason


def test_rule_9_the_reason_says_that_it_is_too_early():
    assert obstacle(When.of({"first_purchase": False}), occasion(is_first_purchase=True)) == (
        "It is for purchases after the first."
    )


ITEMS = (
    Item("coffee", None, 1, 1, 1),
    Item("milk", "MILK", 1, 1, 1),
    Item("cheese", "MILK", 1, 1, 1),
    Item(None, None, 1, 1, 1),
)


@pytest.mark.parametrize(
    ("when", "places"),
    [
        ({}, (0, 1, 2, 3)),
        ({"skus": {"include": ["coffee", "milk"]}}, (0, 1)),
        ({"skus": {"exclude": ["coffee"]}}, (1, 2, 3)),
        ({"skus": {"include": ["coffee", "milk"], "exclude": ["milk"]}}, (0,)),
        ({"categories": {"include": ["MILK"]}}, (1, 2)),
        ({"categories": {"exclude": ["MILK"]}}, (0, 3)),
        ({"categories": {"include": ["MILK"]}, "skus": {"exclude": ["cheese"]}}, (1,)),
    ],
)
def test_rule_9_lines_are_chosen_by_sku_and_category(when: dict[str, Any], places: tuple[int, ...]):
    """What has no sku or category is never among those that are included, and always beside those that are excluded."""
    assert chosen(When.of(when), ITEMS) == places
