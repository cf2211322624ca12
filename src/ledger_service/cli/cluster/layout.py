"""Where a cluster is and which ports it has: what was saved, or, the first time, what is free."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger_service.cli.cluster.ports import free_ports
from ledger_service.cli.cluster.state import FILE, ClusterState, Instance, Node
from ledger_service.cli.dev.files import default_directory
from ledger_service.embedded.cluster import take_lock

NODES = ("n1", "n2", "n3")
SERVICES = ("service-1", "service-2")


def folder_of(named: Path | None) -> Path:
    """The folder of the cluster: the one that was named, else `cluster` in the data directory of `dev`."""
    return (named or default_directory() / "cluster").expanduser().absolute()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made when missing, with nobody else at work in it. Raises EmbeddedFailure when somebody is."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = take_lock(folder / "lock")
    try:
        yield
    finally:
        os.close(lock)


def known_or_new(folder: Path) -> ClusterState:
    """The state that was saved here, or a new one with ports that are free. Raises ClusterFailure."""
    if (folder / FILE).exists():
        return ClusterState.load(folder)
    ports = free_ports()
    return ClusterState(
        folder=folder,
        nodes=tuple(Node(name, folder / name, next(ports), next(ports), next(ports), next(ports)) for name in NODES),
        services=tuple(Instance(name, next(ports), next(ports)) for name in SERVICES),
        rw_port=next(ports),
        ro_port=next(ports),
        api_port=next(ports),
    )


def wipe(state: ClusterState) -> None:
    """Delete what a stopped cluster left in its folder, books and keys, and the folder if nothing else is in it."""
    for folder in (*(node.folder for node in state.nodes), state.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for pattern in ("*-password", "secret", "api-key", "haproxy.cfg", "lock", FILE):
        for path in state.folder.glob(pattern):
            path.unlink()
    with suppress(OSError):
        state.folder.rmdir()
