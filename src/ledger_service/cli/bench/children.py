"""Programs that a benchmark starts: they listen on a port, say what is wrong in a file, and end with us."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger_service.errors import Failure

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05


class ChildFailed(Failure):
    """A program that the benchmark needs did not start, or ended early; the text has the end of what it said."""


@contextmanager
def listening(arguments: Sequence[str], environment: Mapping[str, str], log: Path, alive_url: str) -> Iterator[int]:
    """Start a program and wait until `alive_url` answers; its pid. Leaving stops it in good order.

    Raises ChildFailed."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            arguments,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            wait_until_alive(child, alive_url, log)
            yield child.pid
            if child.poll() is not None:
                raise ChildFailed(f"{arguments[0]} ended with {child.returncode}: {last_words(log)}")
        finally:
            stop(child)


def wait_until_alive(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return as soon as the URL answers. Raises ChildFailed."""
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end:
        if child.poll() is not None:
            raise ChildFailed(f"It did not start, and ended with {child.returncode}: {last_words(log)}")
        try:
            with urllib.request.urlopen(url, timeout=1.0):  # noqa: S310 - an address of our own making
                return
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_SECONDS)
    raise ChildFailed(f"{url} did not answer within {START_SECONDS_MAX:.0f} s: {last_words(log)}")


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and see that it does."""
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def run(
    arguments: Sequence[str], environment: Mapping[str, str], seconds_max: float, told: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with `told` as its standard input. Raises ChildFailed when that is not 0, or takes too
    long."""
    try:
        ended = subprocess.run(
            arguments,
            env={**os.environ, **environment},
            input=told,
            capture_output=True,
            text=True,
            timeout=seconds_max,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"{arguments[0]} was not done within {seconds_max:.0f} s.") from None
    if ended.returncode != 0:
        raise ChildFailed(
            f"{' '.join(arguments)} ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-2000:]}"
        )
    return ended


def last_words(log: Path) -> str:
    """The end of what a program said."""
    return log.read_text(errors="replace")[-2000:].strip()


def cpu_seconds(pid: int) -> float | None:
    """The CPU time a running program has used so far; None where /proc does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int | None:
    """The memory a running program holds now; None where /proc does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), None)
