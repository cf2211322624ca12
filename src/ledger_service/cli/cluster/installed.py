"""What a cluster needs to be installed here, and an error that says how for whatever is missing."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ledger_service.cli.cluster.children import PROGRAMS, spawn
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.embedded.binaries import find_binaries
from ledger_service.embedded.children import Account, account_for, may_enter
from ledger_service.embedded.installation import runnable_by

EXTRA = ("patroni", "psycopg")
SYSTEM_PLACES = "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/bin:/sbin"
IMPORTS = "import patroni, psycopg, asyncpg, uvloop, pydantic, ledger_service"


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter, and the variables with which it finds our packages."""

    path: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Installed:
    """Everything that is started, where the account it runs as can execute it."""

    account: Account
    etcd: str
    haproxy: str
    bin_dir: Path
    python: Python


def find_installed(folder: Path) -> Installed:
    """What a cluster in `folder` runs on. Raises ClusterFailure or EmbeddedFailure, saying what to install."""
    etcd, haproxy = find_daemons(os.environ.get("PATH", ""))
    require_extra()
    if not (PROGRAMS / "self" / "cmdline").exists():
        raise ClusterFailure("A cluster on one machine needs Linux with /proc, by which it knows its programs.")
    account = account_for(folder / "n1")
    if account.is_other and not may_enter(folder, account):
        raise ClusterFailure(
            f"User id {account.uid}, as whom the cluster runs, cannot enter {folder}. Choose another --folder."
        )
    return Installed(account, etcd, haproxy, runnable_by(account, find_binaries()).bin_dir, python_for(account))


def find_daemons(path: str) -> tuple[str, str]:
    """Where etcd and haproxy are: on the path, or where systems keep daemons. Raises ClusterFailure."""
    places = f"{path}:{SYSTEM_PLACES}"
    etcd, haproxy = shutil.which("etcd", path=places), shutil.which("haproxy", path=places)
    if etcd is None or haproxy is None:
        missing = " and ".join(name for name, found in (("etcd", etcd), ("haproxy", haproxy)) if found is None)
        raise ClusterFailure(f"The cluster needs {missing}: apt-get install etcd-server haproxy")
    return etcd, haproxy


def require_extra() -> None:
    """Raises ClusterFailure unless the Python packages of the extra are there."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise ClusterFailure(f"The cluster needs {' and '.join(missing)}: pip install 'ledger-service[cluster]'")


def python_for(account: Account) -> Python:
    """Our interpreter, or, when it lies below a private home that the account cannot enter, the system's of the same
    version with our packages. Raises ClusterFailure when neither can run them."""
    ours = Python(sys.executable)
    if runs(ours, account):
        return ours
    found = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path=SYSTEM_PLACES)
    if found is not None:
        system = Python(found, {"PYTHONPATH": ":".join(package_folders())})
        if runs(system, account):
            return system
    raise ClusterFailure(
        f"User id {account.uid}, as whom the cluster runs, cannot run {Path(sys.executable).resolve()} with the "
        "packages of this one. Install the package where that user can read it, or start as an ordinary user."
    )


def runs(python: Python, account: Account) -> bool:
    """Whether the account can run our packages with it: asked of the system by trying."""
    try:
        return spawn([python.path, "-c", IMPORTS], account, python.variables).wait() == 0
    except OSError:
        return False


def package_folders() -> list[str]:
    """The folders that hold our package and those it needs."""
    specs = [importlib.util.find_spec(name) for name in ("ledger_service", *EXTRA)]
    origins = [spec.origin for spec in specs if spec is not None and spec.origin is not None]
    return list(dict.fromkeys(str(Path(origin).parents[1]) for origin in origins))
