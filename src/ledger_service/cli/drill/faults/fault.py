"""A fault: what is broken, how it is mended, and what must hold beyond a clean history."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ledger_service.cli.drill.load import Patience
from ledger_service.cli.drill.rig import Rig
from ledger_service.cli.drill.scene import Say, Scene

Act = Callable[[Scene], Awaitable[None]]
Need = Callable[[Rig], str | None]
"""Why a fault cannot be injected here; None when it can."""


async def nothing(_scene: Scene) -> None:
    """It mends itself, or the injection did it."""


def anything(_rig: Rig) -> str | None:
    """Every rig will do."""
    return None


def a_cluster(rig: Rig) -> str | None:
    """Only where there is more than one node."""
    return None if rig.held_cluster is not None else "needs a cluster"


@dataclass(frozen=True, slots=True)
class Targets:
    """Figures that are promised. They are compared, never asserted: how fast a machine was is no fault of the books."""

    write_gap_p95_seconds_max: float | None = None
    write_gap_seconds_max: float | None = None
    in_flight_share_min: float | None = None
    """Of the writes under way or begun between the fault and the first success after it."""
    unsettled_max: int | None = None
    """Writes that were not settled in time, in all rounds together."""
    two_tries_suffice: bool = False


PATIENT = Patience()


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the fault matrix."""

    name: str
    what: str
    """What is done, in a line."""
    inject: Act
    heal: Act = nothing
    prepare: Act = nothing
    """What has to be there before, and takes time: done and healthy before the injection is marked."""
    tidy: Act = nothing
    """Takes back what `prepare` did, whatever came of the rest."""
    need: Need = a_cluster
    watch_seconds: float = 5.0
    """How long the load runs on between the injection and the healing."""
    lasts_seconds: float = 0.0
    """How long it lasts by itself, where the injection does not end at once; `--duration` says otherwise."""
    settle_seconds: float = 3.0
    """How long it runs on once everything is healthy again."""
    targets: Targets = Targets()
    patience: Patience = PATIENT
    replays_all: bool = False
    """Afterwards every settled key is sent once more, not only a part of them."""
    own_rig: Callable[[Say], AbstractContextManager[Rig]] | None = None
    """Makes the rig it is drilled on; None: on the one of all others."""
