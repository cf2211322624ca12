"""The programs of a cluster, as children that are known by their pid and an argument of their own."""

from ledger_service.cli.cluster.children import Child
from ledger_service.cli.cluster.state import ClusterState, Instance, Node


def patroni_of(node: Node) -> Child:
    return Child(node.patroni_pid, str(node.patroni_config))


def etcd_of(node: Node) -> Child:
    return Child(node.etcd_pid, str(node.etcd_config))


def proxy_of(state: ClusterState) -> Child:
    return Child(state.proxy_pid, str(state.proxy_config))


def service_of(instance: Instance) -> Child:
    return Child(instance.pid, f"--port={instance.port}")


def all_of(state: ClusterState) -> list[Child]:
    """Everything but Postgres, which belongs to Patroni and is known by the folder it sits in."""
    children = [proxy_of(state), *map(service_of, state.services)]
    return children + [child for node in state.nodes for child in (etcd_of(node), patroni_of(node))]
