"""The state of a cluster: which programs run, where, and on which ports. Kept in one file, `cluster.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.embedded.cluster import write_privately

HOST = "127.0.0.1"
FILE = "cluster.json"


@dataclass(frozen=True, slots=True)
class Node:
    """One Postgres with its Patroni and its etcd member. A pid is None until it was started; afterwards it is the last
    one there was, running or not."""

    name: str
    folder: Path
    postgres_port: int
    patroni_port: int
    etcd_client_port: int
    etcd_peer_port: int
    etcd_pid: int | None = None
    patroni_pid: int | None = None

    @property
    def data_dir(self) -> Path:
        """Where Postgres keeps its files."""
        return self.folder / "postgres"

    @property
    def patroni_config(self) -> Path:
        return self.folder / "patroni.yml"

    @property
    def etcd_config(self) -> Path:
        return self.folder / "etcd.yml"

    @property
    def patroni_url(self) -> str:
        """Patroni's REST interface."""
        return f"http://{HOST}:{self.patroni_port}"

    @property
    def etcd_url(self) -> str:
        """Where clients of etcd connect."""
        return f"http://{HOST}:{self.etcd_client_port}"


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the service."""

    name: str
    port: int
    admin_port: int
    pid: int | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def admin_url(self) -> str:
        return f"http://{HOST}:{self.admin_port}"


@dataclass(frozen=True, slots=True)
class ClusterState:
    """All of a cluster. Changed by replacing it; `save` writes it down."""

    folder: Path
    nodes: tuple[Node, ...]
    services: tuple[Instance, ...]
    rw_port: int
    ro_port: int
    api_port: int
    proxy_pid: int | None = None

    @property
    def url(self) -> str:
        """The API, through the proxy."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def api_key_file(self) -> Path:
        """Holds the API key of the demo program, an admin's."""
        return self.folder / "api-key"

    @property
    def api_key(self) -> str:
        """The API key of the demo program. Raises ClusterFailure when it is not there yet."""
        try:
            return self.api_key_file.read_text().strip()
        except FileNotFoundError:
            raise ClusterFailure(
                f"There is no API key in {self.folder} yet. Run `ledger-service cluster up`."
            ) from None

    @property
    def logs(self) -> Path:
        """The folder of everyone's log."""
        return self.folder / "logs"

    @property
    def proxy_config(self) -> Path:
        return self.folder / "haproxy.cfg"

    def node(self, name: str) -> Node:
        """The node of that name. Raises ClusterFailure."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise ClusterFailure(f"There is no node {name}: there are {', '.join(node.name for node in self.nodes)}.")

    def with_node(self, changed: Node) -> ClusterState:
        return replace(self, nodes=tuple(changed if node.name == changed.name else node for node in self.nodes))

    def with_service(self, changed: Instance) -> ClusterState:
        return replace(self, services=tuple(changed if one.name == changed.name else one for one in self.services))

    def save(self) -> None:
        """Write it to its folder, all of it or nothing."""
        write_privately(self.folder / FILE, json.dumps(asdict(self), default=str, indent=2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What was saved in this folder. Raises ClusterFailure when there never was a cluster, or nothing readable."""
        try:
            found: dict[str, Any] = json.loads((folder / FILE).read_text())
            nodes = tuple(Node(**{**node, "folder": Path(node["folder"])}) for node in found.pop("nodes"))
            services = tuple(Instance(**one) for one in found.pop("services"))
            return cls(**{**found, "folder": Path(found["folder"]), "nodes": nodes, "services": services})
        except FileNotFoundError:
            raise ClusterFailure(f"There is no cluster in {folder}. Start one: ledger-service cluster up.") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterFailure(f"{folder / FILE} cannot be read: {error}. Delete {folder} and start anew.") from error
