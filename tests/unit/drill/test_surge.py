"""A surge: what counts as goodput, and when it is over."""

from typing import Any

from ledger_service.cli.drill.surge import normal_after, surge_of, targets_met


def flooded(*answers: tuple[float, float, int]) -> dict[str, Any]:
    """Answers as intended second, seconds taken, status."""
    intended, seconds, statuses = ([one[place] for one in answers] for place in range(3))
    return {
        "sent": len(answers),
        "not_begun": 0,
        "broken": 0,
        "intended": intended,
        "seconds": seconds,
        "statuses": statuses,
        "lags": [0.0],
        "cpu_seconds": 1.0,
    }


def test_only_what_came_in_time_is_goodput():
    surge = surge_of("2x", 4.0, 1.0, flooded((0.1, 0.2, 201), (0.2, 4.6, 201), (0.3, 4.8, 201), (0.4, 0.01, 503)), [])
    assert (surge.accepted, surge.goodput, surge.refused, surge.late) == (3, 1.0, 1, 1)


def test_other_answers_are_neither_accepted_nor_refused():
    surge = surge_of("2x", 2.0, 1.0, flooded((0.1, 0.2, 500), (0.2, 0.1, 429)), [])
    assert (surge.accepted, surge.refused, surge.other) == (0, 1, 1)


def test_normal_is_a_whole_second_without_a_refusal():
    refused = [(number / 2, 0.01, 503) for number in range(20)]
    assert normal_after([], 10.0, None) == 0.0
    assert normal_after(refused[:4], 10.0, None) == 1.75
    assert normal_after(refused, 10.0, None) is None


def test_normal_is_also_as_quick_as_usual():
    slow = [(number / 10, 0.5 if number < 30 else 0.02, 201) for number in range(100)]
    assert normal_after(slow, 10.0, None) == 0.0
    assert normal_after(slow, 10.0, 0.02) == 3.0


def test_a_target_that_was_not_reached_is_said():
    calm = surge_of("70 %", 1.0, 1.0, flooded((0.1, 0.01, 201)), [100])
    bad = surge_of("2x", 2.0, 1.0, flooded((0.1, 0.03, 201), (0.2, 0.5, 503)), [200])
    held = {claim.text: claim.holds for claim in targets_met(10.0, calm, (bad,), calm)}
    assert held == {
        "2x: goodput 10% of the most": False,
        "2x: accepted p99 3.0 times that at 70 %, promised 2": False,
        "2x: refusals p99 500 ms, promised 20": False,
        "2x: answered too late 0, promised 0": True,
        "2x: memory 2.00 times that at 70 %": False,
        "normal again after 0.0 s, promised 5 s": True,
    }
