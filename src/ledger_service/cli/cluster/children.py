"""Children that outlive us: started detached, known by pid, and never mistaken for a stranger who got the pid later."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.embedded.children import Account, environment
from ledger_service.embedded.cluster import open_log

POLL_SECONDS = 0.05
KILL_SECONDS_MAX = 10.0
EXECUTED_SECONDS_MAX = 10.0
PROGRAMS = Path("/proc")


@dataclass(frozen=True, slots=True)
class Child:
    """A program we started: `mark` is an argument of its command line that no other program has."""

    pid: int | None
    mark: str

    def is_running(self) -> bool:
        """Whether it is there, and no stranger who was given its pid. One that ended unreaped is not there."""
        if self.pid is None:
            return False
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # if it was started by this very program
        return os.fsencode(self.mark) in command_line(self.pid).split(b"\0")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.pid is not None and self.is_running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it on the spot, and whatever it started without a session of its own. Waits until it is gone."""
        if self.pid is not None and self.is_running():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # each of them leads a group: `start` made it so
            wait_until(
                lambda: not self.is_running(), KILL_SECONDS_MAX, f"The program with pid {self.pid} does not end."
            )


def start(
    arguments: Sequence[str | Path], account: Account, log: Path, variables: Mapping[str, str] | None = None
) -> int:
    """Start a program as `account` and answer its pid. What it says is appended to `log`.

    Raises ClusterFailure when it cannot be executed."""
    written = open_log(log)
    try:
        child = spawn(arguments, account, variables or {}, output=written)
        # For a moment after it was executed it has no command line yet, by which it shall be known.
        wait_until(
            lambda: child.poll() is not None or command_line(child.pid) != b"",
            EXECUTED_SECONDS_MAX,
            "it is not executed",
        )
        return child.pid
    except OSError as error:
        raise ClusterFailure(f"{arguments[0]} cannot be started: {error}.") from error
    finally:
        os.close(written)


def spawn(
    arguments: Sequence[str | Path],
    account: Account,
    variables: Mapping[str, str],
    *,
    output: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program as `account`, in a session of its own, with `variables` and little else of our environment.

    Raises OSError."""
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=account.uid,
        group=account.gid,
        extra_groups=[] if account.is_other else None,
        umask=0o077,
        cwd="/",  # ours may be one that the account cannot enter
        env=environment(os.environ) | dict(variables),
        start_new_session=True,
    )


def command_line(pid: int) -> bytes:
    """The command line of a program; empty when there is none of that pid, or it ended and was not reaped."""
    try:
        return (PROGRAMS / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def stop(children: Iterable[Child], seconds: float) -> None:
    """Ask them all to end, wait, and end those on the spot that have not after `seconds`."""
    waiting = [child for child in children if child.is_running()]
    for child in waiting:
        child.send(signal.SIGCONT)
        child.send(signal.SIGTERM)
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(child.is_running() for child in waiting):
        time.sleep(POLL_SECONDS)
    for child in waiting:
        child.kill()


def wait_until(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Return as soon as it is so. Raises ClusterFailure, saying `otherwise`, when it still is not after `seconds`."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise ClusterFailure(otherwise)
        time.sleep(POLL_SECONDS)
