"""Valid states of a cluster that never ran."""

from pathlib import Path

from ledger_service.cli.cluster.state import ClusterState, Instance, Node


def state_in(folder: Path) -> ClusterState:
    """A state with ports that nobody was asked for."""
    return ClusterState(
        folder=folder,
        nodes=tuple(
            Node(f"n{n}", folder / f"n{n}", 5430 + n, 8000 + n, 2370 + n, 2380 + n, etcd_pid=10 + n, patroni_pid=20 + n)
            for n in (1, 2, 3)
        ),
        services=tuple(Instance(f"service-{n}", 8080 + n, 18080 + n) for n in (1, 2)),
        rw_port=5000,
        ro_port=5001,
        api_port=8080,
    )
