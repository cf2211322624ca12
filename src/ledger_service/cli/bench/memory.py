"""Memory: what one process holds while it is under full load for minutes."""

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from ledger_service.cli.bench.children import resident_bytes
from ledger_service.cli.bench.clients import Load
from ledger_service.cli.bench.entrants import Entrant, Stretch

SECONDS_BETWEEN = 1.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen, in bytes, a look a second."""

    seconds: int
    seen: tuple[int, ...]
    load: Load

    @property
    def most(self) -> int:
        """The most that was ever seen; 0 where the system does not say."""
        return max(self.seen, default=0)

    @property
    def growth(self) -> float | None:
        """How many times the second fifth the last one is: the first is for caches to fill. None of too few looks."""
        fifth = len(self.seen) // 5
        if not fifth:
            return None
        return median(self.seen[-fifth:]) / median(self.seen[fifth : 2 * fifth])


def soak(entrant: Entrant, pid: int, connections: int, seconds: int) -> Memory:
    """Full load of earns while its memory is watched. Raises ChildFailed."""
    seen: list[int] = []
    ended = threading.Event()
    watching = threading.Thread(target=watch, args=(pid, seen, ended.wait))
    watching.start()
    try:
        load = entrant.load(Stretch("earn", connections, seconds, f"soak-{secrets.token_hex(4)}"))
    finally:
        ended.set()
        watching.join()
    return Memory(seconds, tuple(seen), load)


def watch(pid: int, seen: list[int], wait: Callable[[float], bool]) -> None:
    """Look until we are told to end."""
    while not wait(SECONDS_BETWEEN):
        held = resident_bytes(pid)
        if held is not None:
            seen.append(held)


def megabytes(held: Sequence[int]) -> list[float]:
    """As they are drawn."""
    return [one / 1e6 for one in held]
