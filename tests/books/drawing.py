"""Drawing little: most of the time of a law goes into making up what it is tried on, and each draw takes its share."""

from collections.abc import Sequence
from itertools import product
from math import gcd, lcm
from typing import Any

from hypothesis import strategies as st

EVEN_MAX = 256
"""Choices in one draw. Among more, hypothesis prefers the first ones, and the last would hardly ever be tried."""

_laid_open: dict[st.SearchStrategy[Any], list[st.SearchStrategy[Any]]] = {}
"""What each weighted choice is among, as often as it is chosen."""


def weighted(*choices: tuple[st.SearchStrategy[Any], int]) -> st.SearchStrategy[Any]:
    """One of these, as often as its weight says (`one_of` would take every choice once). A choice among choices is
    drawn at once where that is not too many."""
    among = [([strategy], weight) for strategy, weight in choices]
    for place, (strategy, weight) in enumerate(choices):
        opened = [*among[:place], (_laid_open.get(strategy, [strategy]), weight), *among[place + 1 :]]
        if len(_repeated(opened)) <= EVEN_MAX:
            among = opened
    repeated = _repeated(among)
    drawn = st.integers(0, len(repeated) - 1).flatmap(repeated.__getitem__)
    _laid_open[drawn] = repeated
    return drawn


def _repeated(among: list[tuple[list[st.SearchStrategy[Any]], int]]) -> list[st.SearchStrategy[Any]]:
    whole = lcm(*(len(strategies) for strategies, _ in among))
    times = [weight * whole // len(strategies) for strategies, weight in among]
    return [
        one for (strategies, _), often in zip(among, times, strict=True) for one in strategies * (often // gcd(*times))
    ]


def at_once(*choices: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One of each of these, in a single draw."""
    together = list(product(*choices))
    assert len(together) <= EVEN_MAX, "too many for a single draw"
    return st.sampled_from(together)
