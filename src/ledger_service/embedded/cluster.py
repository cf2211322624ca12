"""The files of one data directory: its lock, its cluster, its password and the port it had last."""

import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from ledger_service.embedded.binaries import Binaries
from ledger_service.embedded.children import Account, Reach, reachable, spawn
from ledger_service.embedded.failures import EmbeddedFailure

INITDB_SECONDS_MAX = 300.0
LOG_BYTES_MAX = 10_000_000

FIRST_BUILTIN_LOCALE = 17
"""The first major that sorts and compares by rules of its own rather than the host's."""


def take_lock(path: Path) -> int:
    """Lock a data directory for this program; closing the descriptor, or our end however sudden, lets go of it.

    Raises EmbeddedFailure, naming the holder, when another has it."""
    # Not inherited by any child, or a Postgres left behind would hold the lock of its own data directory.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode() or "unknown"
        os.close(descriptor)
        raise EmbeddedFailure(
            f"The data directory {path.parent} is in use by the program with pid {holder}. "
            "Stop that one first, or choose another --data-dir."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def create(cluster: Path, binaries: Binaries, account: Account, password: str) -> None:
    """Run initdb. The cluster appears under its name when it is complete, and not before.

    Raises EmbeddedFailure with what initdb said."""
    for leftover in cluster.parent.glob("unfinished-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cluster.parent))
    try:
        write_privately(unfinished / "password", password)
        if account.uid is not None and account.gid is not None:
            for path in (unfinished, unfinished / "password"):
                os.chown(path, account.uid, account.gid)
        with reachable(unfinished, account) as reach:
            run_initdb(reach, binaries, account)
        (unfinished / cluster.name).rename(cluster)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def run_initdb(reach: Reach, binaries: Binaries, account: Account) -> None:
    locale = ["--no-locale"]
    if binaries.major >= FIRST_BUILTIN_LOCALE:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    arguments: list[str | Path] = [
        binaries.bin_dir / "initdb",
        f"--pgdata={reach.path}/postgres",
        f"--pwfile={reach.path}/password",
        "--username=postgres",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
        *locale,
    ]
    child = spawn(arguments, account, reach=reach, output=subprocess.PIPE)
    try:
        output, _ = child.communicate(timeout=INITDB_SECONDS_MAX)
    except BaseException:
        child.kill()
        child.wait()
        raise
    if child.returncode != 0:
        raise EmbeddedFailure(f"initdb could not create a database cluster:\n{output.decode(errors='replace')}")


def check_major(cluster: Path, binaries: Binaries) -> None:
    """Refuse a cluster made by another major version, which these programs cannot read."""
    major = int((cluster / "PG_VERSION").read_text())
    if major != binaries.major:
        raise EmbeddedFailure(
            f"{cluster} was made by Postgres {major}, and this is Postgres {binaries.version}. "
            f"Choose another --data-dir, or move it over with pg_upgrade, or bring back Postgres {major}."
        )


def superuser_password(path: Path, *, exists: bool) -> str:
    """The generated password of the superuser, made here when there is no cluster that has one yet.

    Raises EmbeddedFailure when a cluster exists and its password is gone."""
    with suppress(FileNotFoundError):
        return path.read_text()
    if exists:
        raise EmbeddedFailure(f"{path} is missing, and with it the way into the cluster beside it.")
    password = secrets.token_urlsafe(24)
    write_privately(path, password)
    return password


def last_port(path: Path) -> int | None:
    """The port this data directory was served on last, if it was."""
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def write_privately(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by us alone."""
    unfinished = path.with_name(f"{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    unfinished.rename(path)


def open_log(path: Path) -> int:
    """Open the log for appending; a long one is set aside first, in place of the one set aside before."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES_MAX:
            path.rename(path.with_name(f"{path.name}.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
