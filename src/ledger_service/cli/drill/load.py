"""The load: callers who come when they come, whether the service answers or not, and insist until their deadline."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from time import monotonic, monotonic_ns
from typing import Any

from ledger_service.cli.drill.answers import Outcome, is_worth_another_try
from ledger_service.cli.drill.operations import Operation, Remembered, reading
from ledger_service.cli.drill.recorder import Attempt, Recorder
from ledger_service.cli.drill.schedule import Crowd, Intent, Kind, intents
from ledger_service.cli.drill.wire import NotAnswered, Reply, Wire

FORGIVING_SECONDS = 2.0
"""How long after the deadline an answer is still waited for, to learn how late it is."""

WATCH_SECONDS = 0.1
"""Between two reads of one till."""

BACK_AFTER_SECONDS_MAX = 3.0
"""A success is repeated within so many seconds, so that many repeats meet the fault."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long callers insist."""

    deadline_ms: int = 4500
    """Of the whole operation, from the instant it was meant to start."""
    attempt_ms_max: int = 4500
    """Of one attempt. Shorter than a commit may wait: then the same key comes again while the first still waits."""
    pause_seconds_max: float = 0.3
    """Between two attempts, with full jitter. Answers that say `Retry-After: 1` are tried earlier: a till with 4.5 s
    has no second to spare, and a drill shall press."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller was told about one operation in the end."""

    number: int
    kind: Kind
    account_id: str
    to_account: str | None
    intended_ns: int
    ended_ns: int
    outcome: Outcome
    code: str | None
    tries: int
    is_in_time: bool
    """Settled by its deadline."""

    @property
    def seconds(self) -> float:
        """Latency from the intended time, so that a stall is felt by everyone who meant to come in it."""
        return (self.ended_ns - self.intended_ns) / 1e9

    @property
    def is_settled(self) -> bool:
        """Whether the caller knows what became of it: moved, or refused by the books."""
        return self.outcome in (Outcome.OK, Outcome.REFUSED)


class Load:
    """One crowd against one address."""

    def __init__(
        self, crowd: Crowd, wire: Wire, token: str, recorder: Recorder, patience: Patience, in_flight_max: int = 4000
    ) -> None:
        self.crowd = crowd
        self.wire = wire
        self.token = token
        self.recorder = recorder
        self.patience = patience
        self.in_flight_max = in_flight_max
        self.remembered = Remembered()
        self.told: list[Told] = []
        self.told_again: list[Told] = []
        """What was told to those who came again."""
        self.unsent = 0
        """Operations that were not begun because `in_flight_max` were under way: the drill's own limit, reported."""
        self.lag_seconds_max = 0.0
        """How late the drill itself was with a request, at worst."""
        self.chance = random.Random(crowd.seed + 1)  # noqa: S311 - draws load, protects nothing
        self.under_way: set[asyncio.Task[None]] = set()
        self.is_stopping = asyncio.Event()
        self.settled_keys: list[Operation] = []

    async def run(self) -> None:
        """Send what is due until told to stop, then wait for what is under way."""
        started = monotonic()
        started_ns = monotonic_ns()
        for intent in intents(self.crowd):
            wait = started + intent.at - monotonic()
            if wait > 0 and await self.stopped_within(wait):
                break
            if self.is_stopping.is_set():
                break
            self.lag_seconds_max = max(self.lag_seconds_max, monotonic() - started - intent.at)
            if len(self.under_way) >= self.in_flight_max:
                self.unsent += 1
                continue
            # A timer may ring a millisecond early: nobody waits before he comes.
            self.begin(intent, min(started_ns + int(intent.at * 1e9), monotonic_ns()))
        while self.under_way:
            await asyncio.wait(self.under_way)

    async def watch(self, account_id: str, first_number: int) -> None:
        """Read one account again and again, each read after the answer to the one before, as one till does: what it is
        told must never go back. Ends when the load is told to stop."""
        for number in count(first_number):
            if await self.stopped_within(WATCH_SECONDS):
                return
            await self.settle(reading(number, account_id), monotonic_ns(), session=f"{self.crowd.run}-{account_id}")

    def stop(self) -> None:
        """Send nothing new."""
        self.is_stopping.set()

    async def stopped_within(self, seconds: float) -> bool:
        """Wait; whether it was told to stop meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self.is_stopping.wait()
        except TimeoutError:
            return False
        return True

    def begin(self, intent: Intent, intended_ns: int) -> None:
        """Send it, and see to it until it is settled."""
        made = self.remembered.operation_of(intent, self.crowd.run)
        task = asyncio.create_task(self.see_to(made, intended_ns, intent.repeats))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def see_to(self, made: Operation, intended_ns: int, repeats: int) -> None:
        """One operation from its first attempt to its last, and once more as often as it is to be repeated."""
        told, answer = await self.settle(made, intended_ns)
        self.told.append(told)
        if told.outcome is Outcome.OK and isinstance(answer, dict):
            self.remembered.note(made, answer)
        if told.is_settled and made.is_write:
            self.settled_keys.append(made)
            for _ in range(repeats):
                await self.stopped_within(self.chance.uniform(0, BACK_AFTER_SECONDS_MAX))
                await self.repeat(made)

    async def repeat(self, made: Operation) -> Told:
        """Send what is settled once more, as a caller who lost the answer would."""
        told, _ = await self.settle(made, monotonic_ns())
        self.told_again.append(told)
        return told

    async def repeat_all(self, operations: Iterable[Operation], at_once: int = 16) -> list[Told]:
        """Send all of them once more, some at a time."""
        room = asyncio.Semaphore(at_once)

        async def one(made: Operation) -> Told:
            async with room:
                return await self.repeat(made)

        return await asyncio.gather(*(one(made) for made in operations))

    async def settle(self, made: Operation, intended_ns: int, session: str | None = None) -> tuple[Told, Any]:
        """Ask until there is an answer that counts or the deadline has passed; also the answer's document. `session`:
        who reads one after the other; None: nobody else has this one."""
        session = session or f"{self.crowd.run}-{made.number}"
        ends_ns = intended_ns + self.patience.deadline_ms * 1_000_000
        tries = 0
        while True:
            left_ms = max(1, (ends_ns - monotonic_ns()) // 1_000_000)
            attempt = await self.attempt(made, intended_ns, min(left_ms, self.patience.attempt_ms_max), session)
            tries += 1
            in_time = attempt.complete_ns <= ends_ns
            pause = self.chance.uniform(0, self.patience.pause_seconds_max)
            is_over = monotonic_ns() + pause * 1e9 >= ends_ns
            if is_over or not is_worth_another_try(attempt.status, attempt.code):
                break
            await asyncio.sleep(pause)
        told = Told(
            number=made.number,
            kind=made.kind,
            account_id=made.account_id,
            to_account=made.to_account,
            intended_ns=intended_ns,
            ended_ns=attempt.complete_ns,
            outcome=attempt.outcome,
            code=attempt.code,
            tries=tries,
            is_in_time=in_time,
        )
        return told, attempt.body

    async def attempt(self, made: Operation, intended_ns: int, deadline_ms: int, session: str) -> Attempt:
        """One request, recorded."""
        headers = {"Authorization": f"Bearer {self.token}", "X-Request-Timeout-Ms": str(deadline_ms)}
        if made.key is not None:
            headers |= {"Idempotency-Key": made.key, "Content-Type": "application/json"}
        invoke_ns = monotonic_ns()
        reply: Reply | None = None
        reason, sent = None, True
        try:
            seconds_max = deadline_ms / 1000 + FORGIVING_SECONDS
            reply = await self.wire.ask(made.method, made.path, headers, made.body, seconds_max)
        except NotAnswered as failure:
            reason, sent = failure.reason, failure.sent
        return self.recorder.note(made, intended_ns, invoke_ns, deadline_ms, session, reply, reason, sent=sent)
