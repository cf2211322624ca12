"""The files of a data directory, across interruptions and upgrades."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_service.embedded import EmbeddedFailure, EmbeddedPostgres
from tests.servers import ask

# A program that dies when initdb is done, but before its work has been put in its place.
INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from ledger_service.embedded import EmbeddedPostgres, cluster
run_initdb = cluster.run_initdb
def run_and_die(*arguments):
    run_initdb(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
cluster.run_initdb = run_and_die
EmbeddedPostgres.start(Path(sys.argv[1]))
"""


def test_an_initdb_that_was_interrupted_is_done_again(data_dir: Path):
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED, data_dir], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(data_dir.glob("unfinished-*/postgres/PG_VERSION"))
    with EmbeddedPostgres.start(data_dir) as postgres:
        assert ask(postgres, "SELECT 1") == "1"
    assert not list(data_dir.glob("unfinished-*"))


def test_a_long_log_is_set_aside_at_the_start(tmp_path: Path):
    log = tmp_path / "postgres.log"
    log.write_bytes(b"")
    os.truncate(log, 10_000_001)
    with EmbeddedPostgres.start(tmp_path):
        assert (tmp_path / "postgres.log.1").stat().st_size == 10_000_001
        assert b"ready to accept connections" in log.read_bytes()


def test_a_cluster_of_another_major_version_is_refused(tmp_path: Path):
    EmbeddedPostgres.start(tmp_path).stop()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedFailure, match=r"made by Postgres 17, and this is Postgres 18\.6"):
        EmbeddedPostgres.start(tmp_path)


def test_a_lost_password_is_said_to_be_lost(tmp_path: Path):
    EmbeddedPostgres.start(tmp_path).stop()
    (tmp_path / "superuser-password").unlink()
    with pytest.raises(EmbeddedFailure, match="superuser-password is missing"):
        EmbeddedPostgres.start(tmp_path)
