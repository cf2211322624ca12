"""Budgets: so many requests at once, so many per second, for each key on its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.api.budgets import BUDGETS_MAX, Budgets
from ledger_service.api.problems import Unfit
from ledger_service.storage.keys import Principal


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def key(key_id: str = "key-1", program_id: int = 1) -> Principal:
    return Principal(program_id, "demo", "live", key_id, "shop", frozenset(), None)


def spent(budgets: Budgets, principal: Principal, tries: int = 100) -> int:
    """How many requests go through before one is refused."""
    for count in range(tries):
        try:
            budgets.spend(principal)
        except Unfit:
            return count
    return tries


def test_without_a_limit_nothing_is_refused() -> None:
    assert spent(Budgets(), key(), tries=10_000) == 10_000


def test_so_many_go_through_at_once_and_then_so_many_per_second() -> None:
    clock = Clock()
    budgets = Budgets(4, 10, clock)
    assert spent(budgets, key()) == 10
    clock.now += 0.5
    assert spent(budgets, key()) == 2
    clock.now += 3600
    assert spent(budgets, key()) == 10


def test_each_key_of_each_program_has_a_budget_of_its_own() -> None:
    budgets = Budgets(1, 3, Clock())
    assert spent(budgets, key()) == 3
    assert spent(budgets, key("key-2")) == 3
    assert spent(budgets, key(program_id=2)) == 3
    assert spent(budgets, key()) == 0


def test_a_refusal_says_after_how_long_there_is_something_left() -> None:
    clock = Clock()
    budgets = Budgets(0.1, 1, clock)
    budgets.spend(key())
    for _ in range(50):
        with pytest.raises(Unfit) as refused:
            budgets.spend(key())
        assert refused.value.code == "rate_limited"
        assert 10 <= int(refused.value.headers["Retry-After"]) <= 12
    clock.now += 10
    budgets.spend(key())


def test_of_no_more_keys_than_may_be_is_anything_remembered() -> None:
    budgets = Budgets(1, 1, Clock())
    for number in range(BUDGETS_MAX + 5):
        budgets.spend(key(f"key-{number}"))
    assert len(budgets._full_at) == BUDGETS_MAX
    assert spent(budgets, key(f"key-{BUDGETS_MAX}")) == 0


@given(
    pauses_ms=st.lists(st.integers(0, 500), min_size=1, max_size=100),
    per_second=st.sampled_from([1, 8, 64]),
    burst=st.integers(1, 20),
)
def test_in_no_stretch_of_time_more_goes_through_than_the_burst_and_what_it_earns(
    pauses_ms: list[int], per_second: int, burst: int
) -> None:
    clock = Clock()
    budgets = Budgets(per_second, burst, clock)
    passed: list[float] = []
    for pause_ms in pauses_ms:
        clock.now += pause_ms / 1000
        if spent(budgets, key(), tries=1):
            passed.append(clock.now)
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - begin) * per_second + 1e-6
