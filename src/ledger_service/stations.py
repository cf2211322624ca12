"""Stations: where the time of a hot request goes, from the parser to the last byte of its answer.

Each counts once at each of its stations, those of one batch all with its time, so that the sums of the stations add up
to what callers wait. A library's histogram would cost more than some stations take: 0.3 us here, and one call a batch.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ledger_service.metrics import SECONDS

NAME: Final = "ledger_station_seconds"

BOUNDS: Final = (0.00002, 0.00005, 0.0001, 0.0002, *SECONDS)
"""In seconds. Parsing and answering take tens of microseconds."""


class Station:
    """How long requests were at one station."""

    __slots__ = ("counts", "name", "seconds")

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def note(self, seconds: float, times: int = 1) -> None:
        """So many requests took so long here."""
        self.counts[bisect_left(BOUNDS, seconds)] += times
        self.seconds += seconds * times

    def buckets(self) -> list[tuple[str, float]]:
        """How many took no longer than each bound."""
        total, listed = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            total += count
            listed.append((bound, float(total)))
        return listed


AUTH: Final = Station("auth")
"""From the complete request until its caller is known: headers, deadline, key, scope, budget."""
PARSE: Final = Station("parse")
"""From there to the queue: body, command."""
QUEUE: Final = Station("queue")
"""From there until its batch sets off."""
LOAD: Final = Station("load")
FOLD: Final = Station("fold")
GATE: Final = Station("gate")
"""From the arrival of a proposal at the database until all of it is written, as the database's clock has it."""
COMMIT: Final = Station("commit")
"""What else it takes: encoding the proposal, the way, the commit with its standby, the way back."""
WAKE: Final = Station("wake")
"""From the end of the gate until its answer is begun: the others of the batch go before it."""
ANSWER: Final = Station("answer")
"""From there until its bytes are with the kernel."""

ALL: Final = (AUTH, PARSE, QUEUE, LOAD, FOLD, GATE, COMMIT, WAKE, ANSWER)


class Stations(Collector):
    """Shows them as one histogram, by station."""

    def collect(self) -> Iterable[Metric]:
        """The series."""
        family = HistogramMetricFamily(
            NAME, "Where the time of hot requests goes; the sums add up to the whole.", labels=["station"]
        )
        for station in ALL:
            family.add_metric([station.name], station.buckets(), station.seconds)
        yield family


REGISTRY.register(Stations())
