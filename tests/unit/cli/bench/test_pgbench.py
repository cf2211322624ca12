"""What pgbench prints, as a window of load."""

from pathlib import Path

import pytest

from ledger_service.cli.bench.children import ChildFailed
from ledger_service.cli.bench.pgbench import latencies, load_of

SAID = """pgbench (18.6)
number of clients: 4
number of transactions actually processed: 1010
number of failed transactions: 3 (0.297%)
latency average = 0.397 ms
initial connection time = 6.400 ms
tps = 500.0 (without initial connection time)
"""


def test_its_own_rate_is_taken_for_what_it_did_in_the_window() -> None:
    load = load_of(SAID, [100, 200, 300], seconds=2, cpu_seconds=0.5, posts=True)
    assert (load.sent, load.refused, load.acknowledged) == (1013, 3, 1010)
    assert load.acknowledged_per_second(2) == load.posted_per_second(2) == 500
    assert (load.p50_ms, load.p99_ms, load.posted) == (0.2, 0.3, 1010)


def test_its_own_transactions_are_no_entries_of_ours() -> None:
    load = load_of(SAID, [], seconds=2, cpu_seconds=0.5, posts=False)
    assert (load.posted, load.p50_ms) == (0, 0)


def test_what_it_does_not_say_is_not_guessed() -> None:
    with pytest.raises(ChildFailed, match="nothing we understand"):
        load_of("pgbench: error", [], seconds=1, cpu_seconds=0, posts=True)


def test_latencies_are_the_third_word_of_a_line(tmp_path: Path) -> None:
    log = tmp_path / "took.1"
    log.write_text("0 1 381 0 1795000000 100\n0 2 420 0 1795000000 200\n")
    assert latencies([log]) == [381, 420]
