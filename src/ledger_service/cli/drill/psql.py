"""psql: how a drill reaches into the database from outside, past the service, as a careless operator would."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ledger_service.cli.dev.database import connection_variables
from ledger_service.cli.drill.failures import DrillFailure

SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Psql:
    """One database, as one role. The password travels in the environment, where other accounts cannot read it."""

    bin_dir: Path
    url: str

    def run(self, script: str, seconds_max: float = SECONDS_MAX) -> str:
        """Run a script; its rows as unaligned text. Raises DrillFailure."""
        try:
            ended = subprocess.run(
                self.arguments(),
                input=script,
                env=self.environment(),
                capture_output=True,
                text=True,
                timeout=seconds_max,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DrillFailure(f"Postgres did not answer within {seconds_max:.0f} s: {script[:200]}") from None
        if ended.returncode != 0:
            raise DrillFailure(f"Postgres refused {script[:200]!r}: {ended.stderr.strip()}")
        return ended.stdout.rstrip("\n")

    def begin(self, script: str) -> subprocess.Popen[str]:
        """Begin a script that goes on by itself; who began it ends it."""
        started = subprocess.Popen(
            self.arguments(),
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert started.stdin is not None  # noqa: S101 - asked for above
        started.stdin.write(script)
        started.stdin.close()
        return started

    def arguments(self) -> list[str]:
        """The program, quiet and without anyone's settings."""
        psql = str(self.bin_dir / "psql")
        return [psql, "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]

    def environment(self) -> dict[str, str]:
        """Ours, and where to connect."""
        return {**os.environ, **connection_variables(self.url), "PGCONNECT_TIMEOUT": "5"}
