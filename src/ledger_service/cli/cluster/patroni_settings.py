"""The settings of Patroni: those all nodes share through etcd, and those of one node."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger_service.cli.cluster.files import SUPERUSER, ClusterFiles
from ledger_service.cli.cluster.rest import USER
from ledger_service.cli.cluster.state import HOST, Node

SCOPE = "ledger"

DYNAMIC: dict[str, Any] = {
    "ttl": 20,
    "loop_wait": 1,
    "retry_timeout": 3,
    "primary_start_timeout": 0,
    "primary_stop_timeout": 10,
    "maximum_lag_on_failover": 1_048_576,
    "check_timeline": True,
    "failsafe_mode": True,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "synchronous_node_count": 1,
    "member_slots_ttl": "30min",
    "postgresql": {
        "use_pg_rewind": True,
        "remove_data_directory_on_rewind_failure": True,
        "use_slots": True,
        "parameters": {
            "synchronous_commit": "on",
            "wal_log_hints": "on",
            "hot_standby": "on",
            "lc_messages": "C",
            "password_encryption": "scram-sha-256",
            "restart_after_crash": "off",
            "wal_sender_timeout": "5s",
            "wal_receiver_timeout": "5s",
            "wal_retrieve_retry_interval": "500ms",
            "max_slot_wal_keep_size": "2GB",
            "tcp_keepalives_idle": 5,
            "tcp_keepalives_interval": 2,
            "tcp_keepalives_count": 3,
            "tcp_user_timeout": 8000,
            "client_connection_check_interval": "2s",
            "idle_in_transaction_session_timeout": "5s",
        },
    },
}
"""Read once, when the cluster is made; later changes go through `PATCH /config`. The reasons are in deploy/ha."""

INITDB: list[Any] = [
    {"encoding": "UTF8"},
    {"locale-provider": "builtin"},
    {"builtin-locale": "C.UTF-8"},
    {"locale": "C"},
    "data-checksums",
]

REPLICATION_USER = "replicator"
REWIND_USER = "rewinder"


def patroni_settings(node: Node, nodes: Sequence[Node], bin_dir: Path, files: ClusterFiles) -> dict[str, Any]:
    """What a node's configuration file says, on this machine. It holds passwords."""
    rest = f"{HOST}:{node.patroni_port}"
    postgres = f"{HOST}:{node.postgres_port}"
    return {
        "scope": SCOPE,
        "name": node.name,
        "restapi": {
            "listen": rest,
            "connect_address": rest,
            "authentication": {"username": USER, "password": files.patroni_password()},
        },
        "etcd3": {"hosts": [f"{HOST}:{one.etcd_client_port}" for one in nodes]},
        "bootstrap": {"dcs": DYNAMIC, "initdb": INITDB},
        "postgresql": {
            "listen": postgres,
            "connect_address": postgres,
            "bin_dir": str(bin_dir),
            "data_dir": str(node.data_dir),
            # A node that is built anew waits for a checkpoint, which Postgres would spread over minutes.
            "basebackup": [{"checkpoint": "fast"}],
            "pgpass": str(node.folder / "pgpass"),
            "authentication": {
                "superuser": {"username": SUPERUSER, "password": files.superuser_password()},
                "replication": {"username": REPLICATION_USER, "password": files.replication_password()},
                "rewind": {"username": REWIND_USER, "password": files.rewind_password()},
            },
            "pg_hba": [
                f"host replication {REPLICATION_USER} {HOST}/32 scram-sha-256",
                f"host all all {HOST}/32 scram-sha-256",
            ],
            "parameters": {
                # TCP alone: a socket's path has about a hundred bytes, and a folder's path can be longer.
                "unix_socket_directories": "",
                "timezone": "UTC",
                "log_timezone": "UTC",
                "jit": "off",
            },
        },
        # Small machines have none. Without it only the mode of a named synchronous standby is safe.
        "watchdog": {"mode": "off"},
    }
