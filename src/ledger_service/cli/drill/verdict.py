"""The verdict: what the history checker of the checkout says about a drill's folder."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_service.cli.bench.checkout import CHECKOUT
from ledger_service.cli.console import Misused
from ledger_service.cli.drill.failures import DrillFailure

CHECKER_SECONDS_MAX = 3600.0
SHOWN_MAX = 5
LOST, ONCE = 1, 2
UNREADABLE = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `counts`: findings by number of the check."""

    counts: dict[int, int]
    names: dict[int, str]
    sentences: tuple[str, ...]
    """The first findings of each check."""
    not_run: tuple[str, ...]
    """What did not run for want of data, and why."""
    unknown: int
    unknown_then_answered: int
    unknown_but_written: int
    unknown_not_written: int

    @property
    def is_clean(self) -> bool:
        """Whether no check found anything."""
        return not any(self.counts.values())

    @property
    def lost(self) -> int:
        """Acknowledged entries and refusals that are gone or changed."""
        return self.counts.get(LOST, 0)

    @property
    def duplicated(self) -> int:
        """Keys and orders with more than one effect."""
        return self.counts.get(ONCE, 0)


def checker_folder(checkout: Path = CHECKOUT) -> Path:
    """Where the checker is: beside the code, in a checkout. Raises Misused when there is none."""
    folder = checkout / "loadtests"
    if not (folder / "checker" / "__main__.py").is_file():
        raise Misused(
            f"A drill is judged by the history checker, which is not there: {folder / 'checker'}. "
            "Run drills from a checkout of the repository."
        )
    return folder


def check_history(folder: Path, loadtests: Path) -> Verdict:
    """Let the checker judge, in a process of its own, which gives its memory back. Blocks. Raises DrillFailure."""
    ended = subprocess.run(
        [sys.executable, "-m", "checker", str(folder.absolute())],
        cwd=loadtests,
        capture_output=True,
        text=True,
        timeout=CHECKER_SECONDS_MAX,
        check=False,
    )
    (folder / "checker.txt").write_text(ended.stdout + ended.stderr, encoding="utf-8")
    if ended.returncode not in (0, 1) or not (folder / "report.json").is_file():
        raise DrillFailure(f"The history could not be checked: {(ended.stderr or ended.stdout)[-1000:]}")
    return verdict_of(json.loads((folder / "report.json").read_text(encoding="utf-8")))


def verdict_of(document: dict[str, Any]) -> Verdict:
    """The checker's report as a value."""
    checks = document["checks"]
    liveness = document.get("liveness") or {}
    return Verdict(
        counts={one["check"]: one["count"] for one in checks},
        names={one["check"]: one["name"] for one in checks},
        sentences=tuple(
            f"check {one['check']}, {found['where']}: {found['what']}: "
            f"{found['expected']} expected, {found['found']} found"
            for one in checks
            for found in one["findings"][:SHOWN_MAX]
        ),
        not_run=tuple(f"{one['name']}: {one['left_out']}" for one in checks if one["left_out"]),
        unknown=liveness.get("unknown", 0),
        unknown_then_answered=liveness.get("unknown_then_answered", 0),
        unknown_but_written=liveness.get("unknown_but_written", 0),
        unknown_not_written=liveness.get("unknown_not_written", 0),
    )
