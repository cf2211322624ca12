"""What the metrics of one hot earn cost: `python loadtests/cost_of_metrics.py`.

Everything that is noted on its way from the parser to its answer, and its part of what is noted for a batch.
"""

from timeit import repeat
from types import SimpleNamespace
from typing import Any, Final, cast

from ledger_service import stations
from ledger_service.api.calls import Exchange
from ledger_service.api.observing import Traffic
from ledger_service.ledger.commands import Earn
from ledger_service.ledger.outcomes import Posted
from ledger_service.metrics import BATCH_PHASE, BATCH_SIZE
from ledger_service.posting.tally import Tally

BATCH: Final = 43
"""Commands in a batch with 128 callers: a third of them."""
ROUTE: Final = "/v1/accounts/{account_id}/earn"
PHASES: Final = [BATCH_PHASE.labels(phase) for phase in ("queue", "load", "fold", "gate")]

# Only their kind and points are looked at.
EARN: Final = Earn(account_id="m-1", source="till", key="k", fingerprint=b"", request_id="r", points=10)
POSTED: Final = Posted(cast(Any, SimpleNamespace(kind="earn", points=10)))


def note_request(traffic: Traffic, exchange: Exchange) -> None:
    """What is noted for each request by itself."""
    for station in (stations.AUTH, stations.PARSE, stations.QUEUE, stations.WAKE, stations.ANSWER):
        station.note(0.00003)
    traffic.observe(ROUTE, "POST", 201, exchange, 0.02)


def note_batch() -> None:
    """What is noted for a batch, with the count of what its commands came to."""
    for station in (stations.LOAD, stations.FOLD, stations.GATE, stations.COMMIT):
        station.note(0.003, BATCH)
    for phase in PHASES:
        phase.observe(0.003)
    BATCH_SIZE.observe(BATCH)
    counted = Tally()
    for _ in range(BATCH):
        counted.count(EARN, POSTED)
    counted.show()


def measured(times: int) -> tuple[float, float]:
    """Microseconds of an earn: its own, and its part of its batch's. The best of five runs of so many."""
    traffic, exchange = Traffic(), Exchange("r", {})
    own = min(repeat(lambda: note_request(traffic, exchange), number=times, repeat=5)) / times
    shared = min(repeat(note_batch, number=times, repeat=5)) / times / BATCH
    return own * 1e6, shared * 1e6


if __name__ == "__main__":
    own, shared = measured(5_000)
    print(f"metrics of an earn: {own:.1f} us of its own, {shared:.1f} us of its batch, {own + shared:.1f} us in all")
