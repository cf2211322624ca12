"""Faults of a disk: a primary that has no room left. Its data directory is put on a small disk in memory first."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic, monotonic_ns

from ledger_service.cli.cluster.cluster import Cluster
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.faults.crashes import FAILOVER_SECONDS_MAX
from ledger_service.cli.drill.faults.fault import Fault, a_cluster
from ledger_service.cli.drill.rig import Rig, blocking
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.psql import PsqlFailed

DISK_BYTES = 1 << 30
"""Room for the books of a drill and for the WAL of a copy; it is memory."""

CHUNK = b"\0" * (1 << 20)
STREAMING = "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming');\n"
FILLER = "filler"
ASIDE = "postgres.aside"
SYNC_SECONDS_MAX = 60.0
LEAVE_SECONDS_MAX = 15.0
COPY_SECONDS_MAX = 60.0


async def move_primary_to_small_disk(scene: Scene) -> None:
    """A standby is built anew on a small disk and becomes the primary."""
    cluster = scene.rig.cluster
    name = await blocking(asynchronous_standby, cluster)
    scene.kept["node"] = name
    await blocking(cluster.kill_patroni, name)
    await blocking(cluster.kill_postgres, name)
    await blocking(mount, cluster.node(name).data_dir)
    await blocking(cluster.start_patroni, name)
    await copied(scene, name)
    await scene.rig.healthy()
    if (await blocking(cluster.sync_standby)).name != name:
        await blocking(cluster.kill_postgres, await blocking(cluster.sync_standby))
        await scene.rig.healthy()
    await until_synchronous(scene, name)
    await blocking(cluster.switchover)
    await scene.rig.healthy()
    if (await blocking(cluster.primary)).name != name:
        raise DrillFailure(f"{name}, which is on the small disk, did not become the primary.")


async def copied(scene: Scene, name: str) -> None:
    """Wait until the node streams. The copy begins with a checkpoint, which would take minutes if nobody hurried it."""
    end = monotonic() + COPY_SECONDS_MAX
    while not await blocking(streams, scene.rig, name):
        if monotonic() > end:
            raise DrillFailure(f"{name} could not be built anew on the small disk.")
        psql = await blocking(scene.rig.psql)
        await blocking(psql.run, "CHECKPOINT;\n")
        await scene.wait(1.0)


def streams(rig: Rig, name: str) -> bool:
    """Whether the node follows the primary, by its own word: etcd remembers for a while who it was before."""
    if rig.psql_at is None:
        return False
    try:
        return rig.psql_at(rig.cluster.node(name).postgres_port).run(STREAMING) == "t"
    except PsqlFailed:
        return False


def asynchronous_standby(cluster: Cluster) -> str:
    """A standby that no commit waits for. Raises DrillFailure."""
    for member in cluster.members():
        if member.role == "replica":
            return member.name
    raise DrillFailure("There is no asynchronous standby to be put on a small disk.")


async def until_synchronous(scene: Scene, name: str) -> None:
    """Wait until commits wait for this node. Raises DrillFailure."""
    end = monotonic() + SYNC_SECONDS_MAX
    while monotonic() < end:
        with suppress(ClusterFailure):
            if (await blocking(scene.rig.cluster.sync_standby)).name == name:
                return
        await scene.wait(0.5)
    raise DrillFailure(f"{name}, which is on the small disk, did not become the synchronous standby.")


def mount(data_dir: Path) -> None:
    """Put an empty small disk where the data directory was, which is kept aside. Blocks. Raises DrillFailure."""
    owner = data_dir.stat()
    data_dir.rename(data_dir.with_name(ASIDE))
    data_dir.mkdir(mode=0o700)
    options = f"size={DISK_BYTES},mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    mounted(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data_dir)])


def mounted(arguments: list[str]) -> None:
    """Mount or unmount. Raises DrillFailure."""
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise DrillFailure(f"{' '.join(arguments)}: {ended.stderr.strip()}")


async def fill_disk(scene: Scene) -> None:
    """Something else takes all room on the primary's disk."""
    since_ns = monotonic_ns()
    await blocking(fill, scene.rig.cluster.node(str(scene.kept["node"])).data_dir / FILLER)
    scene.claim("writes came back without a human", await scene.writing_again(since_ns, FAILOVER_SECONDS_MAX))
    await scene.wait(scene.seconds)
    scene.claim_reads(scene.told_between(since_ns, monotonic_ns() - 1_000_000_000))


def fill(path: Path) -> None:
    """Write until there is no room. Blocks."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(CHUNK):
            pass


async def make_room(scene: Scene) -> None:
    """Somebody takes away what filled the disk."""
    await blocking((scene.rig.cluster.node(str(scene.kept["node"])).data_dir / FILLER).unlink, True)


async def unmount(scene: Scene, data_dir: Path) -> None:
    """Take the small disk away as soon as the last program that ended has left it. Raises DrillFailure."""
    end = monotonic() + LEAVE_SECONDS_MAX
    while await blocking(os.path.ismount, data_dir):
        try:
            await blocking(mounted, ["umount", str(data_dir)])
        except DrillFailure:
            if monotonic() > end:
                raise
            await scene.wait(0.2)


async def move_back(scene: Scene) -> None:
    """The node gets its own disk again."""
    name = scene.kept.pop("node", None)
    if name is None:
        return
    cluster = scene.rig.cluster
    data_dir = cluster.node(str(name)).data_dir
    await blocking(cluster.kill_patroni, str(name))
    with suppress(ClusterFailure):
        await blocking(cluster.kill_postgres, str(name))
    aside = data_dir.with_name(ASIDE)
    if aside.exists():
        await unmount(scene, data_dir)
        await blocking(data_dir.rmdir)
        await blocking(aside.rename, data_dir)
    await blocking(cluster.start_patroni, str(name))


def a_small_disk(rig: Rig) -> str | None:
    """Whether this machine lets us mount one."""
    if (reason := a_cluster(rig)) is not None:
        return reason
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "mounting a small disk needs root"
    with tempfile.TemporaryDirectory() as folder:
        try:
            mounted(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder])
            mounted(["umount", folder])
        except DrillFailure as failure:
            return f"no small disk can be mounted: {failure}"
    return None


DISKS = (
    Fault(
        "F17",
        "the disk of the primary is full",
        fill_disk,
        make_room,
        prepare=move_primary_to_small_disk,
        tidy=move_back,
        need=a_small_disk,
        lasts_seconds=10.0,
    ),
)
