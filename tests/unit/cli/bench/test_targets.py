"""What a run of everything is held against: ratios of medians, and what becomes of figures that are missing."""

from typing import Any

import pytest

from ledger_service.cli.bench.rows import PGBENCH, SERVICE, SMALLEST, USUAL_WAY, all_rows, rows_of
from ledger_service.cli.bench.targets import RATIOS, WITHOUT_TARGET, Target, scale_target, spread, targets_of


def row(scenario: str, entrant: str, connections: int, rates: list[float], p50_ms: float = 1.0) -> dict[str, Any]:
    return {
        "scenario": scenario,
        "entrant": entrant,
        "connections": connections,
        "per_second": spread(rates),
        "p50_ms": spread([p50_ms]),
    }


def run(*rows: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"rows": list(rows), "open_loop": [], "memory": None} | others


def found(figures: dict[str, Any], beginning: str) -> Target:
    (target,) = [one for one in targets_of(figures) if one.name.startswith(beginning)]
    return target


def test_a_ratio_is_one_of_medians_and_is_met_at_its_very_limit() -> None:
    figures = run(row("earn", SERVICE, 128, [10.0, 12.0, 900.0]), row("earn", PGBENCH, 32, [1.0, 12.0, 13.0]))
    target = found(figures, "earn, 128 connections")
    assert target.value == 1.0
    assert target.is_met is True
    assert str(target) == ">= 1"


def test_a_ratio_below_its_limit_is_missed() -> None:
    figures = run(row("earn", SERVICE, 64, [149.0]), row("earn", USUAL_WAY, 64, [10.0]))
    assert found(figures, "earn / the usual way").is_met is False


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {target.is_met for target in targets_of(run())} == {None}
    assert {target.value for target in targets_of(run())} == {None}


def test_a_row_that_answered_nothing_makes_no_ratio() -> None:
    figures = run(row("earn", SERVICE, 64, [149.0]), row("earn", USUAL_WAY, 64, [0.0]))
    assert found(figures, "earn / the usual way").value is None


def test_latency_at_one_connection_is_held_against_pgbench_and_shall_be_small() -> None:
    figures = run(row("earn", SERVICE, 1, [1.0], p50_ms=0.9), row("earn", PGBENCH, 1, [1.0], p50_ms=0.1))
    target = found(figures, "earn p50 at 1 connection")
    assert target.value == pytest.approx(9)
    assert target.is_met is False


def test_the_mix_of_a_shop_is_judged_at_70_percent_of_capacity_alone() -> None:
    def at(share: float, p99_ms: float) -> dict[str, Any]:
        return {
            "scenario": "shop",
            "entrant": SERVICE,
            "share": share,
            "p50_ms": spread([2.0]),
            "p99_ms": spread([p99_ms]),
        }

    figures = run(open_loop=[at(0.5, 1.0), at(0.7, 12.0), at(0.9, 500.0)])
    assert found(figures, "mix of a shop, p99 at").value == 12.0
    assert found(figures, "mix of a shop, p99 / p50").value == 6.0
    assert found(figures, "mix of a shop, p99 / p50").is_met is False


def test_memory_has_a_limit_and_may_not_grow() -> None:
    figures = run(memory={"most_mb": 250.0, "growth": 1.2})
    assert found(figures, "memory under full load").is_met is True
    assert found(figures, "memory, end / beginning").is_met is False


def test_the_largest_ledger_is_held_against_the_smallest_whatever_their_order() -> None:
    sizes = [
        {"entries": entries, "rows": [row("earn", SERVICE, 128, [rate]), row("earn", SMALLEST, 128, [beside])]}
        for entries, rate, beside in ((10, 5.0, 9.0), (50, 7.0, 10.0), (1, 20.0, 20.0))
    ]
    target = scale_target(sizes)
    assert target.value == pytest.approx(0.7)
    assert target.is_met is False
    assert scale_target(sizes[:1]).is_met is None


def test_everything_that_a_target_needs_is_measured_and_no_row_twice() -> None:
    rows = list(all_rows())
    assert len(set(rows)) == len(rows)
    assert {one for _, above, below, _ in RATIOS for one in (above, below)} <= set(rows)
    assert {one for _, above, below in WITHOUT_TARGET for one in (above, below)} <= set(rows)


def test_one_scenario_may_be_asked_of_two_processes_beside_one() -> None:
    assert [one.entrant for one in rows_of("bulk", None, processes=2)] == [SERVICE, f"{SERVICE}, 2 processes"]
    assert [one.connections for one in rows_of("shop", 7, processes=1)] == [7]
