"""The report: a table for whoever ran it, and `report.json`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from checker.checks import Judgement
from checker.findings import LIVENESS, NAMES
from checker.liveness import Liveness

SHOWN_MAX = 10
"""Findings of one check that are printed; `report.json` has more."""


def document_of(judgement: Judgement) -> dict[str, Any]:
    """The judgement as JSON."""
    return {
        "clean": judgement.is_clean,
        "entries": judgement.entries,
        "accounts": judgement.accounts,
        "commands": judgement.commands,
        "checks": [
            {
                "check": verdict.check,
                "name": verdict.name,
                "was_run": verdict.was_run,
                "left_out": verdict.left_out,
                "count": verdict.count,
                "findings": [asdict(finding) for finding in verdict.findings],
            }
            for verdict in judgement.verdicts
        ],
        "liveness": None if judgement.liveness is None else asdict(judgement.liveness),
    }


def write_report(judgement: Judgement, path: Path) -> None:
    """Write `report.json`."""
    path.write_text(json.dumps(document_of(judgement), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def print_report(judgement: Judgement, console: Console) -> None:
    """Print what each check says, the first findings, and how long the service was away."""
    said = f"{judgement.commands} commands, {judgement.entries} entries, {judgement.accounts} accounts"
    table = Table("check", "", "findings", "did not run", box=None, title=said, title_justify="left")
    for verdict in judgement.verdicts:
        count = str(verdict.count) if verdict.was_run else "–"
        table.add_row(str(verdict.check), verdict.name, count, Text(verdict.left_out or ""))
    away = "figures below" if judgement.liveness is not None else "–"
    table.add_row(str(LIVENESS), NAMES[LIVENESS], away, "no attempts" if judgement.liveness is None else "")
    console.print(table)
    for verdict in judgement.verdicts:
        for finding in verdict.findings[:SHOWN_MAX]:
            line = (
                f"{finding.check} {finding.where}: {finding.what}: {finding.expected} expected, {finding.found} found"
            )
            console.print(Text(line, style="red"), soft_wrap=True)
        if verdict.count > SHOWN_MAX:
            console.print(f"{verdict.check} … and {verdict.count - SHOWN_MAX} more")
    if judgement.liveness is not None:
        _print_liveness(judgement.liveness, console)
    console.print("Nothing wrong was found." if judgement.is_clean else "The history breaks promises.")


def _print_liveness(figures: Liveness, console: Console) -> None:
    console.print(
        f"{figures.attempts} attempts, {figures.unknown} unknown ({figures.unknown_share:.2%}): of their commands "
        f"{figures.unknown_then_answered} were told by a retry, {figures.unknown_but_written} turned out written, "
        f"{figures.unknown_not_written} not written. {figures.late} answers later than deadline + 250 ms, "
        f"slowest {figures.slowest_ms:.0f} ms, {figures.unanswered} attempts without an answer."
    )
    if not figures.faults:
        return
    table = Table("fault", "gap ms", "silence ms", "reads gap ms", "writes/s before", "95 % again after ms", box=None)
    for away in figures.faults:
        numbers = (away.gap_ms, away.silence_ms, away.reads_gap_ms, away.rate_before, away.recovered_after_ms)
        table.add_row(Text(away.fault), *("–" if number is None else f"{number:.0f}" for number in numbers))
    console.print(table)
