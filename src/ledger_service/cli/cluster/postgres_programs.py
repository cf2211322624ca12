"""The Postgres programs of one node, done to as a fault would do: found by where they sit, so never a stranger."""

import signal

from ledger_service.cli.cluster.children import wait_until
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.cluster.state import Node
from ledger_service.embedded.strays import postgres_in, recorded_pid, send

GONE_SECONDS_MAX = 10.0


def postmaster(node: Node) -> int:
    """The pid of the node's postmaster. Raises ClusterFailure when there is none."""
    pid = recorded_pid(node.data_dir)
    if pid is None or pid not in postgres_in(node.data_dir):
        raise ClusterFailure(f"No Postgres runs on {node.name}.")
    return pid


def kill_postmaster(node: Node) -> None:
    """End the postmaster on the spot and wait until it is gone. Its children notice and end themselves."""
    pid = postmaster(node)
    send(pid, signal.SIGKILL)
    wait_until(lambda: pid not in postgres_in(node.data_dir), GONE_SECONDS_MAX, f"The postmaster {pid} does not end.")


def kill_all(node: Node) -> None:
    """End them all on the spot and wait until they are gone."""

    def are_gone() -> bool:
        running = postgres_in(node.data_dir)
        for pid in running:
            send(pid, signal.SIGKILL)
        return not running

    wait_until(are_gone, GONE_SECONDS_MAX, f"The Postgres of {node.name} does not end.")


def freeze_all(node: Node) -> None:
    """Stop them all where they are."""
    frozen: set[int] = set()
    # Again and again: the postmaster may have made one more child before it was stopped itself.
    while fresh := set(postgres_in(node.data_dir)) - frozen:
        for pid in fresh:
            send(pid, signal.SIGSTOP)
        frozen |= fresh


def thaw_all(node: Node) -> None:
    """Let them all go on."""
    for pid in postgres_in(node.data_dir):
        send(pid, signal.SIGCONT)
