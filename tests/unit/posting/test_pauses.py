"""Pauses: bounded, and never the same for two who failed together."""

from ledger_service.posting import pauses


def test_a_pause_after_a_conflict_is_a_few_milliseconds_at_most() -> None:
    seen = [pauses.after_conflict() for _ in range(1000)]
    assert all(0 <= seconds <= pauses.CONFLICT_SECONDS_MAX for seconds in seen)
    assert len(set(seen)) > 900


def test_pauses_after_failures_grow_from_20_to_200_ms_and_no_further() -> None:
    for failures in range(1, 100):
        seen = [pauses.after_failure(failures) for _ in range(100)]
        assert all(0.02 <= seconds <= min(0.2, 0.02 * 2**failures) for seconds in seen)
        assert len(set(seen)) > 90
