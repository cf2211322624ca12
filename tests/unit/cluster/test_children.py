import os
from contextlib import suppress
from pathlib import Path

import pytest

from ledger_service.cli.cluster.children import Child, start, stop, wait_until
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.embedded.children import Account

OURSELVES = Account(None, None)
UNMOVED = 'trap "" TERM; echo ready; while :; do sleep 1; done'


def programs_of_group(group: int | None) -> list[str]:
    """The pids of what runs in a group; those that ended and were not reaped do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if state != "Z" and its_group == str(group):
                found.append(path.parent.name)
    return found


def started(log: Path, script: str, mark: str) -> Child:
    return Child(start(["/bin/sh", "-c", script, mark], OURSELVES, log), mark)


def test_a_stranger_who_was_given_the_pid_is_not_our_child():
    assert not Child(os.getpid(), "an argument that nobody has").is_running()


def test_a_child_that_never_was_started_does_not_run():
    assert not Child(None, "anything").is_running()


def test_a_child_runs_until_it_is_killed_and_what_it_started_goes_with_it(tmp_path: Path):
    child = started(tmp_path / "log", "sleep 60 & wait", "killed-child")
    try:
        assert child.is_running()
        assert child.pid is not None
        assert os.getpgid(child.pid) == child.pid
    finally:
        child.kill()
    assert not child.is_running()
    wait_until(lambda: not programs_of_group(child.pid), 10.0, "what it started goes on")


def test_who_does_not_end_when_asked_is_ended(tmp_path: Path):
    child = started(tmp_path / "log", UNMOVED, "unmoved-child")
    stop([child], seconds=0.2)
    assert not child.is_running()


def test_what_it_says_is_in_its_log_and_it_sees_only_the_variables_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LEDGER_SECRET", "not for everyone")
    log = tmp_path / "log"
    pid = start(["/bin/sh", "-c", 'echo "$GIVEN-$LEDGER_SECRET"', "saying"], OURSELVES, log, {"GIVEN": "this"})
    wait_until(lambda: not Child(pid, "saying").is_running(), 10.0, "it does not end")
    assert log.read_text() == "this-\n"


def test_a_program_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ClusterFailure, match="cannot be started"):
        start([str(tmp_path / "nothing")], OURSELVES, tmp_path / "log")
