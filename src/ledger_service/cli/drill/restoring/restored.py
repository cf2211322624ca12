"""A Postgres restored from a base backup and the WAL archive, up to a point, in a folder of its own."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Self

from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.dev.files import DATABASE
from ledger_service.cli.drill.restoring.archive import WalArchive, restore_command
from ledger_service.cli.drill.restoring.base_backup import BaseBackup, said_wrong
from ledger_service.cli.drill.restoring.point import Point
from ledger_service.cli.psql import Psql
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.cluster import write_privately

VERIFY_SECONDS_MAX = 3600.0
PASSWORD = "superuser-password"  # noqa: S105 - the name of a file
STOPPING = "recovery stopping"

AMCHECK = ("--install-missing", "--heapallindexed", "--parent-check", "--no-password")
"""Every index against its table and its own order; reading it all also checks the checksum of every page."""


@dataclass(frozen=True, slots=True)
class Restored:
    """One that runs, promoted: it takes writes. Who restored it stops it."""

    postgres: EmbeddedPostgres
    psql: Psql
    seconds: float
    """From the first copied byte until it took writes."""
    stopped: str
    """Where it stopped, by its own word."""

    @classmethod
    def start(cls, backup: BaseBackup, archive: WalArchive, target: Mapping[str, str], folder: Path) -> Self:
        """Restore a copy of the backup. `target`: where recovery ends, as a setting of Postgres. Blocks.

        Raises EmbeddedFailure with the end of Postgres' log: the target was never reached, or a segment is missing."""
        begun = perf_counter()
        cluster = folder / "postgres"
        folder.mkdir(mode=0o755)
        shutil.copytree(backup.folder, cluster, symlinks=True)
        (cluster / "recovery.signal").touch(mode=0o600)
        archive.give(cluster)
        # The roles came with the backup, and with them their passwords.
        write_privately(folder / PASSWORD, (archive.data_dir / PASSWORD).read_text())
        settings = {
            "restore_command": restore_command(archive.segments),
            **target,
            "recovery_target_action": "promote",
            "hot_standby": "off",  # then who gets a session finds it promoted
        }
        postgres = EmbeddedPostgres.start(folder, settings=settings)
        seconds = perf_counter() - begun
        log = (folder / "postgres.log").read_text(errors="replace")
        stopped = next((line.partition("LOG:")[2].strip() for line in log.splitlines() if STOPPING in line), "")
        return cls(postgres, Psql(postgres.bin_dir, postgres.url(DATABASE)), seconds, stopped)

    def verify(self) -> tuple[bool, str]:
        """Whether `ledger-service verify` finds nothing wrong, and what it says last. Blocks."""
        arguments = [sys.executable, "-m", "ledger_service", "verify"]
        try:
            ended = run(arguments, {"LEDGER_READ_URL": self.psql.url}, VERIFY_SECONDS_MAX)
        except ChildFailed as found:
            return False, str(found)
        return True, ended.stdout.strip().splitlines()[-1]

    def damage(self) -> str | None:
        """What pg_amcheck finds; None when nothing. Blocks."""
        return said_wrong([str(self.psql.bin_dir / "pg_amcheck"), *AMCHECK, DATABASE], self.psql)


def targets(point: Point) -> dict[str, dict[str, str]]:
    """The ways to say that recovery ends at this point: by the name it was given, and by the time it was."""
    return {
        "name": {"recovery_target_name": point.name},
        "time": {"recovery_target_time": point.at, "recovery_target_inclusive": "on"},
    }
