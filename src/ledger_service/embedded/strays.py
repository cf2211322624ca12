"""Postgres programs that an earlier owner of a data directory left behind when it was killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ledger_service.embedded.children import Account, reachable, spawn
from ledger_service.embedded.failures import EmbeddedFailure

POLL_SECONDS = 0.02

SHUTDOWN_STEPS = ((signal.SIGINT, 120.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
"""What a postmaster is sent and the seconds it then has: a fast shutdown (ends sessions, writes a checkpoint), an
immediate one (recovery at the next start), and the end. The first is long because the checkpoint may be."""

NOTICE_SECONDS = 10.0
"""How long the children of a dead postmaster have to notice by themselves, which takes them milliseconds."""

PROCESSES = Path("/proc")
SITTING = 'cluster=$1; shift; for pid; do [ "/proc/$pid/cwd" -ef "$cluster" ] && echo "$pid"; done'


def end_strays(cluster: Path, say: Callable[[str], None]) -> None:
    """Stop whatever Postgres still runs in `cluster`; a stranger that took over a recorded pid is left alone.

    The caller holds the lock of the data directory, so what runs there has no owner. Raises EmbeddedFailure when it
    cannot be stopped."""
    for number, seconds in SHUTDOWN_STEPS:
        pids = postgres_in(cluster)
        if not pids:
            break
        postmaster = recorded_pid(cluster)
        if postmaster in pids:
            say(f"Stopping the Postgres that was left behind here (pid {postmaster}, {number.name}).")
            # Only the postmaster: to one of its children the same signal means something else.
            send(postmaster, number)
            wait_until_gone(cluster, seconds)
        elif not wait_until_gone(cluster, NOTICE_SECONDS):
            for pid in postgres_in(cluster):
                send(pid, signal.SIGKILL)
    if not wait_until_gone(cluster, NOTICE_SECONDS):
        raise EmbeddedFailure(f"A Postgres left behind in {cluster} does not end: pids {postgres_in(cluster)}.")
    # Postgres looks only whether the pid in it is alive, and would refuse to start because of a stranger.
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def postgres_in(cluster: Path) -> list[int]:
    """The pids of the Postgres programs that run in this cluster. None of them is a stranger's."""
    try:
        home = cluster.stat()
    except FileNotFoundError:
        return []
    if not (PROCESSES / "self" / "cwd").exists():
        recorded = recorded_pid(cluster)
        return [recorded] if recorded and command_serves(recorded, cluster) else []
    found, closed = [], []
    for entry in PROCESSES.iterdir():
        with suppress(FileNotFoundError, NotADirectoryError, ProcessLookupError):  # it may end while we look
            if not entry.name.isdecimal() or entry.stat().st_uid != home.st_uid:
                continue
            if (entry / "comm").read_text() != "postgres\n":
                continue
            try:
                # Every Postgres program sits in its cluster's directory, whatever name it was given for it.
                if os.path.samestat((entry / "cwd").stat(), home):
                    found.append(int(entry.name))
            except PermissionError:
                closed.append(int(entry.name))
    return found + among(closed, cluster, home)


def among(pids: list[int], cluster: Path, home: os.stat_result) -> list[int]:
    """Those of `pids` that sit in the cluster, asked as its owner: root in a container may not see where others sit."""
    if not pids or os.geteuid() == home.st_uid:
        return []
    owner = Account(home.st_uid, home.st_gid)
    with reachable(cluster, owner) as reach:
        arguments = ["/bin/sh", "-c", SITTING, "sh", reach.path, *map(str, pids)]
        answer, _ = spawn(arguments, owner, reach=reach, output=subprocess.PIPE).communicate()
    return [int(pid) for pid in answer.split() if pid.isdigit()]


def command_serves(pid: int, cluster: Path) -> bool:
    """Whether `pid` is a postmaster started for `cluster`, by its command line: for systems without /proc."""
    answer = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    program, _, arguments = answer.partition(" -D ")
    return program.endswith("postgres") and arguments.startswith(f"{cluster} ")


def recorded_pid(cluster: Path) -> int | None:
    """The postmaster that the cluster's own pid file names. It may be long gone, its number now a stranger's."""
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until_gone(cluster: Path, seconds: float) -> bool:
    """Wait until no Postgres runs in `cluster`; False when some still does after that many seconds."""
    give_up_at = time.monotonic() + seconds
    while postgres_in(cluster):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(POLL_SECONDS)
    return True
