"""The Postgres that comes with the package, started and crashed for real."""

import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.embedded import EmbeddedFailure, EmbeddedPostgres, binaries, readiness
from ledger_service.embedded.children import account_for
from ledger_service.embedded.ports import accepts_sessions
from ledger_service.embedded.postgres import SETTINGS
from tests.servers import ask, run_sql

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to drop to")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(tmp_path_factory.mktemp("running")) as postgres:
        yield postgres


def wait_until_told(log: Path, words: str) -> None:
    end = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


# What is served


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("SHOW listen_addresses", "127.0.0.1"),
        ("SHOW unix_socket_directories", ""),
        ("SHOW fsync", "on"),
        ("SHOW data_checksums", "on"),
        ("SHOW password_encryption", "scram-sha-256"),
        ("SHOW server_encoding", "UTF8"),
        ("SHOW TimeZone", "UTC"),
        ("SHOW lc_messages", "C"),
        ("SHOW jit", "off"),
        ("SHOW wal_level", "replica"),
        ("SELECT 'a' < 'B'", "f"),
        ("SELECT upper('é')", "É"),
    ],
)
def test_it_serves_the_same_settings_on_every_host(running: EmbeddedPostgres, question: str, answer: str):
    assert ask(running, question) == answer


def test_it_is_the_postgres_of_the_wheel_and_says_so(running: EmbeddedPostgres):
    assert ask(running, "SHOW server_version") == running.version == "18.6"
    assert running.host == "127.0.0.1"
    assert running.is_running()


def test_nobody_gets_in_without_the_password(running: EmbeddedPostgres):
    with pytest.raises(AssertionError, match="password authentication failed"):
        run_sql(running.bin_dir, running.url(password="guessed"), "SELECT 1")


def test_a_url_survives_any_password_and_database_name(running: EmbeddedPostgres):
    ask(running, "CREATE ROLE odd LOGIN PASSWORD 'p@ss/w:rd?#%'")
    ask(running, 'CREATE DATABASE "a b/c"')
    url = running.url("a b/c", "odd", "p@ss/w:rd?#%")
    assert run_sql(running.bin_dir, url, "SELECT current_user, current_database()") == "odd|a b/c"


def test_secrets_and_data_are_for_their_owner_alone(running: EmbeddedPostgres):
    modes = {name: stat.S_IMODE((running.data_dir / name).stat().st_mode) for name in os.listdir(running.data_dir)}
    assert modes == {
        "postgres": 0o700,
        "superuser-password": 0o600,
        "postgres.log": 0o600,
        "lock": 0o600,
        "port": 0o600,
    }


def test_settings_of_the_caller_go_before_ours(tmp_path: Path):
    with EmbeddedPostgres.start(tmp_path, settings={"max_connections": "17", "jit": "on"}) as postgres:
        assert ask(postgres, "SHOW max_connections") == "17"
        assert ask(postgres, "SHOW jit") == "on"
        assert ask(postgres, "SHOW shared_buffers") == SETTINGS["shared_buffers"]


@pytest.mark.parametrize("settings", [{"fsync": "off"}, {"FSYNC": "off"}, {"full_page_writes": "off"}, {"port": "1"}])
def test_durability_and_the_port_are_no_settings(tmp_path: Path, settings: dict[str, str]):
    with pytest.raises(EmbeddedFailure, match="cannot be changed"):
        EmbeddedPostgres.start(tmp_path / "data", settings=settings)
    assert not (tmp_path / "data").exists()


@on_linux
def test_a_child_sees_nothing_of_our_environment_terminal_and_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LEDGER_SECRET", "hush")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    with EmbeddedPostgres.start(tmp_path) as postgres:
        environment = Path(f"/proc/{postgres.pid}/environ").read_text()
        assert "hush" not in environment
        assert "HOME=/" in environment
        assert os.getsid(postgres.pid) == postgres.pid != os.getsid(0)
        assert postgres._watch is not None
        assert os.readlink(f"/proc/{postgres._watch.pid}/cwd") == "/"
        assert status(postgres._watch.pid)["Umask"] == "0077"


# Stopping and starting again


def test_what_was_committed_is_there_after_a_stop_and_a_start_on_the_same_port(data_dir: Path):
    said: list[str] = []
    with EmbeddedPostgres.start(data_dir, say=said.append) as first:
        ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not first.is_running()
    first.stop()
    with EmbeddedPostgres.start(data_dir, say=said.append) as second:
        assert ask(second, "SELECT answer FROM kept") == "42"
        assert second.url() == first.url()
    assert [line for line in said if "Creating" in line] == said[:1]


def test_what_was_committed_is_there_after_a_crash(data_dir: Path):
    first = EmbeddedPostgres.start(data_dir)
    ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.kill()
    assert not first.is_running()
    with EmbeddedPostgres.start(data_dir) as second:
        assert ask(second, "SELECT answer FROM kept") == "42"
        assert "redo" in (second.data_dir / "postgres.log").read_text()


def test_postgres_recovers_by_itself_when_a_session_is_killed(data_dir: Path):
    with EmbeddedPostgres.start(data_dir) as postgres:
        ask(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
        with pytest.raises(AssertionError, match="closed the connection"):
            ask(postgres, "COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; kill -KILL $PPID'")
        # The postmaster is told of the death a moment later, and lets people in until then.
        wait_until_told(data_dir / "postgres.log", "all server processes terminated; reinitializing")
        readiness.wait_until_ready(postgres._process, postgres.port, data_dir / "postgres.log", lambda _line: None)
        assert ask(postgres, "SELECT answer FROM kept") == "42"
        assert postgres.is_running()


def test_whoever_waits_is_told_what_it_is_waiting_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readiness, "PROGRESS_SECONDS", 0.0)
    answers = iter([False])
    monkeypatch.setattr(readiness, "accepts_sessions", lambda port: next(answers, True) and accepts_sessions(port))
    said: list[str] = []
    with EmbeddedPostgres.start(tmp_path, say=said.append):
        assert said[0].startswith("Creating a Postgres 18.6 cluster in ")
        assert said[1].startswith("Postgres is still starting after ")


# Ports and neighbours


def test_two_data_directories_are_served_at_once(running: EmbeddedPostgres, tmp_path: Path):
    with EmbeddedPostgres.start(tmp_path) as other:
        assert other.port != running.port
        assert ask(other, "SHOW port") == str(other.port)
        assert ask(running, "SHOW port") == str(running.port)


def test_a_second_start_on_a_data_directory_names_the_program_that_has_it(running: EmbeddedPostgres):
    with pytest.raises(EmbeddedFailure, match=rf"in use by the program with pid {os.getpid()}\b"):
        EmbeddedPostgres.start(running.data_dir)
    assert ask(running, "SELECT 1") == "1"


def test_a_port_that_is_taken_is_refused(running: EmbeddedPostgres, tmp_path: Path):
    with pytest.raises(EmbeddedFailure, match=f"Port {running.port} on 127.0.0.1 is taken"):
        EmbeddedPostgres.start(tmp_path, port=running.port)


def test_the_last_port_is_given_up_when_someone_else_has_it(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        (tmp_path / "port").write_text(str(taken))
        with EmbeddedPostgres.start(tmp_path) as postgres:
            assert postgres.port != taken
            assert (tmp_path / "port").read_text() == str(postgres.port)


# Failures


def test_a_failed_start_shows_the_end_of_the_log_and_leaves_nothing_locked(tmp_path: Path):
    with pytest.raises(EmbeddedFailure, match=r"(?s)ended while it was starting.*shared_buffers"):
        EmbeddedPostgres.start(tmp_path, settings={"shared_buffers": "plenty"})
    with EmbeddedPostgres.start(tmp_path) as postgres:
        assert postgres.is_running()


def test_a_data_directory_that_cannot_be_made_is_a_failure_with_its_path(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedFailure, match=str(tmp_path / "file")):
        EmbeddedPostgres.start(tmp_path / "file" / "data")


# As whom it runs


@as_root
@on_linux
def test_root_drops_to_an_ordinary_account_and_leaves_its_groups(tmp_path: Path):
    groups = os.getgroups()
    os.setgroups([0, 4])
    try:
        postgres = EmbeddedPostgres.start(tmp_path)
    finally:
        os.setgroups(groups)
    with postgres:
        seen = status(postgres.pid)
        account = account_for(tmp_path / "postgres")
        assert account.uid not in {None, 0}
        assert seen["Uid"].split() == [str(account.uid)] * 4
        assert seen["Gid"].split() == [str(account.gid)] * 4
        assert seen["Groups"] == ""
        assert seen["CapEff"] == "0" * 16


@as_root
def test_an_ordinary_user_needs_no_other_account(running: EmbeddedPostgres, open_dir: Path):
    """Runs in a fork that gave up root for good; its exit code is the result."""
    os.chown(open_dir, 65534, 65534)
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.environ[binaries.SETTING] = str(running.bin_dir)
            with EmbeddedPostgres.start(open_dir / "data") as postgres:
                assert (open_dir / "data" / "postgres").stat().st_uid == 65534
                assert ask(postgres, "SELECT 42") == "42"
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@as_root
def test_the_modes_of_directories_on_the_way_stay_as_they_are(open_dir: Path):
    private = open_dir / "private"
    private.mkdir(mode=0o700)
    with EmbeddedPostgres.start(private / "data"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert private.stat().st_uid == 0


def test_it_works_from_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with EmbeddedPostgres.start(tmp_path / "data") as postgres:
        assert ask(postgres, "SELECT 1") == "1"
