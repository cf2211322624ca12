"""Faults of our own making: instances that end, come back, are replaced, and schemas that change under load."""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from ledger_service.cli.bench.checkout import CHECKOUT
from ledger_service.cli.bench.children import run
from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.faults.fault import Fault, Targets
from ledger_service.cli.drill.own_instance import OwnInstance
from ledger_service.cli.drill.rig import Rig, blocking
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.drill.wire import Wire
from ledger_service.cli.psql import PsqlFailed

KILLS = 6
"""Instances ended on the spot in one round, each at a random instant."""

TRIES_MAX = 20

EXPAND = (
    "ALTER TABLE ledger.account ADD COLUMN drill_note text",
    "ALTER TABLE ledger.entry ADD COLUMN drill_note text",
    "CREATE INDEX CONCURRENTLY drill_note ON ledger.entry (program_id) WHERE drill_note IS NOT NULL",
)
CONTRACT = (
    "DROP INDEX CONCURRENTLY IF EXISTS ledger.drill_note",
    "ALTER TABLE ledger.entry DROP COLUMN IF EXISTS drill_note",
    "ALTER TABLE ledger.account DROP COLUMN IF EXISTS drill_note",
)


async def kill_instances(scene: Scene) -> None:
    """kill -9 of one instance after the other, at random instants, each started again."""
    for _ in range(KILLS):
        await scene.wait(scene.chance.uniform(0.05, 1.5))
        number = scene.chance.randrange(len(scene.rig.cluster.state.services))
        await blocking(scene.rig.cluster.kill_service, number)
        await blocking(scene.rig.cluster.start_service, number)


async def restart_in_turn(scene: Scene) -> None:
    """SIGTERM to one instance after the other, each back before the next one goes."""
    for number in range(len(scene.rig.cluster.state.services)):
        await blocking(scene.rig.cluster.restart_service, number)
        await blocking(scene.rig.cluster.wait_serving)


async def migrate_under_load(scene: Scene) -> None:
    """A migration runs, then the schema is expanded, statement by statement, with a short lock timeout."""
    psql = await blocking(scene.rig.psql)
    environment = {"LEDGER_MIGRATION_URL": psql.url}
    await blocking(run, [sys.executable, "-m", "ledger_service", "migrate"], environment, 60.0)
    for statement in EXPAND:
        await change(scene, statement)


async def contract(scene: Scene) -> None:
    """Take back what the expansion added."""
    for statement in CONTRACT:
        await change(scene, statement)


async def change(scene: Scene, statement: str) -> None:
    """One change of the schema, tried again when it did not get its lock in time. Raises PsqlFailed."""
    for left in reversed(range(TRIES_MAX)):
        try:
            psql = await blocking(scene.rig.psql)
            await blocking(psql.run, f"SET lock_timeout = '2s';\n{statement};\n")
        except PsqlFailed as failure:
            if not left or "lock timeout" not in str(failure):
                raise
            await scene.wait(scene.chance.uniform(0.1, 0.5))
        else:
            return


async def run_two_versions(scene: Scene) -> None:
    """Another build of the service, on the same schema, takes every other connection."""
    revision = older_revision()
    scene.say(f"  the older build is {revision}")
    with tempfile.TemporaryDirectory(prefix="ledger-older-") as folder:
        await blocking(unpack, revision, Path(folder))
        log = scene.rig.log_dir / "older.log"
        own = await blocking(OwnInstance.start, scene.rig.environment, log, Path(folder) / "src")
        older, newer = Wire(own.url), scene.load.wire
        try:
            end = scene.seconds
            while end > 0:
                scene.load.wire = older
                await scene.wait(0.25)
                scene.load.wire = newer
                await scene.wait(0.25)
                end -= 0.5
        finally:
            scene.load.wire = newer
            await scene.answered(older)
            older.close()
            await blocking(own.stop)


def older_revision() -> str:
    """The newest release; without one the last commit, or the one before when nothing was changed since.

    Raises DrillFailure."""
    tag = git("tag", "--sort=-creatordate", "--merged", "HEAD")
    if tag:
        return tag.splitlines()[0]
    return git("rev-parse", "HEAD" if git("status", "--porcelain", "--", "src") else "HEAD~1")


def git(*arguments: str) -> str:
    """What git says about the checkout. Raises DrillFailure."""
    ended = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise DrillFailure(f"git {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout.strip()


def unpack(revision: str, folder: Path) -> None:
    """Put the sources of a revision into a folder. Blocks. Raises DrillFailure."""
    ended = subprocess.run(
        ["git", "archive", "--format=tar", revision, "src", "migrations"],
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
    )
    if ended.returncode != 0:
        raise DrillFailure(f"git archive {revision}: {ended.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(ended.stdout)) as archive:
        archive.extractall(folder, filter="data")


def two_versions(rig: Rig) -> str | None:
    """A checkout with a history, whose older revision has the same migrations."""
    if not rig.environment:
        return "needs to know how instances are started"
    try:
        revision = older_revision()
        if git("rev-parse", f"{revision}:migrations") != git("rev-parse", "HEAD:migrations"):
            return f"the last release, {revision}, has other migrations"
        if git("status", "--porcelain", "--", "migrations"):
            return "the migrations of the checkout are not committed"
    except (DrillFailure, OSError) as failure:
        return f"there is no older version to run: {failure}"
    return None


DEPLOYS = (
    Fault("F27", "kill -9 of instances of the service at random instants", kill_instances),
    Fault(
        "F30",
        "rolling restart of all instances (SIGTERM in turn)",
        restart_in_turn,
        targets=Targets(unsettled_max=0, two_tries_suffice=True),
    ),
    Fault(
        "F42",
        "migration under load: the schema is expanded and contracted",
        migrate_under_load,
        contract,
        targets=Targets(unsettled_max=0, write_gap_seconds_max=2.5),
    ),
    Fault(
        "F43",
        "an older build of the service beside this one, on one schema",
        run_two_versions,
        need=two_versions,
        lasts_seconds=10.0,
        targets=Targets(unsettled_max=0),
    ),
)
