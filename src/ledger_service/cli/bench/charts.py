"""Charts: throughput by concurrency, latency over offered load, and memory, as PNG files beside the figures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger_service.cli.bench.rows import SMALLEST
from ledger_service.cli.console import Misused

THROUGHPUT = "throughput.png"
LATENCY = "latency.png"
MEMORY = "memory.png"
SCALE = "scale.png"

Line = tuple[list[float], list[float]]


def drawable() -> None:
    """Say so before hours of measuring, not after. Raises Misused when matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise Misused("The charts need matplotlib: pip install 'ledger-service[cluster]'.") from None


def draw(said: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write all charts for which there are figures. Raises Misused when matplotlib is not installed."""
    drawable()
    drawn = []
    lines = concurrency_lines(said["rows"])
    if any(len(places) > 1 for places, _ in lines.values()):
        drawn.append(draw_throughput(lines, folder / THROUGHPUT))
    if any(one["rate"] for one in said["open_loop"]):
        drawn.append(draw_latency(said["open_loop"], folder / LATENCY))
    if said["memory"]:
        drawn.append(draw_memory(said["memory"]["seen_mb"], folder / MEMORY))
    return drawn


def concurrency_lines(rows: Sequence[Mapping[str, Any]]) -> dict[str, Line]:
    """For each who earned: callers, and earns a second."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for one in rows:
        if one["scenario"] == "earn":
            found[one["entrant"]][one["connections"]] = one["per_second"]["median"]
    return {
        name: ([float(at) for at in sorted(rates)], [rates[at] for at in sorted(rates)])
        for name, rates in found.items()
    }


def draw_throughput(lines: Mapping[str, Line], path: Path) -> Path:
    """Earns a second over callers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for name, (callers, rates) in lines.items():
        axes.plot(callers, rates, marker="o", label=name)
    axes.set_xscale("log", base=2)
    ticks = sorted({at for callers, _ in lines.values() for at in callers})
    axes.set_xticks(ticks, [f"{at:.0f}" for at in ticks])
    axes.set_xlabel("callers who ask again when they are answered")
    axes.set_ylabel("earns a second, median of the rounds")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    return path


def draw_latency(arrived: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Percentiles over offered load: one picture for each scenario and who answered it."""
    from matplotlib.figure import Figure

    panels: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in arrived:
        if one["rate"]:
            panels[one["scenario"], one["entrant"]].append(one)
    figure = Figure(figsize=(4 * len(panels), 4.5), layout="constrained")
    columns = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, ((scenario, entrant), some) in zip(columns, panels.items(), strict=True):
        some.sort(key=lambda one: one["rate"])
        rates = [one["rate"] for one in some]
        for name, label in (("p50_ms", "p50"), ("p90_ms", "p90"), ("p99_ms", "p99"), ("p999_ms", "p99.9")):
            axes.plot(rates, [one[name]["median"] for one in some], marker="o", label=label)
        axes.set_title(f"{scenario}: {entrant}", fontsize=9)
        axes.set_xlabel("requests offered a second")
        axes.set_yscale("log")
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3, which="both")
    columns[0].set_ylabel("ms from the intended time, median of the rounds")
    columns[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    return path


def draw_memory(seen: Sequence[float], path: Path) -> Path:
    """Memory of one process, a look a second."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(seen) + 1), seen)
    axes.set_xlabel("seconds of full load")
    axes.set_ylabel("MB of one process")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    return path


def draw_scale(sizes: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """What each scenario gives as the ledger grows, and dotted what the smallest gave in the same rounds. Raises
    Misused when matplotlib is not installed."""
    drawable()
    from matplotlib.figure import Figure

    lines: defaultdict[tuple[str, bool], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for size in sorted(sizes, key=lambda size: size["entries"]):
        for one in size["rows"]:
            line = lines[f"{one['scenario']}, {one['connections']} callers", one["entrant"] == SMALLEST]
            line[0].append(size["entries"])
            line[1].append(one["per_second"]["median"])
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    names = sorted({name for name, _ in lines})
    for (name, is_smallest), (entries, rates) in lines.items():
        colour = f"C{names.index(name)}"
        if is_smallest:
            axes.plot(entries, rates, color=colour, linestyle=":", linewidth=1)
        else:
            axes.plot(entries, rates, color=colour, marker="o", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("entries in the ledger")
    axes.set_ylabel("a second, median of the rounds")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    return path
