"""The base backup: a copy of a running Postgres, checked against its own list of files."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Self

from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.drill.restoring.archive import size_of
from ledger_service.cli.psql import Psql

BACKUP_SECONDS_MAX = 600.0


@dataclass(frozen=True, slots=True)
class BaseBackup:
    """One that was taken."""

    folder: Path
    byte_count: int
    seconds: float
    checked_seconds: float
    flaw: str | None
    """What pg_verifybackup found wrong; None: nothing."""

    @classmethod
    def take(cls, psql: Psql, folder: Path) -> Self:
        """Take one into a new folder while everything goes on, and check it. Blocks. Raises ChildFailed."""
        begun = perf_counter()
        arguments = ["--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256", "--no-password"]
        program = str(psql.bin_dir / "pg_basebackup")
        run([program, f"--pgdata={folder}", *arguments], psql.environment(), BACKUP_SECONDS_MAX)
        taken = perf_counter()
        flaw = said_wrong([str(psql.bin_dir / "pg_verifybackup"), str(folder)], psql)
        return cls(folder, size_of(folder)[1], taken - begun, perf_counter() - taken, flaw)


def said_wrong(arguments: list[str], psql: Psql) -> str | None:
    """What a program of Postgres that looks for damage found; None when nothing. Blocks."""
    try:
        run(arguments, psql.environment(), BACKUP_SECONDS_MAX)
    except ChildFailed as found:
        return str(found)
    return None
