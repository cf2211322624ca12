"""Report: what breaks a promise is broken, what is slow is said, and the two are not mixed up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger_service.cli.drill.answers import Outcome
from ledger_service.cli.drill.faults.fault import Fault, Targets, nothing
from ledger_service.cli.drill.figures import Span, round_figures
from ledger_service.cli.drill.report import broken, figures, targets_met
from ledger_service.cli.drill.rounds import Plan, Result
from ledger_service.cli.drill.scene import Claim
from ledger_service.cli.drill.verdict import verdict_of
from tests.unit.drill.told import nanoseconds, told

TARGETS = Targets(write_gap_seconds_max=5.0, write_gap_p95_seconds_max=5.0, in_flight_share_min=0.95, unsettled_max=0)
FAULT = Fault("F01", "what is done", nothing, targets=TARGETS)


def document(**counts: int) -> dict[str, Any]:
    """A report of the checker with so many findings of some checks."""
    finding = {
        "check": 1,
        "where": "m-1 seq 3",
        "what": "acknowledged",
        "expected": "is there",
        "found": "is not there",
    }
    checks = [
        {"check": int(name[1:]), "name": name, "count": count, "left_out": None, "findings": [finding] * count}
        for name, count in counts.items()
    ]
    return {"checks": checks, "liveness": {"unknown": 4, "unknown_then_answered": 3, "unknown_not_written": 1}}


def result(gap: float = 4.0, *, checker: dict[str, Any] | None = None, claims: tuple[Claim, ...] = ()) -> Result:
    """One round whose writes stood still for so long."""
    before = [told(number / 10) for number in range(50, 100)]
    waiting = [told(10.0, gap, outcome=Outcome.OK if gap < 4.5 else Outcome.FAILED)]
    after = [told(10.0 + gap + number / 10) for number in range(50)]
    all_told = [*before, *waiting, *after]
    span = Span(nanoseconds(10), nanoseconds(20))
    return Result(
        fault=FAULT,
        plan=Plan(runs=1, rate=10.0, seed=3, folder=Path("unused")),
        run="d3",
        rounds=(round_figures(1, all_told, span, nanoseconds(16)),),
        claims=claims,
        told=all_told,
        seen={"201": len(all_told)},
        repeats=9,
        late=0,
        unsent=0,
        lag_seconds_max=0.0,
        verdict=verdict_of(checker or document(c1=0, c2=0)),
        trouble=None,
    )


def missed(found: Result) -> list[str]:
    return [claim.text for claim in targets_met(found) if not claim.holds]


def test_a_clean_drill_breaks_nothing_and_reaches_its_figures():
    found = result()
    assert found.is_clean
    assert broken(found) == []
    assert missed(found) == []


def test_a_slow_drill_misses_its_figures_and_breaks_nothing():
    found = result(gap=6.0)
    assert found.is_clean
    assert missed(found) == [
        "write gap p95 6.10 s, promised 5.0",
        "write gap max 6.10 s, promised 5.0",
        "in flight and settled in time 66.67%, promised 95%",
        "writes not settled in time 1, promised 0",
    ]


def test_a_finding_of_the_checker_is_broken_and_shown():
    found = result(checker=document(c1=2, c2=0))
    assert not found.is_clean
    assert broken(found) == ["check 1, m-1 seq 3: acknowledged: is there expected, is not there found"] * 2
    assert figures(found)["lost"] == 2


def test_a_claim_that_does_not_hold_once_in_many_rounds_is_broken():
    found = result(claims=(Claim("reads went on", True), Claim("reads went on", False)))
    assert not found.is_clean
    assert broken(found) == ["does not hold: reads went on (1 of 2 times)"]


def test_a_drill_that_could_not_be_done_proves_nothing():
    found = replace(result(), trouble="the cluster is not healthy")
    assert not found.is_clean
    assert broken(found) == ["not all rounds were done: the cluster is not healthy"]


def test_the_fate_of_the_unknown_is_told():
    found = figures(result())
    names = ("unknown_attempts", "unknown_told_by_a_retry", "unknown_but_written", "unknown_not_written")
    assert [found[name] for name in names] == [4, 3, 0, 1]
