"""A real Postgres, started, watched and stopped by us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from ledger_service.embedded import cluster as files
from ledger_service.embedded.binaries import Binaries, find_binaries
from ledger_service.embedded.children import Account, account_for, reachable, spawn
from ledger_service.embedded.failures import EmbeddedFailure
from ledger_service.embedded.installation import runnable_by
from ledger_service.embedded.ports import HOST, any_free_port, is_free
from ledger_service.embedded.readiness import wait_until_ready
from ledger_service.embedded.strays import SHUTDOWN_STEPS, end_strays

SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    # TCP alone: a socket's path has about a hundred bytes, and a data directory's path can be longer.
    "unix_socket_directories": "",
    "fsync": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "off",
}
FIXED = {
    "port": "it is an argument of start()",
    "fsync": "without it a crash of the machine ruins the books",
    "full_page_writes": "without it a crash of the machine ruins the books",
}

# Ends Postgres when we end without a word: `read` then meets the end of the pipe that we alone hold open.
# Not the kernel's parent-death signal, which comes when the thread that called start() ends.
WATCH = 'read -r released || kill -INT "$1"'


class EmbeddedPostgres:
    """A real Postgres, supervised by us. Synchronous; not to be shared between threads.

    It serves 127.0.0.1 over TCP, with SCRAM passwords. It ends in good order when it is stopped, and also when this
    program ends in any other way, even by SIGKILL."""

    host = HOST

    def __init__(
        self,
        data_dir: Path,
        binaries: Binaries,
        port: int,
        password: str,
        process: subprocess.Popen[bytes],
        lock: int,
    ) -> None:
        """Use `start`, which finds out all of this."""
        self.data_dir = data_dir
        self.bin_dir = binaries.bin_dir
        self.version = binaries.version
        self.port = port
        self.pid = process.pid
        self._password = password
        self._process = process
        self._lock: int | None = lock
        self._watch: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> EmbeddedPostgres:
        """Start Postgres on a data directory, created when missing, and return when it accepts sessions.

        `port`: by default the one it had last, else any that is free. `settings`: Postgres settings that go before
        ours; fsync stays on. `say` gets a line whenever something takes time.
        Raises EmbeddedFailure: no usable Postgres; the directory is in use or of another major version; the port is
        taken; Postgres did not start (with the end of its log)."""
        chosen = with_ours(settings or {})
        data_dir = data_dir.resolve()
        say = say or (lambda _line: None)
        try:
            data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
            lock = files.take_lock(data_dir / "lock")
            try:
                return cls._start_locked(data_dir, port, chosen, say, lock)
            except BaseException:
                os.close(lock)
                raise
        except OSError as error:
            raise EmbeddedFailure(f"Postgres cannot be started on {data_dir}: {error}.") from error

    @classmethod
    def _start_locked(
        cls,
        data_dir: Path,
        port: int | None,
        settings: Mapping[str, str],
        say: Callable[[str], None],
        lock: int,
    ) -> EmbeddedPostgres:
        cluster = data_dir / "postgres"
        end_strays(cluster, say)
        account = account_for(cluster)
        binaries = runnable_by(account, find_binaries())
        password = files.superuser_password(data_dir / "superuser-password", exists=cluster.exists())
        if not cluster.exists():
            say(f"Creating a Postgres {binaries.version} cluster in {cluster}.")
            files.create(cluster, binaries, account, password)
        files.check_major(cluster, binaries)
        port = choose_port(data_dir / "port", port)
        process = launch(data_dir, binaries, account, {**settings, "port": str(port)})
        postgres = cls(data_dir, binaries, port, password, process, lock)
        try:
            postgres._watch = spawn(["/bin/sh", "-c", WATCH, "sh", str(process.pid)], account, stdin=subprocess.PIPE)
            wait_until_ready(process, port, data_dir / "postgres.log", say)
        except BaseException:
            postgres._shut_down()
            raise
        return postgres

    def stop(self) -> None:
        """End all sessions, write everything down and end Postgres. Waits for it. Safe to repeat."""
        self._shut_down()
        self._let_go()

    def kill(self) -> None:
        """End Postgres on the spot, as a crash would: the next start has to recover."""
        self._process.kill()
        self._process.wait()
        self._let_go()

    def is_running(self) -> bool:
        """Whether Postgres is there, started by this very object and not ended since."""
        if self._process.poll() is None:
            return True
        self._dismiss_watch()
        return False

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """Where to connect. The password is by default the generated one of the superuser."""
        secret = quote(self._password if password is None else password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@{self.host}:{self.port}/{quote(database, safe='')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _shut_down(self) -> None:
        for number, seconds in SHUTDOWN_STEPS:
            self._process.send_signal(number)  # does nothing to one that has ended
            try:
                self._process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        self._dismiss_watch()

    def _dismiss_watch(self) -> None:
        # As soon as we know that Postgres ended: from then on its pid may be given to a stranger.
        if self._watch is not None:
            self._watch.communicate(b"released\n")
            self._watch = None

    def _let_go(self) -> None:
        self._dismiss_watch()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def with_ours(settings: Mapping[str, str]) -> dict[str, str]:
    """Our settings, overridden by those asked for. Raises EmbeddedFailure for one that cannot be."""
    chosen = {**SETTINGS, **{name.lower(): value for name, value in settings.items()}}
    for name, reason in FIXED.items():
        if chosen.get(name) != SETTINGS.get(name):
            raise EmbeddedFailure(f"The setting {name} cannot be changed here: {reason}.")
    return chosen


def choose_port(memory: Path, wanted: int | None) -> int:
    """The port asked for; else the last one if it is free, so that copied URLs keep working; else any.

    Raises EmbeddedFailure when the port that was asked for is taken."""
    port = wanted or files.last_port(memory)
    if port is None or not is_free(port):
        if wanted:
            raise EmbeddedFailure(f"Port {wanted} on {HOST} is taken. Choose another, or stop what listens there.")
        port = any_free_port()
    files.write_privately(memory, str(port))
    return port


def launch(
    data_dir: Path, binaries: Binaries, account: Account, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the postmaster, which writes its log beside its cluster."""
    log = files.open_log(data_dir / "postgres.log")
    try:
        with reachable(data_dir / "postgres", account) as reach:
            arguments = [str(binaries.bin_dir / "postgres"), "-D", reach.path]
            for name, value in settings.items():
                arguments += ["-c", f"{name}={value}"]
            return spawn(arguments, account, reach=reach, output=log)
    finally:
        os.close(log)
