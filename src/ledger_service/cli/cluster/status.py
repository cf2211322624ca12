"""How a cluster is, as rows of a table."""

from collections.abc import Iterator

from ledger_service.cli.cluster.cluster import Cluster
from ledger_service.cli.cluster.health import is_passing_calls, is_ready, is_serving, members
from ledger_service.cli.cluster.rest import Member
from ledger_service.cli.cluster.state import HOST, ClusterState, Node

HEADER = ("name", "role", "state", "timeline", "lag bytes", "address")


def rows(state: ClusterState) -> Iterator[tuple[str, ...]]:
    """A row for each node, each instance of the service, and the proxy."""
    known = {member.name: member for member in members(state)}
    for node in state.nodes:
        yield node_row(node, known.get(node.name))
    for instance in state.services:
        yield instance.name, "service", "ready" if is_ready(instance) else "not ready", "", "", instance.url
    yield "proxy", "proxy", "serving" if is_passing_calls(state) else "not serving", "", "", state.url


def node_row(node: Node, member: Member | None) -> tuple[str, ...]:
    """What is known of a node; the address is that of its Postgres."""
    address = f"{HOST}:{node.postgres_port}"
    if member is None:
        return node.name, "unknown", "not answering", "", "", address
    timeline = "" if member.timeline is None else str(member.timeline)
    lag = "" if member.lag_bytes is None else str(member.lag_bytes)
    return node.name, member.role, member.state, timeline, lag, address


def is_well(cluster: Cluster) -> bool:
    """Whether nothing is missing: the database, both instances, the proxy."""
    return cluster.is_healthy() and is_serving(cluster.state)
