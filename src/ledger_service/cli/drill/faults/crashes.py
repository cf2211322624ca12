"""Faults that end a program on the spot: what a power cut, the kernel or an operator's `kill -9` does."""

import os
import signal
from time import monotonic_ns

from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.faults.fault import Fault, Targets, nothing
from ledger_service.cli.drill.rig import blocking
from ledger_service.cli.drill.scene import Scene

FAILOVER_SECONDS_MAX = 60.0
"""How long a drill waits for writes to come back before it heals."""

BACKEND = "SELECT pid FROM pg_stat_activity WHERE usename = 'ledger_service' ORDER BY backend_start LIMIT 1"


async def kill_primary(scene: Scene) -> None:
    """kill -9 of the primary's postmaster."""
    since_ns = monotonic_ns()
    await blocking(scene.rig.cluster.kill_postgres, await blocking(scene.rig.cluster.primary))
    scene.claim("writes came back without a human", await scene.writing_again(since_ns, FAILOVER_SECONDS_MAX))


async def kill_backend(scene: Scene) -> None:
    """kill -9 of one of the service's backends."""
    since_ns = monotonic_ns()
    psql = await blocking(scene.rig.psql)
    pid = await blocking(psql.run, BACKEND)
    if not pid:
        raise DrillFailure("The service has no connection to the primary.")
    os.kill(int(pid), signal.SIGKILL)
    scene.claim("writes came back without a human", await scene.writing_again(since_ns, FAILOVER_SECONDS_MAX))


async def lose_primary_node(scene: Scene) -> None:
    """All programs of the primary's node end at once."""
    since_ns = monotonic_ns()
    node = await blocking(scene.rig.cluster.primary)
    scene.kept["node"] = node.name
    await blocking(scene.rig.cluster.kill_node, node)
    scene.claim("writes came back without a human", await scene.writing_again(since_ns, FAILOVER_SECONDS_MAX))


async def bring_node_back(scene: Scene) -> None:
    """Start the node that was lost."""
    await blocking(scene.rig.cluster.start_node, str(scene.kept["node"]))


async def kill_sync_standby(scene: Scene) -> None:
    """kill -9 of the synchronous standby's postmaster."""
    await blocking(scene.rig.cluster.kill_postgres, await blocking(scene.rig.cluster.sync_standby))


async def lose_standbys(scene: Scene) -> None:
    """Patroni and Postgres of both standbys end; etcd stays, so that the primary keeps its lock."""
    cluster = scene.rig.cluster
    primary = await blocking(cluster.primary)
    standbys = [node.name for node in cluster.state.nodes if node.name != primary.name]
    scene.kept["nodes"] = standbys
    for name in standbys:
        await blocking(cluster.kill_patroni, name)
        await blocking(cluster.kill_postgres, name)
    since_ns = monotonic_ns()
    await scene.wait(scene.seconds)
    told = scene.told_between(since_ns + 1_000_000_000, monotonic_ns() - 5_000_000_000)
    posted = [one for one in told if one.kind == "earn" and one.is_settled]
    scene.claim("no write was acknowledged without a standby", not posted)
    scene.claim_reads(told)


async def bring_standbys_back(scene: Scene) -> None:
    """Start the Patronis of both standbys, who start Postgres."""
    names = scene.kept["nodes"]
    assert isinstance(names, list)  # noqa: S101 - kept by the injection
    for name in names:
        await blocking(scene.rig.cluster.start_patroni, name)


HIDDEN = Targets(write_gap_p95_seconds_max=5.0, write_gap_seconds_max=8.0, in_flight_share_min=0.95)

CRASHES = (
    Fault("F01", "kill -9 of the primary's postmaster", kill_primary, targets=HIDDEN),
    Fault("F02", "kill -9 of one backend of the service", kill_backend, targets=HIDDEN),
    Fault(
        "F03",
        "the primary's node is lost: Postgres, Patroni and etcd at once",
        lose_primary_node,
        bring_node_back,
        targets=Targets(write_gap_seconds_max=25.0),
    ),
    Fault(
        "F12",
        "kill -9 of the synchronous standby's postmaster",
        kill_sync_standby,
        nothing,
        watch_seconds=10.0,
        targets=Targets(write_gap_seconds_max=3.0),
    ),
    Fault("F13", "both standbys are lost, etcd stays", lose_standbys, bring_standbys_back, lasts_seconds=15.0),
)
