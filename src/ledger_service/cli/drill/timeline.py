"""The timeline: what callers got, second by second, with the faults marked, as a picture."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ledger_service.cli.console import Misused
from ledger_service.cli.drill.figures import rank
from ledger_service.cli.drill.load import Told
from ledger_service.cli.drill.schedule import READS

BIN_SECONDS = 0.25
PICTURE = "timeline.png"

Line = tuple[list[float], list[float]]
"""Seconds since the start, and what was counted there."""


def draw(told: Sequence[Told], marks: Sequence[tuple[int, str]], title: str, path: Path) -> None:
    """Write the picture. Raises Misused when matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise Misused("The picture needs matplotlib: pip install 'ledger-service[cluster]'.") from None
    if not told:
        return
    start_ns = min(one.intended_ns for one in told)
    figure = Figure(figsize=(12, 6), layout="constrained")
    rates, latencies = figure.subplots(2, 1, sharex=True)
    writes = [one for one in told if one.kind not in READS]
    reads = [one for one in told if one.kind in READS]
    for label, some, color in (("writes settled", writes, "tab:blue"), ("reads answered", reads, "tab:green")):
        rates.plot(*per_second((one for one in some if one.is_settled), start_ns), label=label, color=color)
    lost = [one for one in told if not one.is_settled]
    rates.plot(*per_second(lost, start_ns), label="not settled", color="tab:red")
    for share, style in ((0.5, "-"), (0.99, ":")):
        label = f"writes p{share * 100:.0f}"
        latencies.plot(*latency(writes, start_ns, share), style, color="tab:blue", label=label)
    for at_ns, name in marks:
        at = (at_ns - start_ns) / 1e9
        color = "tab:gray" if name == "healed" else "tab:red"
        for axes in (rates, latencies):
            axes.axvline(at, color=color, linestyle="--", linewidth=0.8)
        rates.annotate(
            name, (at, 1.0), xycoords=("data", "axes fraction"), fontsize=7, rotation=90, va="top", color=color
        )
    rates.set_ylabel("operations a second")
    rates.set_ylim(bottom=0)
    latencies.set_ylabel("ms from the intended time")
    latencies.set_yscale("log")
    latencies.set_xlabel("seconds")
    rates.set_title(title, fontsize=10)
    for axes in (rates, latencies):
        axes.legend(loc="upper right", fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def per_second(told: Iterable[Told], start_ns: int) -> Line:
    """How many ended, as a rate, in each bin."""
    bins = Counter(int((one.ended_ns - start_ns) / 1e9 / BIN_SECONDS) for one in told)
    last = max(bins, default=-1)
    return [at * BIN_SECONDS for at in range(last + 1)], [bins[at] / BIN_SECONDS for at in range(last + 1)]


def latency(told: Iterable[Told], start_ns: int, share: float) -> Line:
    """The latency that `share` of those who meant to come in each bin did not exceed, in milliseconds."""
    bins: defaultdict[int, list[float]] = defaultdict(list)
    for one in told:
        bins[int((one.intended_ns - start_ns) / 1e9 / BIN_SECONDS)].append(one.seconds * 1000)
    return [at * BIN_SECONDS for at in sorted(bins)], [rank(sorted(bins[at]), share) for at in sorted(bins)]
