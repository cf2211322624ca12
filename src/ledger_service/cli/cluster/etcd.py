"""The settings of an etcd member."""

from collections.abc import Sequence
from typing import Any

from ledger_service.cli.cluster.state import HOST, Node

TIMES = {
    # A new leader of etcd gives every lease its whole time again, and the election timeout on top: with the node of
    # both leaders lost, Patroni's ttl of 20 s begins only after one to two election timeouts and lasts one more. With
    # 2.5 s that made 26 s; with 0.8 s a busy machine still elects nobody without need: members ask first (pre-vote).
    "heartbeat-interval": 100,
    "election-timeout": 800,
}
SETTINGS: dict[str, Any] = {
    **TIMES,
    "initial-cluster-state": "new",
    "initial-cluster-token": "ledger",
    # Patroni speaks to the gateway. etcd 3.4 has it on when started with arguments, and off when started with a file.
    "enable-grpc-gateway": True,
    # A member that was frozen or cut off asks before it calls an election, and so does not disturb a good leader.
    "pre-vote": True,
    # Patroni writes every loop_wait; without this the history of those writes only grows.
    "auto-compaction-mode": "periodic",
    "auto-compaction-retention": "1h",
    "logger": "zap",
    "log-level": "warn",
}


def etcd_settings(node: Node, nodes: Sequence[Node]) -> dict[str, Any]:
    """What a member's configuration file says, on this machine."""
    peer = f"http://{HOST}:{node.etcd_peer_port}"
    return {
        "name": node.name,
        "data-dir": str(node.folder / "etcd"),
        "listen-client-urls": node.etcd_url,
        "advertise-client-urls": node.etcd_url,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": ",".join(f"{one.name}=http://{HOST}:{one.etcd_peer_port}" for one in nodes),
        **SETTINGS,
    }
