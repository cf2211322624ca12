"""Targets: the ratios and limits that a run of everything is held against, from nothing but its medians."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ledger_service.cli.bench.rows import (
    BULKS_AT_A_TIME,
    MOST,
    ONE_FUNCTION,
    PGBENCH,
    SERVICE,
    SMALLEST,
    TWO_PROCESSES,
    USUAL_WAY,
    Row,
)

Figures = Mapping[str, Any]
"""A run as it is written to a file."""


@dataclass(frozen=True, slots=True)
class Target:
    """One figure, and what it shall be."""

    name: str
    value: float | None
    """None: not measured in this run."""
    limit: float
    is_least: bool
    """Whether the limit is the least that will do, or the most."""
    unit: str = ""

    @property
    def is_met(self) -> bool | None:
        """None when it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.is_least else self.value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.is_least else '<='} {self.limit:g}{self.unit}"


HTTP_EARN = Row("earn", SERVICE, MOST)

RATIOS = (
    (
        "earn, 128 connections, one process / pgbench, one function, 32 clients",
        HTTP_EARN,
        Row("earn", PGBENCH, 32),
        1.0,
    ),
    ("earn / the usual way, 64 connections", Row("earn", SERVICE, 64), Row("earn", USUAL_WAY, 64), 15.0),
    ("balance / the usual way, 64 connections", Row("balance", SERVICE, 64), Row("balance", USUAL_WAY, 64), 10.0),
    ("one hot account / earn spread", Row("hot", SERVICE, MOST), HTTP_EARN, 1.5),
    ("one hot account / pgbench on one account", Row("hot", SERVICE, MOST), Row("hot", PGBENCH, 32), 4.0),
    ("two processes / one process, earn spread", Row("earn", TWO_PROCESSES, MOST), HTTP_EARN, 1.0),
    (
        "entries of bulks of 1,000 / single earns",
        Row("bulk", SERVICE, BULKS_AT_A_TIME),
        HTTP_EARN,
        3.0,
    ),
)
"""Each the median of one row over the median of another, and the least it shall be."""

WITHOUT_TARGET = (
    ("earn / one function per request, 64 connections", Row("earn", SERVICE, 64), Row("earn", ONE_FUNCTION, 64)),
    ("1,000 programs / one program", Row("programs", SERVICE, MOST), HTTP_EARN),
)
"""Told beside them."""

EARN_LATENCY_TIMES_MAX = 5.0
SHOP_SHARE = 0.7
SHOP_P99_MS_MAX = 20.0
SHOP_TIMES_MAX = 5.0
MEMORY_MB_MAX = 250.0
GROWTH_MAX = 1.1
"""Memory counts as flat when the last fifth of the time has no more than this many times the second fifth."""

SCALE_LEAST = 0.8


def targets_of(figures: Figures) -> list[Target]:
    """All of them, in the order in which they are told."""
    rates = {row_of(one): one["per_second"]["median"] for one in figures["rows"]}
    latencies = {row_of(one): one["p50_ms"]["median"] for one in figures["rows"]}
    targets = [
        Target(name, divided(rates.get(above), rates.get(below)), limit, is_least=True)
        for name, above, below, limit in RATIOS
    ]
    one_caller = divided(latencies.get(Row("earn", SERVICE, 1)), latencies.get(Row("earn", PGBENCH, 1)))
    targets.append(
        Target("earn p50 at 1 connection / pgbench at 1 client", one_caller, EARN_LATENCY_TIMES_MAX, is_least=False)
    )
    p50, p99 = at_rate(figures["open_loop"], "shop", SERVICE, SHOP_SHARE)
    targets += [
        Target("mix of a shop, p99 at 70 % of capacity", p99, SHOP_P99_MS_MAX, is_least=False, unit=" ms"),
        Target("mix of a shop, p99 / p50 at 70 % of capacity", divided(p99, p50), SHOP_TIMES_MAX, is_least=False),
    ]
    memory = figures.get("memory") or {}
    targets += [
        Target("memory under full load", memory.get("most_mb"), MEMORY_MB_MAX, is_least=False, unit=" MB"),
        Target("memory, end / beginning of full load", memory.get("growth"), GROWTH_MAX, is_least=False),
    ]
    return targets


def others_of(figures: Figures) -> list[tuple[str, float | None]]:
    """Ratios without a target."""
    rates = {row_of(one): one["per_second"]["median"] for one in figures["rows"]}
    return [(name, divided(rates.get(above), rates.get(below))) for name, above, below in WITHOUT_TARGET]


def scale_target(sizes: Sequence[Mapping[str, Any]]) -> Target:
    """Earn in the largest ledger beside earn in the smallest, in the same rounds; nothing was measured when there is
    only one."""
    ordered = sorted(sizes, key=lambda size: size["entries"])
    value = None
    name = "earn in the largest ledger / in the smallest"
    if len(ordered) > 1:
        least, most = ordered[0], ordered[-1]
        value = divided(earn_rate(most, SERVICE), earn_rate(most, SMALLEST))
        name = f"earn at {most['entries']:,} entries / at {least['entries']:,}"
    return Target(name, value, SCALE_LEAST, is_least=True)


def earn_rate(size: Mapping[str, Any], entrant: str) -> float | None:
    """Of spread earns."""
    found = [one["per_second"]["median"] for one in size["rows"] if row_of(one) == Row("earn", entrant, MOST)]
    return found[0] if found else None


def row_of(one: Mapping[str, Any]) -> Row:
    """The row of a figure."""
    return Row(one["scenario"], one["entrant"], one["connections"])


def at_rate(
    arrived: Sequence[Mapping[str, Any]], scenario: str, entrant: str, share: float
) -> tuple[float | None, float | None]:
    """The medians of p50 and p99 in an open loop, in milliseconds."""
    for one in arrived:
        if (one["scenario"], one["entrant"], one["share"]) == (scenario, entrant, share):
            return one["p50_ms"]["median"], one["p99_ms"]["median"]
    return None, None


def divided(above: float | None, below: float | None) -> float | None:
    """None where something is missing, or nothing was answered."""
    return above / below if above is not None and below else None


def spread(numbers: Sequence[float]) -> dict[str, float]:
    """Median and range, as they are written to a file."""
    return {"median": median(numbers), "least": min(numbers), "most": max(numbers)}
