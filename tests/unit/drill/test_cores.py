"""Cores: each program is kept where it was told, whole."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.cli.drill import cores
from tests.unit.cluster.states import state_in

THREADED = (
    "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start(); "
    "print('here', flush=True); input()"
)


@pytest.fixture
def program() -> Iterator[int]:
    """A program with two threads."""
    with subprocess.Popen(
        [sys.executable, "-c", THREADED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "here\n"
        yield child.pid
        child.communicate("\n")


def where(pid: int) -> set[frozenset[int]]:
    """The cores of all its threads."""
    return {frozenset(os.sched_getaffinity(int(one.name))) for one in Path(f"/proc/{pid}/task").iterdir()}


def test_all_threads_of_a_program_are_kept(program: int):
    first = min(os.sched_getaffinity(0))
    cores.keep([program], [first])
    assert where(program) == {frozenset({first})}


def test_who_ended_meanwhile_is_nobody():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    cores.keep([ended.pid], [0])


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="NOT PROVEN: needs two cores")
def test_callers_have_half_of_the_cores_and_get_them_all_back(tmp_path: Path):
    before = os.sched_getaffinity(0)
    with cores.apart(state_in(tmp_path)) as how:
        half = sorted(before)[: len(before) // 2]
        assert os.sched_getaffinity(0) == set(half)
        assert how == f"callers and the proxy have {len(half)} of {len(before)} cores, everything else the others"
    assert os.sched_getaffinity(0) == before
