"""Figures: gaps, those who were in flight, and percentiles that do not flatter."""

import pytest

from ledger_service.cli.drill.answers import Outcome
from ledger_service.cli.drill.figures import Distribution, Span, longest_gap, round_figures
from ledger_service.cli.drill.load import Told
from ledger_service.cli.drill.schedule import Kind
from tests.unit.drill.told import nanoseconds, told

FAULT = Span(nanoseconds(10), nanoseconds(20))


def steady(begin: float, end: float, every: float = 0.1, kind: Kind = Kind.EARN) -> list[Told]:
    """Operations that are answered at once."""
    return [told(begin + number * every, kind=kind) for number in range(round((end - begin) / every))]


def gap(*settled: float) -> tuple[float, float]:
    found = longest_gap([nanoseconds(at) for at in settled], FAULT)
    return found.from_ns / 1e9, found.to_ns / 1e9


def test_the_gap_reaches_from_the_last_success_to_the_first_one_after_it():
    assert gap(9.0, 9.9, 10.1, 14.3, 14.4, 19.9) == (14.4, 19.9)
    assert gap(9.9, 10.1, 18.3, 18.4, 19.9) == (10.1, 18.3)


def test_a_gap_that_never_ends_lasts_to_the_end_of_the_round():
    assert gap(9.9, 10.5) == (10.5, 20.0)


def test_a_gap_is_measured_to_its_end_even_if_that_is_beyond_the_round():
    assert gap(9.9, 12.0, 25.0) == (12.0, 25.0)


def test_a_pause_before_the_fault_is_none_of_its_doing():
    assert gap(1.0, 9.7, 9.9, 13.0, 20.0) == (13.0, 20.0)


def test_everyone_who_came_in_the_gap_was_in_flight():
    waiting = [told(10.5, 3.5), told(11.0, 3.1), told(11.5, 5.0, outcome=Outcome.FAILED)]
    figures = round_figures(1, [*steady(5, 10), *waiting, *steady(14, 20)], FAULT, nanoseconds(15))
    assert figures.write_gap.seconds == pytest.approx(4.1)
    # The three who waited, the last one before the gap, and the first one after it.
    assert (figures.in_flight, figures.in_flight_in_time) == (5, 4)
    assert figures.unsettled == 1


def test_a_success_after_the_deadline_is_not_in_time():
    late = told(10.2, 5.0)
    figures = round_figures(1, [*steady(5, 10), late, *steady(15, 20)], FAULT, nanoseconds(15))
    assert figures.in_flight - figures.in_flight_in_time == 1
    assert figures.unsettled == 1


def test_a_refusal_by_the_books_ends_a_gap():
    refused = told(12.0, outcome=Outcome.REFUSED)
    figures = round_figures(1, [*steady(5, 10), refused, *steady(14, 20)], FAULT, nanoseconds(15))
    assert figures.write_gap.seconds == pytest.approx(2.1)


def test_reads_have_a_gap_of_their_own():
    operations = [*steady(5, 10), *steady(14, 20), *steady(5, 20, kind=Kind.BALANCE)]
    figures = round_figures(1, operations, FAULT, nanoseconds(15))
    assert figures.write_gap.seconds == pytest.approx(4.1)
    assert figures.read_gap.seconds == pytest.approx(0.1)


def test_tries_are_counted_for_those_who_were_settled_in_time():
    tried = [told(12.0, tries=2), told(12.5, tries=3), told(12.6, tries=9)]
    figures = round_figures(1, [*steady(10, 20), *tried], FAULT, nanoseconds(15))
    assert figures.tries == (100, 1, 2)


def test_recovery_is_the_first_second_with_the_former_rate():
    slow = steady(14, 16, every=0.5)
    figures = round_figures(1, [*steady(5, 10), *slow, *steady(16, 20)], FAULT, nanoseconds(15))
    assert figures.recovery_seconds == pytest.approx(6.0, abs=0.3)


def test_who_never_recovers_is_not_said_to_have():
    figures = round_figures(1, steady(5, 10), FAULT, nanoseconds(15))
    assert figures.recovery_seconds is None


def test_a_percentile_is_a_number_that_occurred():
    found = Distribution.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert found == Distribution(count=5, least=1.0, p50=3.0, p95=5.0, p99=5.0, most=5.0)
    assert Distribution.of([float(number) for number in range(1, 101)]) == Distribution(100, 1, 50, 95, 99, 100)


def test_no_numbers_have_no_distribution():
    assert Distribution.of([]) is None
