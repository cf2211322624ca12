"""Cores: callers and the proxy on their own, as they are where every machine has one task."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger_service.cli.cluster.children import Child
from ledger_service.cli.cluster.running import all_of, proxy_of
from ledger_service.cli.cluster.state import ClusterState
from ledger_service.embedded.strays import postgres_in

PROGRAMS = Path("/proc")


@contextmanager
def apart(state: ClusterState) -> Iterator[str]:
    """Keep callers (this program, and what it starts from now on) and the proxy on one half of the cores, and all that
    is behind the proxy on the other; leaving gives everybody all of them back. Answers what was done, as a sentence.

    A flood is a load of those who send it, too. Where they share their cores with what they flood they take from it
    what they would not take from another machine."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    half = len(cores) // 2
    if not half:
        yield "callers share their core with everything else"
        return
    try:
        keep(front(state), cores[:half])
        keep(behind(state), cores[half:])
        yield f"callers and the proxy have {half} of {len(cores)} cores, everything else the others"
    finally:
        keep([*front(state), *behind(state)], cores)


def front(state: ClusterState) -> list[int]:
    """Pids of ourselves and of the proxy."""
    return [os.getpid(), *running([proxy_of(state)])]


def behind(state: ClusterState) -> list[int]:
    """Pids of everything that the proxy stands before."""
    children = [child for child in all_of(state) if child != proxy_of(state)]
    return running(children) + [pid for node in state.nodes for pid in postgres_in(node.data_dir)]


def running(children: Iterable[Child]) -> list[int]:
    """The pids of those that run; never that of a stranger who was given it later."""
    return [child.pid for child in children if child.pid is not None and child.is_running()]


def keep(pids: Iterable[int], cores: list[int]) -> None:
    """Let these programs run on these cores only. What they start inherits it."""
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            for thread in list((PROGRAMS / str(pid) / "task").iterdir()):
                os.sched_setaffinity(int(thread.name), cores)
