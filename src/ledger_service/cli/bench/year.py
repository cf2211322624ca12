"""The real year: `ledger-service year` on the service that is measured, for how fast it gets through it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.bench.contenders import Contender

SECONDS_MAX = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class YearFiles:
    """The baskets, as `ledger-service year` takes them."""

    file: Path
    lines: Path | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Year:
    """How it went."""

    seconds: float
    entries: int
    faults: tuple[str, ...]
    """Whatever did not add up in it."""

    @property
    def per_second(self) -> float:
        """Entries a second, the report and its verification included."""
        return self.entries / self.seconds if self.seconds else 0.0


def live_year(service: Contender, files: YearFiles, directory: Path) -> Year:
    """Live it once, on a program of its own. Raises ChildFailed when it did not even begin."""
    before = service.entries()
    began_at = perf_counter()
    arguments = [sys.executable, "-m", "ledger_service", "year", "--file", str(files.file), "--url", service.url]
    arguments += ["--state", str(directory / "year.key")]
    arguments += ["--lines", str(files.lines)] if files.lines else []
    arguments += ["--limit", str(files.limit)] if files.limit else []
    environment = {"LEDGER_API_KEY": service.token, "LEDGER_READ_URL": service.database_url}
    faults: tuple[str, ...] = ()
    try:
        run(arguments, environment, SECONDS_MAX)
    except ChildFailed as failed:
        faults = (f"the real year: {failed}",)
    return Year(perf_counter() - began_at, service.entries() - before, faults)
