"""The trial balance: members and counter accounts cancel out."""

from typing import get_args

from ledger_service.ledger.entries import Kind
from ledger_service.upkeep.trial_balance import COUNTER_ACCOUNTS, WITHOUT_POINTS, TrialBalances


def test_every_kind_of_entry_has_its_counter_account_or_moves_no_points():
    assert set(COUNTER_ACCOUNTS) | WITHOUT_POINTS == set(get_args(Kind))
    assert not COUNTER_ACCOUNTS.keys() & WITHOUT_POINTS


def test_rule_12_3_what_moves_between_members_comes_to_nothing_on_its_own():
    balances = TrialBalances()
    for kind, points in (("transfer_out", -30), ("transfer_in", 30), ("merge_out", 5), ("merge_in", -5)):
        balances.moved(1)[kind] += points
    [result] = balances.results()
    assert (result.counters["transferred"], result.counters["merged"], result.total) == (0, 0, 0)


def test_kinds_without_points_have_no_counter_account_unless_somebody_gave_them_some():
    balances = TrialBalances()
    balances.moved(1)["hold"] += 0
    balances.moved(1)["tier"] += 7
    [result] = balances.results()
    assert "hold" not in result.counters
    assert result.counters["tier"] == -7


def test_what_members_have_is_what_the_counter_accounts_owe():
    balances = TrialBalances()
    balances.moved(1)["earn"] += 100
    balances.moved(1)["redeem"] -= 30
    balances.add_balance(1, 50)
    balances.add_balance(1, 20)
    [result] = balances.results()
    assert (result.members, result.counters["issued"], result.counters["redeemed"]) == (70, -100, 30)
    assert result.total == 0


def test_a_missing_point_is_seen_in_its_own_program_only():
    balances = TrialBalances()
    balances.moved(2)["earn"] += 10
    balances.add_balance(2, 9)
    balances.moved(1)["adjust"] += 3
    balances.add_balance(1, 3)
    assert [(result.program_id, result.total) for result in balances.results()] == [(1, 0), (2, -1)]


def test_entries_of_an_unknown_kind_still_count():
    balances = TrialBalances()
    balances.moved(1)["gift"] += 10
    [result] = balances.results()
    assert result.counters["gift"] == -10
