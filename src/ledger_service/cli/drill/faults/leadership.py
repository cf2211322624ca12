"""Faults around who leads: planned switchovers, a lost etcd, and a primary that does not know it was replaced."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, monotonic_ns

from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.drill.faults.fault import Fault, Targets
from ledger_service.cli.drill.load import Patience
from ledger_service.cli.drill.operations import Operation, earning
from ledger_service.cli.drill.own_instance import OwnInstance, pinned
from ledger_service.cli.drill.rig import blocking
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.drill.wire import Wire
from ledger_service.cli.psql import PsqlFailed

PROMOTION_SECONDS_MAX = 60.0
ZOMBIE_SECONDS = 10.0
"""How long the old primary is asked on after another was promoted."""

REPLAYED_AT_ONCE = 20


async def switch_over(scene: Scene) -> None:
    """A planned switchover through Patroni."""
    await blocking(scene.rig.cluster.switchover)


async def lose_etcd(scene: Scene) -> None:
    """All members of etcd end. Patroni must hold on as long as all nodes see each other."""
    await blocking(scene.rig.cluster.stop_etcd)
    await scene.wait(scene.seconds)


async def bring_etcd_back(scene: Scene) -> None:
    """Start all members of etcd."""
    await blocking(scene.rig.cluster.start_etcd)


async def pin_to_zombie(scene: Scene) -> None:
    """Patroni of the primary ends, Postgres stays; an instance knows only this Postgres and is asked on and on."""
    cluster = scene.rig.cluster
    node = await blocking(cluster.primary)
    scene.kept["node"] = node.name
    environment = pinned(scene.rig.environment, node.postgres_port)
    own = await blocking(OwnInstance.start, environment, scene.rig.log_dir / "pinned.log")
    wire = Wire(own.url)
    try:
        await blocking(cluster.kill_patroni, node)
        unsure: list[Operation] = []
        promoting = asyncio.create_task(promoted_instead_of(scene, node.name))
        while not promoting.done():
            await ask_zombie(scene, wire, unsure)
        scene.claim("another node was promoted", promoting.result())
        end = monotonic() + ZOMBIE_SECONDS
        acknowledged = 0
        while monotonic() < end:
            acknowledged += await ask_zombie(scene, wire, unsure)
        acknowledged += await replay(scene, wire, unsure[-REPLAYED_AT_ONCE:])
        scene.claim("the replaced primary acknowledged nothing, replays included", acknowledged == 0)
    finally:
        await blocking(own.stop)
        wire.close()


async def promoted_instead_of(scene: Scene, name: str) -> bool:
    """Wait until another node has the leader's lock and was promoted; whether it was. In between it still follows the
    old primary, whose commits it holds: what is acknowledged then is safe."""
    end = monotonic() + PROMOTION_SECONDS_MAX
    while monotonic() < end:
        with suppress(ClusterFailure, PsqlFailed):
            if (await blocking(scene.rig.cluster.primary)).name != name:
                told = await blocking(scene.rig.psql().run, "SELECT pg_is_in_recovery();")
                if told.strip() == "f":
                    return True
        await asyncio.sleep(0.2)
    return False


async def ask_zombie(scene: Scene, wire: Wire, unsure: list[Operation]) -> int:
    """One new write and one repeated one; how many were acknowledged."""
    number = next(scene.numbers)
    run = scene.load.crowd.run
    account_id = scene.chance.choice(scene.load.crowd.account_ids())
    made = earning(number, account_id, scene.chance.randint(1, 60), key=f"{run}-{number}")
    acknowledged = await replay(scene, wire, [made, *unsure[-1:]])
    if not acknowledged:
        unsure.append(made)
    return acknowledged


async def replay(scene: Scene, wire: Wire, operations: Sequence[Operation]) -> int:
    """Send all of them at once; how many were acknowledged."""
    asked_ns = monotonic_ns()
    answers = await asyncio.gather(*(scene.ask(wire, made, 1000) for made in operations))
    if monotonic_ns() - asked_ns < 50_000_000:
        await asyncio.sleep(0.05)  # refused at once: no need to hammer
    return sum(outcome in ("ok", "refused") for _, outcome in answers)


async def start_patroni_again(scene: Scene) -> None:
    """Patroni of the replaced primary starts, finds another leader, and rewinds."""
    await blocking(scene.rig.cluster.start_patroni, str(scene.kept["node"]))


TWICE = Patience(deadline_ms=9000, attempt_ms_max=4500)
"""A till gives up after 5 s and sends the same request once more."""

LEADERSHIP = (
    Fault(
        "F04b",
        "Patroni of the primary ends, its Postgres stays, and an instance is pinned to it",
        pin_to_zombie,
        start_patroni_again,
    ),
    Fault(
        "F14",
        "all members of etcd are down",
        lose_etcd,
        bring_etcd_back,
        lasts_seconds=120.0,
        targets=Targets(unsettled_max=0),
    ),
    Fault(
        "F16",
        "planned switchover",
        switch_over,
        patience=TWICE,
        targets=Targets(write_gap_seconds_max=5.0, unsettled_max=0, two_tries_suffice=True),
    ),
)
