"""Reckoning: sums over many accounts."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from ledger_service.ledger.entries import Kind
from ledger_service.ledger.lots import NEVER
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.reckoning import (
    COUNTERS,
    LINES,
    Position,
    TrialBalance,
    begin_of,
    counters_of,
    end_of,
    instant_of,
    lines_of,
    month_of,
    position_of,
)
from ledger_service.upkeep.trial_balance import COUNTER_ACCOUNTS
from tests.books.commands import Batch, histories
from tests.books.memory import Books
from tests.books.programs import programs
from tests.builders import DAY, INSTANT, NOON, account_state, lot

BERLIN = ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")
WITHOUT_POINTS = {"hold", "release", "confirm", "tier"}
BETWEEN_ACCOUNTS = {"transfer_out", "transfer_in", "merge_out", "merge_in"}


def test_a_position_counts_what_a_balance_counts():
    account = account_state(lots=[lot(5, NOON + DAY), lot(7, NOON + 60 * DAY, NOON + DAY), lot(9)], held=4, debt=0)
    position = position_of(account, NOON, UTC_ZONE)
    assert (position.available, position.pending, position.held, position.debt, position.total) == (14, 7, 4, 0, 25)
    assert dict(position.by_month) == {"2026-12": 5, "2027-02": 7, None: 9}


def test_a_debt_makes_less_available_and_is_told_beside_it():
    position = position_of(account_state(debt=15), NOON, UTC_ZONE)
    assert (position.available, position.debt, position.total) == (-15, 15, -15)


def test_rule_2_a_lot_past_its_date_counts_no_more():
    account = account_state(lots=[lot(5, NOON)])
    assert position_of(account, NOON, UTC_ZONE).total == 0
    assert position_of(account, NOON - INSTANT, UTC_ZONE).total == 5


def test_positions_add_up_and_come_apart_again():
    first = Position(1, 2, 3, 4, {"2026-12": 1, None: 2})
    second = Position(10, 20, 30, 40, {"2026-12": 5, "2027-01": 6})
    assert first + second == Position(11, 22, 33, 44, {"2026-12": 6, "2027-01": 6, None: 2})
    assert first + second - second == first


@pytest.mark.parametrize(
    ("expires_at", "month"),
    [
        (datetime(2027, 12, 31, 23, tzinfo=UTC), "2027-12"),  # the midnight that ends the year in Berlin
        (datetime(2027, 12, 31, 23, 0, 0, 1, tzinfo=UTC), "2028-01"),
        (datetime(2027, 12, 31, 22, 59, tzinfo=UTC), "2027-12"),
        (NEVER, None),
    ],
)
def test_points_belong_to_the_month_of_their_last_local_day(expires_at: datetime, month: str | None):
    assert month_of(expires_at, BERLIN) == month


def test_a_day_as_of_which_a_report_is_asked_ends_just_before_midnight():
    end = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert instant_of(date(2026, 12, 31), NOON, BERLIN) == end - INSTANT
    assert instant_of(end, NOON, BERLIN) == end
    assert instant_of(None, NOON, BERLIN) == NOON


def test_a_period_is_from_the_begin_of_a_day_to_the_end_of_a_day_or_between_instants():
    assert begin_of(date(2026, 12, 1), BERLIN) == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert end_of(date(2026, 12, 31), BERLIN) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert (begin_of(NOON, BERLIN), end_of(NOON, BERLIN)) == (NOON, NOON)


def test_every_kind_has_a_line_and_a_counter_account_or_moves_no_points_of_the_program():
    kinds = set(Kind.__args__)
    assert kinds == LINES.keys() | BETWEEN_ACCOUNTS | WITHOUT_POINTS
    assert kinds == COUNTERS.keys() | WITHOUT_POINTS
    assert COUNTERS == COUNTER_ACCOUNTS, "reports and verify use the same words"


def test_a_kind_that_a_later_release_adds_is_not_lost():
    assert counters_of({"earn": 5, "lottery": 2})["lottery"] == -2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs, histories())
def test_law_3_the_trial_balance_comes_to_0_and_the_lines_to_what_members_have(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    points: dict[str, int] = {}
    for entries in books.entries.values():
        for entry in entries:
            points[entry.kind] = points.get(entry.kind, 0) + entry.points
    members = sum(account.balance for account in books.accounts.values())
    assert TrialBalance(NOON, members, counters_of(points)).total == 0
    assert sum(lines_of(points).values()) == members
