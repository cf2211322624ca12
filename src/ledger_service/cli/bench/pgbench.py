"""pgbench: Postgres alone, without HTTP, asked by its own client on prepared statements."""

import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.bench.clients import Load, children_cpu_seconds
from ledger_service.cli.psql import connection_variables

PATIENCE_SECONDS = 60.0
INIT_SECONDS_MAX = 600.0
ACCOUNTS_PER_SCALE = 100_000
SALT_MAX = 2**32

SAMPLED = 0.1
"""The share of transactions whose latency is written down, when there are enough of them."""

LINES = {
    "answered": re.compile(r"number of transactions actually processed: (\d+)"),
    "failed": re.compile(r"number of failed transactions: (\d+)"),
    "tps": re.compile(r"tps = ([0-9.]+) \(without initial connection time\)"),
}


@dataclass(frozen=True, slots=True)
class Pgbench:
    """The program, and the database it asks."""

    program: Path
    url: str
    script: Path | None
    """What it sends; None: its own TPC-B-like transaction without the hot rows, `-N`."""

    def initialize(self, accounts: int) -> None:
        """Make its own tables, with at least so many accounts. Raises ChildFailed."""
        scale = max(1, -(-accounts // ACCOUNTS_PER_SCALE))
        arguments = [str(self.program), "--initialize", "--quiet", "--scale", str(scale)]
        run(arguments, connection_variables(self.url), INIT_SECONDS_MAX)

    def load(self, connections: int, seconds: int, accounts: int, stem: str, random_keys: bool) -> Load:
        """One window. Raises ChildFailed."""
        threads = min(connections, os.cpu_count() or 1)
        arguments = [str(self.program), "--no-vacuum", "--protocol", "prepared", "--client", str(connections)]
        arguments += ["--jobs", str(threads), "--time", str(seconds)]
        if self.script is None:
            arguments += ["--skip-some-updates"]
        else:
            salt_max = SALT_MAX if random_keys else 0
            given = {"accounts": accounts, "salt_max": salt_max, "number": 0, "run": f"k{stem}"}
            arguments += ["--file", str(self.script)]
            arguments += [f"--define={name}={value}" for name, value in given.items()]
        with tempfile.TemporaryDirectory(prefix="ledger-bench-") as directory:
            arguments += ["--log", f"--log-prefix={directory}/took"]
            if connections > 1:
                arguments += [f"--sampling-rate={SAMPLED}"]
            before = children_cpu_seconds()
            ended = run(arguments, connection_variables(self.url), seconds + PATIENCE_SECONDS)
            cpu = children_cpu_seconds() - before
            took = sorted(latencies(Path(directory).iterdir()))
        return load_of(ended.stdout, took, seconds, cpu, posts=self.script is not None)


def latencies(logs: Iterable[Path]) -> list[int]:
    """Microseconds for each transaction that was written down: the third word of a line."""
    return [int(line.split(maxsplit=3)[2]) for log in logs for line in log.read_text().splitlines()]


def load_of(said: str, took: Sequence[int], seconds: int, cpu_seconds: float, *, posts: bool) -> Load:
    """What pgbench says, as a window of load; its rate is its own figure, which leaves out the time to connect.

    Raises ChildFailed."""
    found = {name: line.search(said) for name, line in LINES.items()}
    if any(match is None for match in found.values()):
        raise ChildFailed(f"pgbench said nothing we understand: {said[-500:]}")
    numbers = {name: float(match.group(1)) for name, match in found.items() if match is not None}
    answered, failed = int(numbers["answered"]), int(numbers["failed"])
    late = max(0, answered - round(numbers["tps"] * seconds))
    return Load(
        sent=answered + failed,
        answered=answered + failed,
        refused=failed,
        broken=0,
        p50_ms=took[len(took) // 2] / 1000 if took else 0.0,
        p99_ms=took[len(took) * 99 // 100] / 1000 if took else 0.0,
        client_cpu_seconds=cpu_seconds,
        late=late,
        posted=answered if posts else 0,
        posted_late=late if posts else 0,
    )
