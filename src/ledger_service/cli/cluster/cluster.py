"""A running cluster, and everything that can be done to it. Written for drills: plain calls that block until done."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Self

from ledger_service.cli.cluster import health, rest
from ledger_service.cli.cluster.children import stop, wait_until
from ledger_service.cli.cluster.database import open_account, prepare
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.cluster.layout import folder_of, known_or_new, locked
from ledger_service.cli.cluster.postgres_programs import freeze_all, kill_all, kill_postmaster, postmaster, thaw_all
from ledger_service.cli.cluster.rest import Member
from ledger_service.cli.cluster.running import all_of, etcd_of, patroni_of, proxy_of, service_of
from ledger_service.cli.cluster.starter import Starter
from ledger_service.cli.cluster.state import ClusterState, Instance, Node
from ledger_service.cli.dev.postgres import forget_variables
from ledger_service.embedded.strays import end_strays, postgres_in, send

HEALTHY_SECONDS_MAX = 90.0
DRAIN_SECONDS_MAX = 20.0
"""How long a stopping instance of the service has: its pause, its longest request, and some."""

PATRONI_SECONDS_MAX = 30.0
PROXY_SECONDS_MAX = 5.0
ETCD_SECONDS_MAX = 1.0
"""Told to stop, a member looks ten seconds for another to lead. It has written everything down, so it need not."""

Say = Callable[[str], None]


class Cluster:
    """Three nodes, two instances of the service and a proxy, all on this machine.

    Not to be shared between threads. All methods block; those that kill wait until what they killed is gone, those
    that start return when the program runs, not when it is well: that is what `wait_healthy` is for. Where a node is
    asked for, its name will do too. A program that ends is not started again by itself."""

    def __init__(self, state: ClusterState) -> None:
        """Use `start` or `load`."""
        self.state = state
        self._starter = Starter(state)

    @classmethod
    def start(cls, folder: Path, say: Say = lambda _line: None) -> Self:
        """Start a cluster in `folder`, made when missing, or what does not run of the one that is there.

        Returns when calls are served through the proxy. `say` gets a line for every step.
        Raises ClusterFailure or EmbeddedFailure: something is not installed, or does not start (its log is named)."""
        folder = folder_of(folder)
        with locked(folder):
            cluster = cls(known_or_new(folder))
            cluster._bring_up(say)
        return cluster

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The cluster that was started in `folder`, running or not. Raises ClusterFailure when there never was one."""
        return cls(ClusterState.load(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def members(self) -> tuple[Member, ...]:
        """All nodes as etcd knows them, asked of the first Patroni that answers; none when nobody does."""
        return health.members(self.state)

    def node(self, name: str) -> Node:
        """The node of that name: n1, n2 or n3. Raises ClusterFailure."""
        return self.state.node(name)

    def primary(self) -> Node:
        """The node that has the leader's lock. Raises ClusterFailure when nobody has, as in the midst of a failover."""
        return self._one("leader", (member for member in self.members() if member.role == "leader"))

    def sync_standby(self) -> Node:
        """The node without which no commit is acknowledged. Raises ClusterFailure when there is none now."""
        return self._one("synchronous standby", (one for one in self.members() if one.role == "sync_standby"))

    def is_healthy(self) -> bool:
        """Whether there is a leader and a synchronous standby, and everybody streams on the leader's timeline."""
        return health.is_healthy(self.state)

    def wait_healthy(self, seconds: float = HEALTHY_SECONDS_MAX) -> None:
        """Wait until `is_healthy`. Raises ClusterFailure, saying how everybody is, when it is not after `seconds`."""
        try:
            wait_until(self.is_healthy, seconds, "")
        except ClusterFailure:
            how = "; ".join(f"{one.name} {one.role} {one.state}" for one in self.members()) or "nobody answers"
            raise ClusterFailure(
                f"The cluster is not healthy after {seconds:.0f} seconds: {how}. The logs are in {self.state.logs}."
            ) from None

    def wait_serving(self, seconds: float = HEALTHY_SECONDS_MAX) -> None:
        """Wait until the proxy passes calls on and both instances of the service are ready. Raises ClusterFailure."""
        otherwise = f"The service is not ready after {seconds:.0f} seconds. The logs are in {self.state.logs}."
        wait_until(lambda: health.is_serving(self.state), seconds, otherwise)

    def kill_postgres(self, node: Node | str) -> None:
        """End the node's postmaster on the spot; its children end themselves. Patroni stays."""
        kill_postmaster(self._now(node))

    def kill_patroni(self, node: Node | str) -> None:
        """End the node's Patroni on the spot. Its Postgres stays, and nobody looks after it."""
        patroni_of(self._now(node)).kill()

    def kill_node(self, node: Node | str) -> None:
        """End all programs of the node on the spot, as a power cut would: Patroni, Postgres and etcd."""
        node = self._now(node)
        patroni_of(node).kill()  # first, or it would notice
        kill_all(node)
        etcd_of(node).kill()

    def freeze(self, node: Node | str) -> None:
        """Stop all Postgres programs of the node where they are (SIGSTOP). Patroni and etcd go on."""
        freeze_all(self._now(node))

    def thaw(self, node: Node | str) -> None:
        """Let all Postgres programs of the node go on (SIGCONT)."""
        thaw_all(self._now(node))

    def freeze_postmaster(self, node: Node | str) -> None:
        """Stop the node's postmaster alone: sessions go on, new ones are not let in. `thaw` ends it."""
        send(postmaster(self._now(node)), signal.SIGSTOP)

    def start_patroni(self, node: Node | str) -> None:
        """Start the node's Patroni, which starts its Postgres. Does nothing when it runs."""
        node = self._now(node)
        if not patroni_of(node).is_running():
            self._keep(self.state.with_node(replace(node, patroni_pid=self._starter.patroni(node))))

    def start_node(self, node: Node | str) -> None:
        """Start what does not run of a node: etcd, and Patroni, which starts Postgres."""
        self._start_etcd_of(self._now(node))
        self.start_patroni(node)

    def stop_etcd(self) -> None:
        """End all etcd members on the spot. What they wrote stays."""
        for node in self.state.nodes:
            etcd_of(node).send(signal.SIGKILL)
        for node in self.state.nodes:
            etcd_of(node).kill()

    def start_etcd(self) -> None:
        """Start all etcd members that do not run."""
        for node in self.state.nodes:
            self._start_etcd_of(node)

    def freeze_etcd(self, node: Node | str) -> None:
        """Stop the node's etcd member where it is (SIGSTOP)."""
        etcd_of(self._now(node)).send(signal.SIGSTOP)

    def thaw_etcd(self, node: Node | str) -> None:
        """Let the node's etcd member go on (SIGCONT)."""
        etcd_of(self._now(node)).send(signal.SIGCONT)

    def etcd_leader(self) -> Node:
        """The node whose etcd member leads. Raises ClusterFailure when none does now."""
        for node in self.state.nodes:
            if rest.leads_etcd(node.etcd_url):
                return node
        raise ClusterFailure("No member of etcd leads now.")

    def switchover(self) -> Node:
        """Make the synchronous standby the primary, in good order; the new primary. Raises ClusterFailure."""
        primary, standby = self.primary(), self.sync_standby()
        body = {"leader": primary.name, "candidate": standby.name}
        rest.post(f"{primary.patroni_url}/switchover", body, self._starter.files.patroni_password())
        return standby

    def kill_service(self, number: int) -> None:
        """End an instance of the service (0 or 1) on the spot."""
        service_of(self.state.services[number]).kill()

    def start_service(self, number: int) -> None:
        """Start an instance of the service (0 or 1) unless it runs; returns when it is ready. Raises ClusterFailure."""
        instance = self.state.services[number]
        self._run_service(instance)
        wait_until(lambda: health.is_ready(instance), HEALTHY_SECONDS_MAX, f"{instance.name} is not ready.")

    def restart_service(self, number: int) -> None:
        """Stop an instance of the service (0 or 1) in good order and start it again; returns when it is ready."""
        stop([service_of(self.state.services[number])], DRAIN_SECONDS_MAX)
        self.start_service(number)

    def stop(self, say: Say = lambda _line: None) -> None:
        """Stop everything in good order: the service, the proxy, standbys, primary, etcd. Safe to repeat.

        What does not end in time is ended on the spot. Raises EmbeddedFailure when not even that works."""
        say("Stopping the service and the proxy.")
        stop(map(service_of, self.state.services), DRAIN_SECONDS_MAX)
        stop([proxy_of(self.state)], PROXY_SECONDS_MAX)
        for node in self.state.nodes:
            self.thaw(node)
            self.thaw_etcd(node)
        say("Stopping Postgres.")
        leaders = {member.name for member in self.members() if member.role == "leader"}
        # The primary last: stopped first it would hand over to a standby that stops next.
        for is_last in (False, True):
            stopping = [node for node in self.state.nodes if (node.name in leaders) is is_last]
            stop(map(patroni_of, stopping), PATRONI_SECONDS_MAX)
            for node in stopping:
                end_strays(node.data_dir, say)
        say("Stopping etcd.")
        stop(map(etcd_of, self.state.nodes), ETCD_SECONDS_MAX)

    def is_running(self) -> bool:
        """Whether all of its programs run, however they are."""
        return all(child.is_running() for child in all_of(self.state))

    def pids(self) -> list[int]:
        """The pids of everything of ours that runs now."""
        running = [child.pid for child in all_of(self.state) if child.pid is not None and child.is_running()]
        return running + [pid for node in self.state.nodes for pid in postgres_in(node.data_dir)]

    def _bring_up(self, say: Say) -> None:
        forget_variables()
        self._starter.write_settings()
        self.state.save()
        say("Starting etcd and Patroni, which starts Postgres, on three nodes.")
        self.start_etcd()
        for node in self.state.nodes:
            self.start_patroni(node)
        self.wait_healthy()
        primary = self.primary()
        say(f"{primary.name} is the primary, {self.sync_standby().name} its synchronous standby. Preparing the books.")
        prepare(self._starter.files, self._starter.installed.bin_dir, primary.postgres_port)
        say("Starting the service and the proxy.")
        for instance in self.state.services:
            self._run_service(instance)
        if not proxy_of(self.state).is_running():
            self._keep(replace(self.state, proxy_pid=self._starter.proxy()))
        self.wait_serving()
        open_account(self.state)

    def _now(self, node: Node | str) -> Node:
        """A node with the pids it has now, whatever the caller still holds."""
        return self.state.node(node if isinstance(node, str) else node.name)

    def _one(self, what: str, found: Iterable[Member]) -> Node:
        for member in found:
            return self.state.node(member.name)
        raise ClusterFailure(f"There is no {what} now.")

    def _run_service(self, instance: Instance) -> None:
        if not service_of(instance).is_running():
            self._keep(self.state.with_service(replace(instance, pid=self._starter.service(instance))))

    def _start_etcd_of(self, node: Node) -> None:
        if not etcd_of(node).is_running():
            self._keep(self.state.with_node(replace(node, etcd_pid=self._starter.etcd(node))))

    def _keep(self, state: ClusterState) -> None:
        state.save()
        self.state = state
