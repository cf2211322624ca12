"""psql: how commands speak to Postgres as its superuser, past the service."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ledger_service.errors import Failure

SECONDS_MAX = 60.0


class PsqlFailed(Failure):
    """Postgres refused a script, or did not answer in time; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Psql:
    """One database, as one role. The password travels in the environment, where other accounts cannot read it."""

    bin_dir: Path
    url: str

    def run(self, script: str, **variables: str) -> str:
        """Run a script with its variables; its rows as unaligned text. Blocks. Raises PsqlFailed."""
        try:
            ended = subprocess.run(
                self.arguments(),
                input=assignments(variables) + script,
                env=self.environment(),
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PsqlFailed(f"Postgres did not answer within {SECONDS_MAX:.0f} s: {script[:200]}") from None
        if ended.returncode != 0:
            raise PsqlFailed(f"Postgres refused {script[:200]!r}: {ended.stderr.strip()}")
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
        """Ours, and where to connect: for any program of Postgres."""
        return {**os.environ, **connection_variables(self.url), "PGCONNECT_TIMEOUT": "5"}


def assignments(variables: dict[str, str]) -> str:
    """Variables as the beginning of a script, where they stay out of the arguments that everyone may see."""
    return "".join(f"\\set {name} '{value}'\n" for name, value in variables.items())


def connection_variables(url: str) -> dict[str, str]:
    """A URL as the environment of a Postgres program."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }
