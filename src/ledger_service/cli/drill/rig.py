"""The rig: what a drill runs against. Usually a cluster; a single server is enough for faults that callers make."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from ledger_service.cli.cluster.cluster import Cluster
from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.restoring.archive import WalArchive
from ledger_service.cli.psql import Psql

HEALTHY_SECONDS_MAX = 120.0

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Rig:
    """Where callers come to, and what can be broken behind it."""

    url: str
    token: str
    log_dir: Path
    instance_urls: tuple[str, ...] = ()
    """Each instance of the service, without the proxy."""
    held_cluster: Cluster | None = None
    psql_at: Callable[[int], Psql] | None = None
    """The superuser's way to the Postgres on a port. Needed to break things inside the database."""
    single_port: int | None = None
    """The port of Postgres where there is no cluster."""
    environment: dict[str, str] = field(default_factory=dict)
    """What an instance of the service is told beside its database."""
    held_archive: WalArchive | None = None
    """Where the WAL of a single Postgres is copied to."""

    @property
    def cluster(self) -> Cluster:
        """The cluster. Raises DrillFailure when there is none."""
        if self.held_cluster is None:
            raise DrillFailure("This fault needs a cluster.")
        return self.held_cluster

    @property
    def archive(self) -> WalArchive:
        """The archive of its WAL. Raises DrillFailure when there is none."""
        if self.held_archive is None:
            raise DrillFailure("This fault needs a Postgres that archives its WAL.")
        return self.held_archive

    def psql(self) -> Psql:
        """The superuser on the primary. Blocks. Raises DrillFailure and ClusterFailure."""
        if self.psql_at is None:
            raise DrillFailure("This fault needs a way into the database.")
        port = self.single_port if self.held_cluster is None else self.cluster.primary().postgres_port
        if port is None:
            raise DrillFailure("Nobody said where Postgres is.")
        return self.psql_at(port)

    async def healthy(self) -> None:
        """Wait until everything is there again. Raises ClusterFailure."""
        if self.held_cluster is not None:
            await blocking(self.held_cluster.wait_healthy, HEALTHY_SECONDS_MAX)
            await blocking(self.held_cluster.wait_serving, HEALTHY_SECONDS_MAX)


async def blocking(call: Callable[Arguments, Answer], *given: Arguments.args, **named: Arguments.kwargs) -> Answer:
    """Call what blocks without holding up the load."""
    return await asyncio.to_thread(call, *given, **named)
