"""The scene of a fault: the load that runs, what can be broken, and what a fault finds out beyond the history."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic, monotonic_ns

from ledger_service.cli.drill.load import Load, Told
from ledger_service.cli.drill.operations import Operation
from ledger_service.cli.drill.recorder import Recorder
from ledger_service.cli.drill.rig import Rig
from ledger_service.cli.drill.schedule import READS
from ledger_service.cli.drill.wire import NotAnswered, Reply, Wire

POLL_SECONDS = 0.05
READS_SHARE_LEAST = 0.95
"""Of the reads that are meant to go on through a fault: those that meet its first moment may have to come again."""

OWN_NUMBERS = 10_000_000
"""Operations that a fault makes itself count from here, those of the load from 1."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something a fault must show beside a clean history."""

    text: str
    holds: bool


@dataclass(slots=True)
class Scene:
    """One drill while it runs."""

    rig: Rig
    load: Load
    recorder: Recorder
    say: Say
    chance: random.Random
    seconds: float
    """How long faults that have a length last."""
    claims: list[Claim] = field(default_factory=list)
    kept: dict[str, object] = field(default_factory=dict)
    """What an injection leaves for its healing."""
    numbers: "count[int]" = field(default_factory=lambda: count(OWN_NUMBERS))

    def claim(self, text: str, holds: bool) -> None:
        """Note whether something that must hold does."""
        self.claims.append(Claim(text, holds))

    async def wait(self, seconds: float) -> None:
        """Let the load run on."""
        await asyncio.sleep(seconds)

    async def writing_again(self, since_ns: int, seconds_max: float) -> bool:
        """Wait until a write that was meant to start after `since_ns` is settled; whether one was."""
        end = monotonic() + seconds_max
        while monotonic() < end:
            newest = self.load.told[-200:]
            if any(one.is_settled and one.intended_ns >= since_ns and one.kind not in READS for one in newest):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def answered(self, wire: Wire) -> None:
        """Wait until nobody waits for an answer on these connections, which are to be taken away."""
        while wire.busy:  # noqa: ASYNC110 - each of them ends by its deadline
            await asyncio.sleep(POLL_SECONDS)

    def told_between(self, from_ns: int, to_ns: int) -> list[Told]:
        """What became of the operations that were meant to start in this time, so far."""
        return [one for one in self.load.told if from_ns <= one.intended_ns < to_ns]

    def claim_reads(self, told: Iterable[Told]) -> None:
        """That of these operations nearly all that read were answered in their time."""
        read = [one for one in told if one.kind in READS]
        settled = sum(one.is_settled and one.is_in_time for one in read)
        self.claim("reads went on", bool(read) and settled >= READS_SHARE_LEAST * len(read))

    def told_again_between(self, from_ns: int, to_ns: int) -> list[Told]:
        """The same of settled operations that were sent again in this time."""
        return [one for one in self.load.told_again if from_ns <= one.intended_ns < to_ns]

    async def ask(
        self, wire: Wire, made: Operation, deadline_ms: int = 4500, token: str | None = None
    ) -> tuple[Reply | None, str]:
        """One attempt of the fault's own, recorded like any other: the answer, and its outcome."""
        headers = {
            "Authorization": f"Bearer {token or self.load.token}",
            "X-Request-Timeout-Ms": str(deadline_ms),
            "Content-Type": "application/json",
        }
        if made.key is not None:
            headers["Idempotency-Key"] = made.key
        invoke_ns = monotonic_ns()
        reply, reason, sent = None, None, True
        try:
            reply = await wire.ask(made.method, made.path, headers, made.body, deadline_ms / 1000 + 2)
        except NotAnswered as failure:
            reason, sent = failure.reason, failure.sent
        session = f"fault-{made.number}"
        noted = self.recorder.note(made, invoke_ns, invoke_ns, deadline_ms, session, reply, reason, sent=sent)
        return reply, noted.outcome.value
