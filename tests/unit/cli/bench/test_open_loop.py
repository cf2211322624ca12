"""Latencies at a fixed rate are counted from when a request meant to be sent, and nothing that came is forgotten."""

import pytest

from ledger_service.cli.bench.arrivals import Came
from ledger_service.cli.bench.open_loop import arriving_of, nearest


def test_a_percentile_is_a_number_that_occurred_and_never_flatters() -> None:
    numbers = [float(number) for number in range(1, 101)]
    assert [nearest(numbers, share) for share in (0.5, 0.99, 0.999, 1)] == [50, 99, 100, 100]
    assert nearest([7.0], 0.01) == 7
    assert nearest([], 0.5) == 0


def test_the_warm_up_does_not_count_but_all_that_was_posted_does() -> None:
    came = Came(
        sent=4,
        not_begun=1,
        broken=1,
        posted=2,
        intended=[0.5, 1.0, 1.5],
        seconds=[9.0, 0.001, 0.003],
        statuses=[201, 201, 503],
        lags=[0.0, 0.002, 0.0, 0.0],
    )
    arriving = arriving_of(came, rate=4.0, warm_up=1, seconds=2)
    assert (arriving.counted, arriving.most_ms) == (2, pytest.approx(3.0))
    assert (arriving.posted, arriving.refused, arriving.broken, arriving.not_begun) == (2, 1, 1, 1)
    assert arriving.served == 0.5
    assert arriving.client_lag_p99_ms == pytest.approx(2.0)
