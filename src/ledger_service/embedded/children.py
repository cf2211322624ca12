"""Starting Postgres programs: as whom, where, with which environment, and how they reach a directory.

`postgres` and `initdb` refuse to run as root, so root drops to an unprivileged account for each of them. The modes
of directories on the way to the data are never changed for that account's sake.
"""

import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger_service.embedded.failures import EmbeddedFailure

ACCOUNT_NAMES = ("postgres", "nobody")
DESCRIPTORS = Path("/proc/self/fd")

# All other variables stay here: PG* would change what Postgres does, and the rest may be secret, while the
# environment of a child can be read by every program of the account it runs as.
INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Account:
    """As whom Postgres runs. Both numbers are None when that is the user we are already."""

    uid: int | None
    gid: int | None

    @property
    def is_other(self) -> bool:
        return self.uid is not None


@dataclass(frozen=True, slots=True)
class Reach:
    """How a child names a directory, and the descriptors it must inherit for that name to mean anything."""

    path: str
    descriptors: tuple[int, ...]


def account_for(cluster: Path) -> Account:
    """The account that owns `cluster`, or, as root and before there is one, `postgres` or else `nobody`.

    Raises EmbeddedFailure when the cluster belongs to someone we cannot run as."""
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedFailure(
                f"{cluster} belongs to user id {owner.st_uid}, and this is user id {os.geteuid()}. "
                "Start it as that user, or choose another --data-dir."
            )
        return Account(None, None)
    if owner:
        if owner.st_uid == 0:
            raise EmbeddedFailure(
                f"{cluster} belongs to root, as whom Postgres refuses to run. Give it to the account that Postgres "
                "should run as, or choose another --data-dir."
            )
        return Account(owner.st_uid, owner.st_gid)
    for name in ACCOUNT_NAMES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid)
    raise EmbeddedFailure(
        "Postgres refuses to run as root, and this system has neither an account `postgres` nor `nobody`. "
        "Create one, or start as an ordinary user."
    )


def spawn(
    arguments: Sequence[str | Path],
    account: Account,
    *,
    reach: Reach | None = None,
    stdin: int = subprocess.DEVNULL,
    output: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program as `account`, away from our terminal. Raises OSError when it cannot be executed."""
    return subprocess.Popen(
        arguments,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        user=account.uid,
        group=account.gid,
        extra_groups=[] if account.is_other else None,
        umask=0o077,
        cwd="/",  # ours may be one that the account cannot enter
        env=environment(os.environ),
        pass_fds=reach.descriptors if reach else (),
        # Ctrl-C goes to everyone in the terminal's group; Postgres must not hear it before those who use it.
        start_new_session=True,
    )


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a child gets to see of our environment."""
    # LC_ALL: with no locale set, macOS starts a thread inside Postgres, which then refuses to go on.
    return {name: ours[name] for name in INHERITED if name in ours} | {
        "HOME": "/",
        "LC_ALL": "C",
        "TZ": "UTC",
    }


@contextmanager
def reachable(directory: Path, account: Account) -> Iterator[Reach]:
    """How a child of `account` can name `directory`, for children started inside the `with`.

    Below a directory that is closed to the account (a private home, say) it is the descriptor of the directory,
    opened by us and inherited by the child, so that the path to it is never walked.
    Raises EmbeddedFailure where that cannot be done, which is anywhere but on Linux."""
    if not account.is_other or may_enter(directory, account):
        yield Reach(str(directory), ())
        return
    if not DESCRIPTORS.is_dir():
        raise EmbeddedFailure(
            f"{directory} is below a directory that user id {account.uid}, as whom Postgres runs, cannot enter. "
            "Choose another --data-dir, or start as an ordinary user."
        )
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Reach(str(DESCRIPTORS / str(descriptor)), (descriptor,))
    finally:
        os.close(descriptor)


def may_enter(directory: Path, account: Account) -> bool:
    """Whether `account` can walk to `directory`: asked of the system by trying."""
    return spawn(["/bin/sh", "-c", 'cd -- "$1"', "sh", directory], account).wait() == 0
