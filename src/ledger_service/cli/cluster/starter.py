"""Starting the programs of a cluster, each detached, as the cluster's account, and with a log of its own."""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from ledger_service.cli.cluster.children import start
from ledger_service.cli.cluster.etcd import etcd_settings
from ledger_service.cli.cluster.files import ClusterFiles
from ledger_service.cli.cluster.installed import Installed, find_installed
from ledger_service.cli.cluster.patroni_settings import patroni_settings
from ledger_service.cli.cluster.proxy_settings import haproxy_text, proxied
from ledger_service.cli.cluster.state import HOST, ClusterState, Instance, Node
from ledger_service.embedded.cluster import write_privately

DRAIN_PAUSE_SECONDS = 2.0
"""How long a stopping instance says it is not ready and still serves: the proxy notices after 1.5 s."""


class Starter:
    """Starts one program at a time and answers its pid."""

    def __init__(self, state: ClusterState) -> None:
        # Names, folders and ports, which stay the same; the pids in it are not looked at.
        self._state = state
        self.files = ClusterFiles.of(state)

    @cached_property
    def installed(self) -> Installed:
        """What there is to start. Raises ClusterFailure or EmbeddedFailure."""
        return find_installed(self._state.folder)

    def write_settings(self) -> None:
        """Write the configuration files of all programs, and the folders they are in, where they are missing."""
        bin_dir = self.installed.bin_dir  # first: the account is chosen while no folder has an owner yet
        self._state.logs.mkdir(mode=0o755, exist_ok=True)
        for node in self._state.nodes:
            node.folder.mkdir(mode=0o700, exist_ok=True)
            self._give(node.folder)
            self._write_json(node.etcd_config, etcd_settings(node, self._state.nodes))
            settings = patroni_settings(node, self._state.nodes, bin_dir, self.files)
            self._write_json(node.patroni_config, settings)
        write_privately(self._state.proxy_config, haproxy_text(proxied(self._state)))
        self._give(self._state.proxy_config)

    def etcd(self, node: Node) -> int:
        """Start a node's etcd member."""
        arguments = [self.installed.etcd, "--config-file", str(node.etcd_config)]
        return start(arguments, self.installed.account, self._state.logs / f"{node.name}-etcd.log")

    def patroni(self, node: Node) -> int:
        """Start a node's Patroni, which starts its Postgres. The log is that of both."""
        python = self.installed.python
        arguments = [python.path, "-m", "patroni", str(node.patroni_config)]
        log = self._state.logs / f"{node.name}-patroni.log"
        return start(arguments, self.installed.account, log, python.variables)

    def proxy(self) -> int:
        """Start HAProxy, which says in its log who comes and goes."""
        arguments = [self.installed.haproxy, "-db", "-f", str(self._state.proxy_config)]
        return start(arguments, self.installed.account, self._state.logs / "haproxy.log")

    def service(self, instance: Instance) -> int:
        """Start an instance of the service. Settings of our environment that begin with LEDGER_ are passed on."""
        python = self.installed.python
        variables = {
            **{name: value for name, value in os.environ.items() if name.startswith("LEDGER_")},
            **python.variables,
            "LEDGER_DATABASE_URL": self.files.service_url(),
            "LEDGER_SECRET": self.files.secret(),
            "LEDGER_HOST": HOST,
            "LEDGER_DRAIN_PAUSE_SECONDS": str(DRAIN_PAUSE_SECONDS),
        }
        arguments = [python.path, "-m", "ledger_service", "serve"]
        arguments += [f"--port={instance.port}", f"--admin-port={instance.admin_port}"]
        return start(arguments, self.installed.account, self._state.logs / f"{instance.name}.log", variables)

    def _write_json(self, path: Path, settings: dict[str, Any]) -> None:
        # JSON is YAML, and needs no package to be written.
        write_privately(path, json.dumps(settings, indent=2))
        self._give(path)

    def _give(self, path: Path) -> None:
        account = self.installed.account
        if account.uid is not None and account.gid is not None:
            os.chown(path, account.uid, account.gid)
