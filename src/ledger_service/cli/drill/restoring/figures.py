"""Figures of a restore: how large everything was, and how long it took."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

FIGURES = "restore.json"
MEGABYTE = 1e6


@dataclass(slots=True)
class Figures:
    """Filled in as the drill goes. Seconds and bytes, where nothing else is said."""

    backup_bytes: int = 0
    backup_seconds: float = 0.0
    backup_checked_seconds: float = 0.0
    segments: int = 0
    segments_bytes: int = 0
    archived_after_seconds: float = 0.0
    """From the last answer before the loss until its WAL was archived: what a lost machine would have taken with it."""
    held_ms: float = 0.0
    """How long writers waited while the digests were read. Only the drill does that: a time needs no preparation."""
    restore_seconds: float = 0.0
    accounts: int = 0
    entries: int = 0
    given_up: int = 0
    """Acknowledged after the point, and therefore not in the restored books."""
    replayed: int = 0
    posted_again: int = 0
    same_seq: int = 0
    """Of those posted again, that got the seq they had."""

    def sentences(self) -> Iterator[str]:
        """For people."""
        yield (
            f"base backup {self.backup_bytes / MEGABYTE:.1f} MB in {self.backup_seconds:.1f} s, checked in "
            f"{self.backup_checked_seconds:.1f} s; {self.segments} segments of WAL, "
            f"{self.segments_bytes / MEGABYTE:.0f} MB; "
            f"the last answer was archived after {self.archived_after_seconds:.1f} s"
        )
        yield (
            f"restored in {self.restore_seconds:.1f} s: {self.accounts} accounts, {self.entries:,} entries; writers "
            f"waited {self.held_ms:.0f} ms for the digests"
        )
        yield (
            f"{self.given_up:,} acknowledged commands were given up: {self.posted_again:,} of them were posted anew, "
            f"{self.same_seq:,} at the seq they had; {self.replayed:,} from before the point were replayed"
        )

    def write(self, folder: Path) -> None:
        """Write them beside the history."""
        (folder / FIGURES).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
