"""Rounds: what a run of everything measures, and what came of each row and each rate."""

from dataclasses import dataclass, field
from statistics import median

from ledger_service.cli.bench.clients import Load
from ledger_service.cli.bench.open_loop import Arriving
from ledger_service.cli.bench.rows import Row, all_rows
from ledger_service.cli.bench.year import YearFiles


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how long."""

    rows: tuple[Row, ...] = tuple(all_rows())
    shares: tuple[float, ...] = (0.3, 0.5, 0.7, 0.9)
    """Of an entrant's capacity, at which requests arrive in open loops."""
    seconds: int = 5
    warm_up: int = 1
    rounds: int = 5
    accounts: int = 200_000
    programs: int = 1000
    keys: str = "in-order"
    soak_seconds: int = 300
    """How long one process is under full load while its memory is watched; 0: not at all."""
    year: YearFiles | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One measured window of one row."""

    load: Load
    per_second: float
    """Requests, or in bulks entries, that were acknowledged inside the window."""
    cpu_seconds: float | None
    """Of the entrant's processes, without Postgres."""


@dataclass(slots=True)
class Measured:
    """All rounds of one row."""

    row: Row
    rounds: list[Round] = field(default_factory=list)
    warm_ups: list[Load] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """The median of the rounds."""
        return median(one.per_second for one in self.rounds)

    @property
    def loads(self) -> list[Load]:
        """Everything that was asked, warm-ups too."""
        return [*self.warm_ups, *(one.load for one in self.rounds)]

    def faults(self) -> list[str]:
        """A sentence for each thing that was asked and not answered with success."""
        counts = {
            "requests were refused": sum(load.refused for load in self.loads),
            "requests were broken": sum(load.broken for load in self.loads),
            "requests were never answered": sum(load.sent - load.answered for load in self.loads),
            "operations of bulks were refused": sum(load.unposted for load in self.loads),
        }
        return [f"{self.row}: {count:,} {what}." for what, count in counts.items() if count]


@dataclass(slots=True)
class Arrived:
    """All rounds of one entrant at one rate."""

    scenario: str
    entrant: str
    share: float
    """Of its capacity."""
    rate: float
    """Requests a second; 0: callers in turns, who find out what the capacity is."""
    rounds: list[Arriving] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.scenario}, {self.entrant} at {f'{self.share:.0%}' if self.rate else 'its most'}"

    @property
    def served(self) -> float:
        """Answers with success a second, the median of the rounds."""
        return median(one.served for one in self.rounds)

    def faults(self) -> list[str]:
        """A sentence for each thing that was meant to be asked and not answered with success."""
        counts = {
            "requests were refused": sum(one.refused for one in self.rounds),
            "requests were broken": sum(one.broken for one in self.rounds),
            "requests were not begun, since all connections of the client were busy": sum(
                one.not_begun for one in self.rounds
            ),
        }
        return [f"{self}: {count:,} {what}." for what, count in counts.items() if count]
