"""Everything at random: a seeded row of other faults, each healed before the next, for as long as asked."""

from time import monotonic

from ledger_service.cli.drill.faults.callers import CALLERS
from ledger_service.cli.drill.faults.crashes import CRASHES
from ledger_service.cli.drill.faults.deploys import DEPLOYS
from ledger_service.cli.drill.faults.disks import DISKS
from ledger_service.cli.drill.faults.fault import Fault
from ledger_service.cli.drill.faults.freezes import FREEZES
from ledger_service.cli.drill.faults.leadership import LEADERSHIP
from ledger_service.cli.drill.faults.pressure import PRESSURE
from ledger_service.cli.drill.faults.restore import RESTORING
from ledger_service.cli.drill.scene import Scene

EACH_SECONDS_MAX = 15.0
"""Faults that last are shortened to this, so that many of them come."""

SINGLE = (*CRASHES, *FREEZES, *LEADERSHIP, *DEPLOYS, *PRESSURE, *DISKS, *CALLERS, *RESTORING)


async def at_random(scene: Scene) -> None:
    """Draw a fault, inject it, heal it, wait until everything is there again, and so on until the time is over."""
    possible = [fault for fault in SINGLE if fault.need(scene.rig) is None]
    whole = scene.seconds
    end = monotonic() + whole
    while monotonic() < end:
        fault = scene.chance.choice(possible)
        scene.seconds = min(fault.lasts_seconds, EACH_SECONDS_MAX)
        scene.say(f"  {fault.name}: {fault.what}")
        await inject_and_heal(fault, scene)
        await scene.wait(scene.chance.uniform(0, fault.settle_seconds))
    scene.seconds = whole


async def inject_and_heal(fault: Fault, scene: Scene) -> None:
    """One of the faults from beginning to end."""
    try:
        await fault.prepare(scene)
        await scene.rig.healthy()
        scene.recorder.mark(fault.name, "injected")
        await fault.inject(scene)
        await scene.wait(scene.chance.uniform(0, fault.watch_seconds))
        scene.recorder.mark(fault.name, "healed")
        await fault.heal(scene)
        await scene.rig.healthy()
    finally:
        await fault.tidy(scene)
        await scene.rig.healthy()


STORM = Fault("F46", "everything at random, seeded", at_random, lasts_seconds=600.0, watch_seconds=0.0)
