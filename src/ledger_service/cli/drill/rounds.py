"""Rounds: load that never stops, and in it, again and again, a fault that is injected, watched and healed."""

import asyncio
import json
import random
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns

from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.faults.fault import Fault
from ledger_service.cli.drill.figures import RoundFigures, Span, round_figures
from ledger_service.cli.drill.ledger_export import LedgerExport
from ledger_service.cli.drill.load import Load, Told
from ledger_service.cli.drill.operations import earning
from ledger_service.cli.drill.recorder import Recorder
from ledger_service.cli.drill.replicas import replicas_agree
from ledger_service.cli.drill.rig import Rig, blocking
from ledger_service.cli.drill.scene import Claim, Say, Scene
from ledger_service.cli.drill.schedule import Crowd
from ledger_service.cli.drill.verdict import Verdict, check_history
from ledger_service.cli.drill.wholeness import write_database_columns
from ledger_service.cli.drill.wire import NotAnswered, Wire
from ledger_service.errors import Failure

WARM_SECONDS = 3.0
OPENING_POINTS = 500
OPENING_NUMBERS = 5_000_000
WATCHING_NUMBERS = 20_000_000
OPENING_TRIES = 20
REPLAYED_MAX = 1000
"""Settled keys that are sent once more at the end, refusals among them, unless the fault wants all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a fault is drilled."""

    runs: int
    rate: float
    seed: int
    folder: Path
    """Where the history, the report and the timeline go."""
    seconds: float | None = None
    """How long faults that last do so; None: as long as each says itself."""
    repeats: float = 0.1
    """How often a success is sent once more, on average."""
    accounts: int = 40
    shares_cores: bool = False
    """Callers run on all cores, also in the way of what they flood."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one drill."""

    fault: Fault
    plan: Plan
    run: str
    rounds: tuple[RoundFigures, ...]
    claims: tuple[Claim, ...]
    told: Sequence[Told]
    seen: Mapping[str, int]
    """How often callers saw which answer, over all attempts."""
    repeats: int
    late: int
    unsent: int
    lag_seconds_max: float
    verdict: Verdict
    trouble: str | None
    """Why not all rounds were done; None when they were."""
    marks: tuple[tuple[int, str], ...] = field(default=())

    @property
    def acknowledged(self) -> int:
        """Operations whose callers know that points moved, or what a balance is."""
        return sum(one.outcome == "ok" for one in self.told)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or made up, and everything the fault claims holds."""
        return self.trouble is None and self.verdict.is_clean and all(claim.holds for claim in self.claims)


async def drill(fault: Fault, rig: Rig, plan: Plan, checker: Path, say: Say) -> Result:
    """Do all rounds of one fault, then hold the ledger against the history. Raises DrillFailure."""
    run = f"d{plan.seed}-{secrets.token_hex(4)}"
    crowd = Crowd(run=run, seed=plan.seed, rate=plan.rate, accounts=plan.accounts, repeats=plan.repeats)
    wire = Wire(rig.url)
    rounds: list[RoundFigures] = []
    marks: list[tuple[int, str]] = []
    trouble = None
    with Recorder(plan.folder) as recorder:
        load = Load(crowd, wire, rig.token, recorder, fault.patience)
        seconds = fault.lasts_seconds if plan.seconds is None else plan.seconds
        chance = random.Random(plan.seed)  # noqa: S311 - draws faults, protects nothing
        scene = Scene(rig, load, recorder, say, chance, seconds)
        await open_accounts(load)
        running = asyncio.gather(load.run(), *(load.watch(*one) for one in watched(crowd)))
        try:
            await scene.wait(WARM_SECONDS)
            for number in range(1, plan.runs + 1):
                rounds.append(await one_round(fault, scene, number, marks))
                say(f"{fault.name} {number}/{plan.runs}: write gap {rounds[-1].write_gap.seconds:.2f} s")
        except Failure as failure:
            trouble = str(failure)
        finally:
            load.stop()
            await running
        if trouble is None:
            settled = load.settled_keys if fault.replays_all else load.settled_keys[-REPLAYED_MAX:]
            again = await load.repeat_all(settled)
            scene.claim(
                "all settled keys that came again at the end were settled", all(one.is_settled for one in again)
            )
    say("Reading the whole ledger.")
    entries = await LedgerExport(wire, rig.token).write(crowd.account_ids(), plan.folder)
    if rig.psql_at is not None:
        await blocking(write_database_columns, await blocking(rig.psql), run, plan.folder)
        scene.claims += await blocking(replicas_agree, rig, run)
    wire.close()
    say(f"Checking {recorder.attempts:,} attempts against {entries:,} entries.")
    verdict = await blocking(check_history, plan.folder, checker)
    return Result(
        fault=fault,
        plan=plan,
        run=run,
        rounds=tuple(rounds),
        claims=tuple(scene.claims),
        told=load.told,
        seen=recorder.seen,
        repeats=len(load.told_again),
        late=recorder.late,
        unsent=load.unsent,
        lag_seconds_max=load.lag_seconds_max,
        verdict=verdict,
        trouble=trouble,
        marks=tuple(marks),
    )


def watched(crowd: Crowd) -> list[tuple[str, int]]:
    """The hot accounts, each read by a till of its own, and from which number its reads are counted."""
    hot = crowd.account_ids()[: crowd.hot]
    return [(account_id, WATCHING_NUMBERS * (place + 1)) for place, account_id in enumerate(hot)]


async def one_round(fault: Fault, scene: Scene, number: int, marks: list[tuple[int, str]]) -> RoundFigures:
    """Prepare, inject, watch, heal, settle, tidy. Heals and tidies also when something failed. Raises Failure."""
    try:
        await fault.prepare(scene)
        await scene.rig.healthy()
        return await prepared_round(fault, scene, number, marks)
    finally:
        await fault.tidy(scene)
        await scene.rig.healthy()


async def prepared_round(fault: Fault, scene: Scene, number: int, marks: list[tuple[int, str]]) -> RoundFigures:
    """The part of a round that counts. Raises Failure."""
    injected_ns = scene.recorder.mark(fault.name, "injected")
    marks.append((injected_ns, fault.name))
    try:
        await fault.inject(scene)
        await scene.wait(fault.watch_seconds)
    except BaseException:
        with suppress(Failure):
            await fault.heal(scene)
        raise
    healed_ns = scene.recorder.mark(fault.name, "healed")
    marks.append((healed_ns, "healed"))
    await fault.heal(scene)
    await scene.rig.healthy()
    await scene.wait(fault.settle_seconds)
    return round_figures(number, scene.load.told, Span(injected_ns, monotonic_ns()), healed_ns)


async def open_accounts(load: Load) -> None:
    """Open all accounts and give each some points, as part of the history. Raises DrillFailure."""
    headers = {"Authorization": f"Bearer {load.token}", "Content-Type": "application/json"}
    for number, account_id in enumerate(load.crowd.account_ids()):
        body = json.dumps({"account_id": account_id}).encode()
        await opened(load, {**headers, "Idempotency-Key": f"{account_id}-open"}, body)
        key = f"{load.crowd.run}-{OPENING_NUMBERS + number}"
        made = earning(OPENING_NUMBERS + number, account_id, OPENING_POINTS, key=key)
        told, answer = await load.settle(made, monotonic_ns())
        if told.outcome != "ok":
            raise DrillFailure(f"{account_id} could not be given points: {told.code} {answer}")


async def opened(load: Load, headers: Mapping[str, str], body: bytes) -> None:
    """Open one account, however often that has to be asked. Raises DrillFailure."""
    said = ""
    for _ in range(OPENING_TRIES):
        try:
            reply = await load.wire.ask("POST", "/v1/accounts", headers, body, 10.0)
        except NotAnswered as failure:
            said = failure.reason
        else:
            if reply.status == 201:
                return
            said = reply.body.decode(errors="replace")[:300]
            if reply.status not in (502, 503, 504):
                break
        await asyncio.sleep(0.5)
    raise DrillFailure(f"The accounts of the drill cannot be opened: {said}")
