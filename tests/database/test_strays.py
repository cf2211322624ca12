"""What becomes of a Postgres whose program was killed."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_service.embedded import EmbeddedPostgres, strays
from ledger_service.embedded.children import account_for, spawn
from tests.servers import ask

ROOT = Path(__file__).parents[2]

# A program that starts Postgres, commits a row and waits to be killed.
SUPERVISOR = """
import sys, time
from pathlib import Path
from ledger_service.embedded import EmbeddedPostgres
from tests.servers import run_sql
postgres = EmbeddedPostgres.start(Path(sys.argv[1]))
run_sql(postgres.bin_dir, postgres.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
print(postgres.pid, postgres._watch.pid, flush=True)
time.sleep(600)
"""


def supervise(data_dir: Path) -> tuple[subprocess.Popen[str], int, int]:
    """A supervisor in a program of its own, with the pids of its Postgres and of what watches it."""
    command = [sys.executable, "-c", SUPERVISOR, data_dir]
    supervisor = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    postmaster, watch = map(int, supervisor.stdout.readline().split())
    return supervisor, postmaster, watch


def kill(supervisor: subprocess.Popen[str]) -> None:
    supervisor.kill()
    supervisor.communicate()


def test_when_its_program_is_killed_postgres_ends_in_good_order_and_nothing_is_lost(data_dir: Path):
    supervisor, postmaster, _ = supervise(data_dir)
    kill(supervisor)
    assert strays.wait_until_gone(data_dir / "postgres", 60)
    assert "database system is shut down" in (data_dir / "postgres.log").read_text()
    with EmbeddedPostgres.start(data_dir) as postgres:
        assert ask(postgres, "SELECT answer FROM kept") == "42"
        assert postgres.pid != postmaster


def test_a_postgres_left_behind_is_stopped_by_the_next_start(data_dir: Path):
    supervisor, postmaster, watch = supervise(data_dir)
    os.kill(watch, signal.SIGKILL)
    kill(supervisor)
    assert postmaster in strays.postgres_in(data_dir / "postgres")
    said: list[str] = []
    with EmbeddedPostgres.start(data_dir, say=said.append) as postgres:
        assert ask(postgres, "SELECT answer FROM kept") == "42"
        assert postmaster not in strays.postgres_in(data_dir / "postgres")
    assert said[0] == f"Stopping the Postgres that was left behind here (pid {postmaster}, SIGINT)."


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="drops a capability of root")
def test_a_postgres_left_behind_is_found_by_a_root_that_may_not_look_into_programs_of_others(data_dir: Path):
    with EmbeddedPostgres.start(data_dir) as postgres:
        look = "import sys; from pathlib import Path; from ledger_service.embedded.strays import *"
        look += "; print(*postgres_in(Path(sys.argv[1])))"
        without = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-c", look, data_dir / "postgres"]
        found = subprocess.run(without, capture_output=True, text=True, check=True).stdout
        assert str(postgres.pid) in found.split()


def test_a_stranger_with_the_pid_of_a_former_postgres_is_left_alone(data_dir: Path):
    EmbeddedPostgres.start(data_dir).kill()
    cluster = data_dir / "postgres"
    stranger = spawn(["/bin/sleep", "600"], account_for(cluster))
    try:
        former = (cluster / "postmaster.pid").read_text().split("\n", 1)
        (cluster / "postmaster.pid").write_text("\n".join([str(stranger.pid), former[1]]))
        with EmbeddedPostgres.start(data_dir) as postgres:
            assert postgres.is_running()
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="asks ps, as on systems without /proc")
def test_a_postgres_left_behind_is_found_by_its_command_line_where_there_is_no_proc(
    open_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(strays, "PROCESSES", open_dir)
    with EmbeddedPostgres.start(open_dir / "data") as postgres:
        assert strays.postgres_in(open_dir / "data" / "postgres") == [postgres.pid]
        assert not strays.command_serves(postgres.pid, open_dir / "data" / "post")
        assert not strays.command_serves(os.getpid(), open_dir / "data" / "postgres")
