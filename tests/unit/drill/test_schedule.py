"""Schedule: callers come as they were drawn, whatever happens to those before them."""

from dataclasses import replace
from itertools import islice, pairwise
from statistics import mean

from ledger_service.cli.drill.schedule import HOT_SHARE, Crowd, Kind, intents

CROWD = Crowd(run="d1", seed=7, rate=100.0)


def test_the_same_seed_draws_the_same_operations():
    assert list(islice(intents(CROWD), 500)) == list(islice(intents(CROWD), 500))


def test_another_seed_draws_others():
    assert list(islice(intents(CROWD), 50)) != list(islice(intents(replace(CROWD, seed=8)), 50))


def test_operations_come_in_order_and_at_the_asked_rate():
    at = [intent.at for intent in islice(intents(CROWD), 20_000)]
    assert at == sorted(at)
    assert 0.95 < mean([later - earlier for earlier, later in pairwise(at)]) * CROWD.rate < 1.05


def test_hot_accounts_get_their_share_and_what_is_left_by_chance():
    drawn = list(islice(intents(CROWD), 20_000))
    hot = set(CROWD.account_ids()[: CROWD.hot])
    share = sum(intent.account_id in hot for intent in drawn) / len(drawn)
    expected = HOT_SHARE + (1 - HOT_SHARE) * CROWD.hot / CROWD.accounts
    assert abs(share - expected) < 0.02


def test_nobody_transfers_to_himself():
    drawn = [intent for intent in islice(intents(CROWD), 20_000) if intent.kind is Kind.TRANSFER]
    assert drawn
    assert all(intent.account_id != intent.to_account for intent in drawn)


def test_orders_are_never_drawn_twice():
    orders = [intent.order_id for intent in islice(intents(CROWD), 5_000) if intent.order_id]
    assert len(orders) == len(set(orders)) > 1_000


def test_a_success_is_sent_once_more_as_often_as_asked_on_average():
    for repeats, counts in ((0.0, {0}), (0.1, {0, 1}), (1.0, {1}), (2.5, {2, 3})):
        drawn = [intent.repeats for intent in islice(intents(replace(CROWD, repeats=repeats)), 2000)]
        assert set(drawn) == counts
        assert abs(sum(drawn) / len(drawn) - repeats) < 0.05
