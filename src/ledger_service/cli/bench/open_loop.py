"""`python -m ledger_service.cli.bench.open_loop`: requests at a fixed rate, from a process of its own.

Reads what to do as JSON from standard input, writes what came of it as JSON to standard output."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import uvloop

from ledger_service.cli.bench.arrivals import PATIENCE_SECONDS, Came, Coming, Sender
from ledger_service.cli.bench.asking import Asking
from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.bench.clients import Window
from ledger_service.cli.drill.figures import rank

CONNECTIONS_MAX = 512
"""Open at once. A request that finds none free is not begun, and reported."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """What came of one stretch at a fixed rate. Latencies in milliseconds, from the instant at which each request
    meant to be sent; the warm-up does not count."""

    rate: float
    """Requests a second that meant to come; 0: callers in turns."""
    sent: int
    """With the warm-up, as are the next four."""
    refused: int
    broken: int
    not_begun: int
    posted: int
    served: float
    """Answers with success a second, inside the window that counts."""
    counted: int
    """Answers whose latency counts."""
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    most_ms: float
    client_lag_p99_ms: float
    """How late the client itself was: part of every latency."""
    client_cpu_seconds: float


def arrive(window: Window, rate: float, warm_up: int, seed: int) -> Arriving:
    """Ask at a rate, whoever is answered. Raises ChildFailed."""
    seconds = warm_up + window.seconds
    said = {
        "coming": asdict(Coming(window.host, window.port, rate, CONNECTIONS_MAX, seconds, seed)),
        "window": asdict(window),
        "warm_up": warm_up,
    }
    arguments = [sys.executable, "-m", "ledger_service.cli.bench.open_loop"]
    ended = run(arguments, {}, seconds + PATIENCE_SECONDS + 60, told=json.dumps(said))
    try:
        return Arriving(**json.loads(ended.stdout))
    except ValueError:
        raise ChildFailed(f"The client said nothing we understand: {ended.stdout[-500:]}") from None


def arriving_of(came: Came, rate: float, warm_up: float, seconds: float) -> Arriving:
    """The figures of a stretch."""
    latencies = sorted(
        took for at, took in zip(came.intended, came.seconds, strict=True) if at >= warm_up
    )  # a refusal was an answer too: it is counted as such, and beside it as refused
    ended = warm_up + seconds
    served = sum(
        status < 400 and warm_up <= at and at + took <= ended
        for at, took, status in zip(came.intended, came.seconds, came.statuses, strict=True)
    )
    return Arriving(
        rate=rate,
        sent=came.sent,
        refused=sum(status >= 400 for status in came.statuses),
        broken=came.broken,
        not_begun=came.not_begun,
        posted=came.posted,
        served=served / seconds,
        counted=len(latencies),
        p50_ms=nearest(latencies, 0.5) * 1000,
        p90_ms=nearest(latencies, 0.9) * 1000,
        p99_ms=nearest(latencies, 0.99) * 1000,
        p999_ms=nearest(latencies, 0.999) * 1000,
        most_ms=nearest(latencies, 1) * 1000,
        client_lag_p99_ms=max(0.0, nearest(sorted(came.lags), 0.99)) * 1000,
        client_cpu_seconds=came.cpu_seconds,
    )


def nearest(ordered: Sequence[float], share: float) -> float:
    """The number that `share` of all do not exceed: one that occurred. 0 of none."""
    return rank(ordered, share) if ordered else 0.0


def main() -> None:
    """Do what standard input says."""
    said = json.load(sys.stdin)
    window, coming = said["window"], Coming(**said["coming"])
    asking = Asking(
        window["scenario"],
        window["host"],
        (window["token"], *window["more_tokens"]),
        window["accounts"],
        window["run"],
        window["keys"] == "random",
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        came = runner.run(Sender(coming, asking).run())
    json.dump(asdict(arriving_of(came, coming.rate, said["warm_up"], window["seconds"])), sys.stdout)


if __name__ == "__main__":
    main()
