"""Faults that end nothing: programs that stand still, and networks that swallow. The other side is told nothing."""

import os
import signal
from contextlib import AsyncExitStack
from time import monotonic_ns

from ledger_service.cli.drill.faults.crashes import FAILOVER_SECONDS_MAX
from ledger_service.cli.drill.faults.fault import Fault, Targets
from ledger_service.cli.drill.load import Patience
from ledger_service.cli.drill.own_instance import OwnInstance, pinned
from ledger_service.cli.drill.proxy import Proxy
from ledger_service.cli.drill.rig import blocking
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.drill.wire import Wire

BEFORE_DESTRUCTION_SECONDS = 4.0
"""How long commits wait before the primary is destroyed: longer than three attempts of a caller, shorter than
`wal_receiver_timeout`, after which a standby would connect anew and get what it missed."""

SENDERS = "SELECT pid FROM pg_stat_replication ORDER BY pid;\n"

HURRIED = Patience(attempt_ms_max=1000)
"""Callers who ask again, under the same key, while the commit of their first attempt still waits."""


async def destroy_unreplicated(scene: Scene) -> None:
    """Nothing reaches a standby, commits wait, callers repeat their keys; then the primary's node is destroyed.

    It is the primary's senders that stand still. Standbys that stand still would not do: what was sent to them waits in
    their sockets, and they would take it in afterwards."""
    cluster = scene.rig.cluster
    primary = await blocking(cluster.primary)
    scene.kept["node"] = primary.name
    psql = await blocking(scene.rig.psql)
    senders = [int(pid) for pid in (await blocking(psql.run, SENDERS)).split()]
    try:
        for pid in senders:
            os.kill(pid, signal.SIGSTOP)
        since_ns = monotonic_ns()
        await scene.wait(BEFORE_DESTRUCTION_SECONDS)
        found = await blocking(psql.run, SENDERS)
        scene.claim("nothing was sent to a standby meanwhile", sorted(map(int, found.split())) == sorted(senders))
    finally:
        await blocking(cluster.kill_node, primary)
    scene.claim("writes came back without a human", await scene.writing_again(since_ns, FAILOVER_SECONDS_MAX))


async def bring_destroyed_back(scene: Scene) -> None:
    """Start the destroyed node; what it had alone is rewound."""
    await blocking(scene.rig.cluster.start_node, str(scene.kept["node"]))


async def freeze_postmaster(scene: Scene) -> None:
    """The primary's postmaster stands still: sessions go on, new ones are not let in."""
    node = await blocking(scene.rig.cluster.primary)
    scene.kept["node"] = node.name
    await blocking(scene.rig.cluster.freeze_postmaster, node)
    await scene.wait(scene.seconds)


async def freeze_primary(scene: Scene) -> None:
    """All of the primary's Postgres stands still, its Patroni does not."""
    node = await blocking(scene.rig.cluster.primary)
    scene.kept["node"] = node.name
    await blocking(scene.rig.cluster.freeze, node)
    since_ns = monotonic_ns()
    await scene.wait(scene.seconds)
    scene.claim_reads(scene.told_between(since_ns, monotonic_ns() - 5_000_000_000))


async def thaw_kept(scene: Scene) -> None:
    """What stood still goes on, believing that no time has passed."""
    await blocking(scene.rig.cluster.thaw, str(scene.kept["node"]))


async def swallow_primary(scene: Scene) -> None:
    """An instance reaches Postgres through proxies; those of the primary swallow everything, then let go."""
    cluster = scene.rig.cluster
    primary = await blocking(cluster.primary)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy("127.0.0.1", primary.postgres_port, scene.load.crowd.seed))
        log = scene.rig.log_dir / "swallowed.log"
        own = await blocking(OwnInstance.start, pinned(scene.rig.environment, proxy.port), log)
        stack.push_async_callback(blocking, own.stop)
        through = Wire(own.url)
        before, scene.load.wire = scene.load.wire, through
        try:
            await scene.wait(3.0)
            proxy.swallow()
            swallowed_ns = scene.recorder.mark("F10", "injected")
            await scene.wait(scene.seconds)
            proxy.let_pass()
            passed_ns = scene.recorder.mark("F10", "healed")
            is_back = await scene.writing_again(passed_ns, 5.0)
            scene.claim("the instance wrote again within 5 s after the network came back", is_back)
            told = scene.told_between(swallowed_ns + 500_000_000, passed_ns - 5_000_000_000)
            scene.claim(
                "nothing was acknowledged through a swallowing network", not any(one.is_settled for one in told)
            )
            await scene.wait(1.0)
        finally:
            scene.load.wire = before
            # Those who still wait have their answers before their instance goes.
            await scene.answered(through)
            through.close()


async def freeze_instance(scene: Scene) -> None:
    """One instance of the service stands still; the proxy must stop sending callers to it."""
    pid = scene.rig.cluster.state.services[0].pid
    assert pid is not None  # noqa: S101 - the cluster runs
    scene.kept["pid"] = pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await scene.wait(scene.seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


FREEZES = (
    Fault(
        "F05",
        "nothing reaches a standby, commits wait beyond their deadline, then the primary's node is destroyed",
        destroy_unreplicated,
        bring_destroyed_back,
        patience=HURRIED,
        replays_all=True,
    ),
    Fault("F06", "the primary's postmaster stands still (SIGSTOP)", freeze_postmaster, thaw_kept, lasts_seconds=30.0),
    Fault(
        "F07", "all Postgres of the primary stands still, then goes on", freeze_primary, thaw_kept, lasts_seconds=60.0
    ),
    Fault(
        "F10",
        "the network between an instance and the primary swallows everything",
        swallow_primary,
        lasts_seconds=12.0,
    ),
    Fault(
        "F28",
        "an instance of the service stands still, then goes on",
        freeze_instance,
        lasts_seconds=20.0,
        targets=Targets(write_gap_seconds_max=3.0),
    ),
)
