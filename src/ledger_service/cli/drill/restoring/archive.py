"""The WAL archive: where a Postgres copies each finished segment of its WAL, and how they come back."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.psql import Psql
from ledger_service.embedded.children import Account, account_for

ARCHIVE_TIMEOUT_SECONDS = 2
"""How much of the newest books a lost machine takes with it; a minute in production. Less fills the archive with
segments that are mostly empty."""

ARCHIVED_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1

IS_ARCHIVED = "SELECT coalesce(last_archived_wal >= pg_walfile_name('{lsn}'), false) FROM pg_stat_archiver;\n"


@dataclass(frozen=True, slots=True)
class WalArchive:
    """Of one Postgres. `folder`: of everything here; the archive, the base backups and what is restored of them."""

    folder: Path
    account: Account
    """As whom Postgres runs, restored or not."""

    @classmethod
    def made(cls, folder: Path) -> Self:
        """An empty one, in a folder that everyone may enter. Raises EmbeddedFailure."""
        archive = cls(folder, account_for(folder / "first" / "postgres"))
        archive.segments.mkdir(mode=0o700)
        archive.give(archive.segments)
        return archive

    @property
    def data_dir(self) -> Path:
        """Of the Postgres that is archived."""
        return self.folder / "first"

    @property
    def segments(self) -> Path:
        """Where the segments are."""
        return self.folder / "archive"

    def settings(self) -> Mapping[str, str]:
        """What the Postgres that is archived has to be told."""
        return {
            "archive_mode": "on",
            "archive_command": archive_command(self.segments),
            "archive_timeout": f"{ARCHIVE_TIMEOUT_SECONDS}s",
        }

    def wait_for(self, psql: Psql, lsn: str) -> float:
        """Wait until all WAL up to this place is archived; how many seconds it took. Blocks. Raises DrillFailure."""
        begun = monotonic()
        while psql.run(IS_ARCHIVED.format(lsn=lsn)) != "t":
            if monotonic() - begun > ARCHIVED_SECONDS_MAX:
                raise DrillFailure(f"The WAL up to {lsn} was not archived within {ARCHIVED_SECONDS_MAX:.0f} s.")
            sleep(POLL_SECONDS)
        return monotonic() - begun

    def give(self, path: Path) -> None:
        """Make it and all that is in it that account's own."""
        if self.account.uid is None or self.account.gid is None:
            return
        for folder, _, names in os.walk(path):
            for each in (Path(folder), *(Path(folder, name) for name in names)):
                os.chown(each, self.account.uid, self.account.gid, follow_symlinks=False)


def archive_command(segments: Path) -> str:
    """Copies a segment so that it is either whole and on disk under its name, or not there.

    A segment that is there already is left alone and counts as archived if it is the same: Postgres asks again for one
    whose success it could not write down. Another one under that name is a mistake somebody has to look at."""
    there = shlex.quote(str(segments))
    return (
        f"if test -e {there}/%f; then cmp -s %p {there}/%f; "
        f"else cp %p {there}/%f.new && sync {there}/%f.new && mv {there}/%f.new {there}/%f && sync {there}; fi"
    )


def restore_command(segments: Path) -> str:
    """Fetches one again. It fails for those that are not there, by which Postgres knows the end."""
    return f"cp {shlex.quote(str(segments))}/%f %p"


def size_of(folder: Path) -> tuple[int, int]:
    """How many files there are below a folder, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
