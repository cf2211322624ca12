"""Waiting until a Postgres that was just started lets people in."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ledger_service.embedded.failures import EmbeddedFailure
from ledger_service.embedded.ports import accepts_sessions

READY_SECONDS_MAX = 300.0
"""Longer than any recovery expected here. Less would kill a Postgres that is busy getting well."""

POLL_SECONDS = 0.02
PROGRESS_SECONDS = 5.0
TAIL_LINES = 20
TAIL_BYTES = 8_000


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path, say: Callable[[str], None]) -> None:
    """Return when sessions are accepted on `port`, telling `say` now and then what Postgres is busy with.

    Raises EmbeddedFailure with the end of the log, at once when Postgres ends, else after READY_SECONDS_MAX."""
    started_at = time.monotonic()
    told_at = started_at
    while True:
        if process.poll() is not None:
            raise EmbeddedFailure(f"Postgres ended while it was starting. Its log, {log}, ends with:\n{tail(log)}")
        if accepts_sessions(port):
            return
        now = time.monotonic()
        if now - started_at > READY_SECONDS_MAX:
            raise EmbeddedFailure(
                f"Postgres does not accept sessions after {READY_SECONDS_MAX:.0f} seconds. "
                f"Its log, {log}, ends with:\n{tail(log)}"
            )
        if now - told_at >= PROGRESS_SECONDS:
            say(f"Postgres is still starting after {now - started_at:.0f} seconds: {tail(log, lines=1)}")
            told_at = now
        time.sleep(POLL_SECONDS)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
