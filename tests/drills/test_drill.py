"""Drills on a single service: what is recorded can be checked, and a history that was tampered with is not clean."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.cli.drill.matrix import fault_named
from ledger_service.cli.drill.recorder import ATTEMPTS, ENTRIES
from ledger_service.cli.drill.report import broken, figures
from ledger_service.cli.drill.rig import Rig
from ledger_service.cli.drill.rounds import Plan, Result, drill
from ledger_service.cli.drill.timeline import draw
from ledger_service.cli.drill.verdict import LOST, ONCE, check_history, checker_folder
from ledger_service.cli.psql import Psql
from tests.instances import make_program, run, starting_instances
from tests.servers import TestServer, cloning


@pytest.fixture(scope="module")
def rig(postgres: TestServer, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One instance on a database of its own."""
    with cloning(postgres, template_database) as clone:
        database = clone()
        folder = tmp_path_factory.mktemp("instances")
        with starting_instances(database.service_url, folder) as start:
            instance = start()
            program = run(make_program(database.service_url))
            psql = Psql(postgres.bin_dir, database.owner_url)
            yield Rig(instance.url, program.token, folder, psql_at=lambda _: psql, single_port=0)


def drilled(rig: Rig, name: str, folder: Path) -> Result:
    """A short drill of one fault."""
    plan = Plan(runs=1, rate=60.0, seed=11, folder=folder, seconds=2.0, accounts=8)
    fault = replace(fault_named(name), watch_seconds=0.2, settle_seconds=0.2)
    return asyncio.run(drill(fault, rig, plan, checker_folder(), lambda _: None))


@pytest.fixture(scope="module")
def lost_answers(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """F34, whose history the tests below read."""
    return drilled(rig, "F34", tmp_path_factory.mktemp("F34"))


def test_answers_that_are_lost_lose_no_points_and_double_none(lost_answers: Result):
    assert broken(lost_answers) == []
    found = figures(lost_answers)
    assert (found["lost"], found["duplicated"]) == (0, 0)
    assert found["seen"]["connection lost"] > 0
    assert found["unknown_told_by_a_retry"] > 0
    assert found["forced_retries"] > 100


def test_every_check_that_needs_the_database_is_run(lost_answers: Result):
    assert lost_answers.verdict.not_run == ()
    assert set(lost_answers.verdict.counts) == set(range(1, 12))


def test_the_timeline_is_a_picture(lost_answers: Result, tmp_path: Path):
    draw(lost_answers.told, lost_answers.marks, "F34", tmp_path / "timeline.png")
    assert (tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_new_keys_for_known_orders_earn_once(rig: Rig, tmp_path: Path):
    assert broken(drilled(rig, "F36", tmp_path)) == []


def without_last_acknowledged(folder: Path) -> None:
    """Take the newest entry that somebody was told about out of the ledger."""
    told = {(one["body"]["account_id"], one["body"]["seq"]) for one in lines(folder / ATTEMPTS) if is_earned(one)}
    newest = max(told)
    rewrite(folder / ENTRIES, lambda row: None if (row["account_id"], row["seq"]) == newest else row)


def with_a_second_effect(folder: Path) -> None:
    """Give two entries of one account the same key."""
    rows = [row for row in lines(folder / ENTRIES) if row["kind"] == "earn" and row["seq"] > 1]
    key = rows[0]["idempotency_key"]
    named = (rows[1]["account_id"], rows[1]["seq"])
    rewrite(
        folder / ENTRIES,
        lambda row: row | {"idempotency_key": key} if (row["account_id"], row["seq"]) == named else row,
    )


@pytest.mark.parametrize(("tamper", "check"), [(without_last_acknowledged, LOST), (with_a_second_effect, ONCE)])
def test_a_ledger_that_was_tampered_with_is_not_clean(
    lost_answers: Result, tmp_path: Path, tamper: Callable[[Path], None], check: int
):
    for path in lost_answers.plan.folder.glob("*.jsonl"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tamper(tmp_path)
    verdict = check_history(tmp_path, checker_folder())
    assert not verdict.is_clean
    assert verdict.counts[check] > 0


def is_earned(attempt: dict[str, Any]) -> bool:
    return attempt["kind"] == "earn" and attempt["outcome"] == "ok"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    changed = [change(row) for row in lines(path)]
    path.write_text("".join(json.dumps(row) + "\n" for row in changed if row is not None))
