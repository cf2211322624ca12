"""The books are lost, and restored to a point in time: from a base backup taken under load, and the archived WAL."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

from ledger_service.cli.drill.answers import Outcome
from ledger_service.cli.drill.faults.fault import Fault, Targets
from ledger_service.cli.drill.ledger_export import LedgerExport
from ledger_service.cli.drill.load import Load
from ledger_service.cli.drill.operations import Operation
from ledger_service.cli.drill.own_instance import OwnInstance, pinned
from ledger_service.cli.drill.recorder import ACCOUNTS, Recorder
from ledger_service.cli.drill.restoring.archive import size_of
from ledger_service.cli.drill.restoring.base_backup import BaseBackup
from ledger_service.cli.drill.restoring.figures import Figures
from ledger_service.cli.drill.restoring.journal import Line, Noted, as_restored, balances, in_order, journal_of
from ledger_service.cli.drill.restoring.point import Books, Point, differences
from ledger_service.cli.drill.restoring.restored import Restored, targets
from ledger_service.cli.drill.rig import Rig, blocking
from ledger_service.cli.drill.rigs import archiving_rig
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.drill.verdict import check_history, checker_folder
from ledger_service.cli.drill.wholeness import write_database_columns
from ledger_service.cli.drill.wire import Wire
from ledger_service.cli.psql import Psql

SHOWN_MAX = 5
WRITTEN_TO = "SELECT pg_current_wal_insert_lsn();\n"


@dataclass(frozen=True, slots=True)
class Loss:
    """What was noted before the books were lost."""

    point: Point
    backup: BaseBackup
    until_ns: int
    folder: Path


async def restore_to_a_point(scene: Scene) -> None:
    """Back up, note a point, go on, lose everything, restore twice, and let the tills come again."""
    figures = Figures()
    loss = await lose_books(scene, figures)
    for way, target in targets(loss.point).items():
        restored = await blocking(
            Restored.start, loss.backup, scene.rig.archive, target, loss.folder / f"restored-by-{way}"
        )
        try:
            figures.restore_seconds = restored.seconds
            scene.say(f"  restored by {way} in {restored.seconds:.1f} s: {restored.stopped}")
            await hold_against(scene, way, loss.point.books, await blocking(Books.read, restored.psql))
            if way == "time":  # what an operator would say
                await claim_sound(scene, restored, "restored")
                damage = await blocking(restored.damage)
                scene.claim(
                    f"pg_amcheck finds no damage{'' if damage is None else f', but: {damage[-500:]}'}", not damage
                )
                await let_tills_come(scene, restored, loss, figures)
                await claim_sound(scene, restored, "after the tills came again")
        finally:
            await blocking(restored.postgres.stop)
    for sentence in figures.sentences():
        scene.say(f"  {sentence}")
    figures.write(scene.recorder.folder)


async def lose_books(scene: Scene, figures: Figures) -> Loss:
    """A base backup, a point at a random instant after it, and more of the load, until all of it is archived."""
    psql = await blocking(scene.rig.psql)
    number = next(scene.numbers)
    folder = scene.rig.archive.folder / f"round-{number}"
    folder.mkdir(mode=0o755)
    backup = await blocking(BaseBackup.take, psql, folder / "base")
    scene.claim(
        f"pg_verifybackup finds nothing wrong{'' if backup.flaw is None else f', but: {backup.flaw}'}", not backup.flaw
    )
    await scene.wait(scene.chance.uniform(0, scene.seconds))
    point = await blocking(Point.note, psql, f"{scene.load.crowd.run}-{number}")
    scene.recorder.mark("F44", "point")
    await scene.wait(scene.chance.uniform(1, 1 + scene.seconds / 2))
    until_ns = monotonic_ns()
    figures.archived_after_seconds = await archived(scene, psql)
    figures.backup_bytes, figures.backup_seconds = backup.byte_count, backup.seconds
    figures.backup_checked_seconds, figures.held_ms = backup.checked_seconds, point.held_ms
    figures.segments, figures.segments_bytes = await blocking(size_of, scene.rig.archive.segments)
    figures.accounts, figures.entries = len(point.books.accounts), point.books.entries
    return Loss(point, backup, until_ns, folder)


async def archived(scene: Scene, psql: Psql) -> float:
    """Wait until all that was written up to now is archived; how long that took."""
    lsn = await blocking(psql.run, WRITTEN_TO)
    return await blocking(scene.rig.archive.wait_for, psql, lsn)


async def hold_against(scene: Scene, way: str, expected: Books, found: Books) -> None:
    """Claim that restored books are those of the point, saying what is not."""
    wrong = differences(expected, found)
    for sentence in wrong[:SHOWN_MAX]:
        scene.say(f"  {sentence}")
    text = (
        f"restored by {way}: {len(expected.accounts)} accounts and {expected.entries:,} entries are those of the point"
    )
    scene.claim(text, not wrong)


async def claim_sound(scene: Scene, restored: Restored, when: str) -> None:
    """Claim that the books can be recomputed."""
    sound, said = await blocking(restored.verify)
    scene.claim(f"verify, {when}: {said}", sound)


async def let_tills_come(scene: Scene, restored: Restored, loss: Loss, figures: Figures) -> None:
    """A service on the restored books is sent everything again that any till was told to have happened."""
    await scene.wait(max(0.0, scene.load.patience.deadline_ms / 1000 - (monotonic_ns() - loss.until_ns) / 1e9))
    before = [line for line in scene.recorder.lines() if line["intended_ns"] <= loss.until_ns]
    journal = journal_of(before)
    keys = loss.point.books.keys
    claim_kept(scene, before, keys, loss.point)
    known = [one for one in journal if one.key in keys]
    # A refusal moved nothing: nobody has to come again because of one that is forgotten.
    lost = [one for one in journal if one.key not in keys and one.outcome is Outcome.OK]
    requests = {made.number: made for made in scene.load.settled_keys}
    environment = pinned(scene.rig.environment, restored.postgres.port)
    own = await blocking(OwnInstance.start, environment, scene.rig.log_dir / "restored.log")
    folder = scene.recorder.folder / loss.folder.name
    wire = Wire(own.url)
    try:
        with Recorder(folder) as recorder:
            recorder.take_over(as_restored(before, keys, loss.point.before_ns, loss.until_ns))
            kept = recorder.attempts
            load = Load(scene.load.crowd, wire, scene.load.token, recorder, scene.load.patience)
            await load.repeat_all(requests[one.number] for one in known if one.number in requests)
            await repeat_in_order(load, lost, requests)
            await load.repeat_all(requests[one.number] for one in lost if one.number in requests)
            came = recorder.lines()[kept:]
        await LedgerExport(wire, load.token).write(load.crowd.account_ids(), folder)
        claim_answered(scene, came, known, lost, figures)
        await claim_exact(scene, restored.psql, journal, folder)
    finally:
        wire.close()
        await blocking(own.stop)


def claim_kept(scene: Scene, before: Iterable[Line], keys: frozenset[str], point: Point) -> None:
    """Claim that the point has everything that was acknowledged before it."""
    told = {
        line["key"]
        for line in before
        if line["key"] and line["outcome"] in (Outcome.OK, Outcome.REFUSED) and line["complete_ns"] < point.before_ns
    }
    text = f"of {len(told):,} keys answered before the point {len(told - keys)} are missing"
    scene.claim(text, bool(told) and told <= keys)


async def repeat_in_order(load: Load, lost: Sequence[Noted], requests: dict[int, Operation]) -> None:
    """Send what is not there any more, each account's in the order it had; accounts side by side."""
    order = in_order(lost)
    order.prepare()
    while order.is_active():
        ready = order.get_ready()
        await load.repeat_all(requests[number] for number in ready if number in requests)
        order.done(*ready)


def claim_answered(
    scene: Scene, came: Sequence[Line], known: Sequence[Noted], lost: Sequence[Noted], figures: Figures
) -> None:
    """Claim that known keys were replayed to the byte, and that the others were posted once and then replayed."""
    answers: dict[str, list[Line]] = {}
    for line in came:
        answers.setdefault(line["key"], []).append(line)
    asked = [one for one in known if one.key in answers]
    replayed = sum(
        all(line["replayed"] and line["body_sha"] == one.body_sha for line in answers[one.key]) for one in asked
    )
    scene.claim(
        f"keys from before the point were replayed to the byte: {replayed:,} of {len(asked):,}",
        replayed == len(asked) > 0,
    )
    posted = sum(is_posted_once(answers.get(one.key, [])) for one in lost)
    scene.claim(f"keys from after it were posted anew, once: {posted:,} of {len(lost):,}", posted == len(lost) > 0)
    again = {one.key: one.places for one in journal_of(came)}
    figures.same_seq = sum(again.get(one.key) == one.places for one in lost)
    figures.replayed, figures.posted_again, figures.given_up = replayed, posted, len(lost)


def is_posted_once(lines: Sequence[Line]) -> bool:
    """Whether the first answer says that it was posted now, and all others repeat it to the byte."""
    good = [line for line in lines if line["outcome"] == Outcome.OK]
    return (
        len(good) > 1
        and not good[0]["replayed"]
        and all(line["replayed"] and line["body_sha"] == good[0]["body_sha"] for line in good[1:])
    )


async def claim_exact(scene: Scene, psql: Psql, journal: Sequence[Noted], folder: Path) -> None:
    """Claim that balances are what tills were told before the loss, and that the checker finds nothing to object to."""
    rows = [json.loads(line) for line in (folder / ACCOUNTS).read_text(encoding="utf-8").splitlines()]
    told = balances(journal)
    right = sum(row["balance"] == told.get(row["account_id"], 0) for row in rows)
    scene.claim(
        f"balances that are the sum of all that was acknowledged before the loss: {right} of {len(rows)}",
        right == len(rows) > 0,
    )
    await blocking(write_database_columns, psql, scene.load.crowd.run, folder)
    verdict = await blocking(check_history, folder, checker_folder())
    for sentence in verdict.sentences[:SHOWN_MAX]:
        scene.say(f"  {sentence}")
    scene.claim("the history checker finds nothing in the restored books, keys twice included", verdict.is_clean)


def an_archive(rig: Rig) -> str | None:
    """Only where there is one."""
    return None if rig.held_archive is not None else "needs a Postgres that archives its WAL"


RESTORING = (
    Fault(
        "F44",
        "the books are lost and restored to a random instant; tills send everything again",
        restore_to_a_point,
        need=an_archive,
        watch_seconds=1.0,
        lasts_seconds=4.0,
        settle_seconds=1.0,
        targets=Targets(unsettled_max=0),
        own_rig=archiving_rig,
    ),
)
