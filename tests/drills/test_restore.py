"""F44: the books are lost and restored to a point in time, on a Postgres of their own that archives its WAL."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger_service.cli.drill.matrix import fault_named
from ledger_service.cli.drill.report import broken
from ledger_service.cli.drill.restoring.figures import FIGURES
from ledger_service.cli.drill.rigs import archiving_rig
from ledger_service.cli.drill.rounds import Plan, Result, drill
from ledger_service.cli.drill.verdict import checker_folder

SHORT = replace(fault_named("F44"), watch_seconds=0.2, settle_seconds=0.2)


def drilled(folder: Path) -> tuple[Result, dict[str, Any]]:
    """A short drill, and its figures."""
    plan = Plan(runs=1, rate=40.0, seed=11, folder=folder, seconds=1.0, accounts=8)
    with archiving_rig(lambda _: None) as rig:
        result = asyncio.run(drill(SHORT, rig, plan, checker_folder(), lambda _: None))
    return result, json.loads((folder / FIGURES).read_text())


def test_lost_books_come_back_as_they_were_and_tills_bring_the_rest_once(tmp_path: Path):
    result, figures = drilled(tmp_path)
    assert broken(result) == []
    assert figures["given_up"] == figures["posted_again"] > 0
    assert figures["replayed"] > 0
    assert figures["accounts"] == 8
