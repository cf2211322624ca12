"""How a cluster is: asked of Patroni, of the service and of the proxy."""

from ledger_service.cli.cluster import rest
from ledger_service.cli.cluster.rest import Member
from ledger_service.cli.cluster.state import ClusterState, Instance


def members(state: ClusterState) -> tuple[Member, ...]:
    """All nodes as etcd knows them, asked of the first Patroni that answers; none when nobody does."""
    return rest.members(node.patroni_url for node in state.nodes)


def is_healthy(state: ClusterState) -> bool:
    """Whether there is a leader and a synchronous standby, and everybody else streams from the leader's timeline.

    Every Patroni is asked about its own Postgres too: etcd remembers for a while who is no longer there."""
    return are_in_order(members(state), len(state.nodes)) and all(
        rest.answers_200(f"{node.patroni_url}/health") for node in state.nodes
    )


def are_in_order(found: tuple[Member, ...], expected: int) -> bool:
    """The same of what etcd knows."""
    leaders = [member for member in found if member.is_leader]
    return (
        len(found) == expected
        and len(leaders) == 1
        and any(member.role == "sync_standby" for member in found)
        and all(member.is_leader or member.is_streaming for member in found)
        and {member.timeline for member in found} == {leaders[0].timeline}
    )


def is_ready(instance: Instance) -> bool:
    """Whether an instance of the service says that it is."""
    return rest.answers_200(f"{instance.admin_url}/readyz")


def is_passing_calls(state: ClusterState) -> bool:
    """Whether the proxy passes calls on to anyone."""
    return rest.answers_200(f"{state.url}/proxyz")


def is_serving(state: ClusterState) -> bool:
    """Whether the proxy passes calls on, and every instance of the service is ready."""
    return is_passing_calls(state) and all(map(is_ready, state.services))
