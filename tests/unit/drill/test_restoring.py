"""Restoring: an archive that keeps what it has, digests that see every difference, tills that come again in order."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.cli.drill.answers import Outcome
from ledger_service.cli.drill.faults.restore import is_posted_once
from ledger_service.cli.drill.matrix import fault_named
from ledger_service.cli.drill.restoring.archive import archive_command, restore_command
from ledger_service.cli.drill.restoring.journal import Noted, as_restored, balances, in_order, journal_of
from ledger_service.cli.drill.restoring.point import Books, Point, differences
from ledger_service.cli.drill.restoring.restored import targets
from ledger_service.cli.drill.rig import Rig

RUNBOOK = Path(__file__).parents[3] / "deploy" / "ha" / "README.md"
SEGMENT = "00000001000000000000000A"
BOOKS = Books({"1/a": "active 2 50", "1/b": "active 1 10"}, 3, "c0ffee", frozenset({"k1", "k2", "k3"}))


def shell(command: str, folder: Path) -> int:
    """Run it as Postgres does: in its data directory, with the names filled in."""
    filled = command.replace("%p", f"pg_wal/{SEGMENT}").replace("%f", SEGMENT)
    return subprocess.run(["/bin/sh", "-c", filled], cwd=folder, check=False, capture_output=True).returncode


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A data directory with a finished segment, and an empty archive whose name a shell has to be careful with."""
    data, archive = tmp_path / "data", tmp_path / "the archive"
    (data / "pg_wal").mkdir(parents=True)
    archive.mkdir()
    (data / "pg_wal" / SEGMENT).write_bytes(b"as written")
    return data, archive


def test_a_segment_is_archived_and_comes_back(folders: tuple[Path, Path]):
    data, archive = folders
    assert shell(archive_command(archive), data) == 0
    assert [path.name for path in archive.iterdir()] == [SEGMENT]
    (data / "pg_wal" / SEGMENT).unlink()
    assert shell(restore_command(archive), data) == 0
    assert (data / "pg_wal" / SEGMENT).read_bytes() == b"as written"


def test_a_segment_that_is_there_already_counts_as_archived_only_if_it_is_the_same(folders: tuple[Path, Path]):
    data, archive = folders
    (archive / SEGMENT).write_bytes(b"as written")
    assert shell(archive_command(archive), data) == 0
    (archive / SEGMENT).write_bytes(b"of another server")
    assert shell(archive_command(archive), data) != 0
    assert (archive / SEGMENT).read_bytes() == b"of another server"


def test_a_copy_that_was_interrupted_is_made_anew(folders: tuple[Path, Path]):
    data, archive = folders
    (archive / f"{SEGMENT}.new").write_bytes(b"as wr")
    assert shell(archive_command(archive), data) == 0
    assert [(path.name, path.read_bytes()) for path in archive.iterdir()] == [(SEGMENT, b"as written")]


def test_a_segment_that_is_not_there_ends_the_archive(folders: tuple[Path, Path]):
    data, archive = folders
    assert shell(restore_command(archive), data) != 0


def test_a_failing_archive_loses_nothing_quietly(folders: tuple[Path, Path]):
    data, archive = folders
    archive.rmdir()
    assert shell(archive_command(archive), data) != 0


def test_the_runbook_archives_as_the_drill_does():
    runbook = " ".join(RUNBOOK.read_text().replace("\\\n", "").split())
    assert archive_command(Path("/A")).replace("/A", "$A") in runbook


def test_equal_books_differ_in_nothing():
    assert differences(BOOKS, replace(BOOKS, accounts=dict(BOOKS.accounts))) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (replace(BOOKS, accounts=BOOKS.accounts | {"1/b": "active 1 11"}), "account 1/b: active 1 10 expected"),
        (replace(BOOKS, accounts={"1/a": "active 2 50"}), "account 1/b: active 1 10 expected, nothing found"),
        (replace(BOOKS, accounts=BOOKS.accounts | {"1/c": "active 1 1"}), "account 1/c: nothing expected"),
        (replace(BOOKS, entries=4), "3 entries expected, 4 found"),
        (replace(BOOKS, chain="decaf"), "3 entries expected, 3 found, or others"),
        (replace(BOOKS, keys=frozenset({"k1", "k2"})), "1 keys are missing, 0 are there that should not be"),
        (replace(BOOKS, keys=BOOKS.keys | {"k4"}), "0 keys are missing, 1 are there that should not be"),
    ],
)
def test_every_difference_is_said(found: Books, said: str):
    assert [said in sentence for sentence in differences(BOOKS, found)] == [True]


def test_a_point_is_named_in_both_ways_that_postgres_knows():
    point = Point("d1-7", "2026-11-22T06:52:39.09+00:00", "0/7000000", BOOKS, 4.0, 0)
    assert targets(point)["name"] == {"recovery_target_name": "d1-7"}
    assert targets(point)["time"]["recovery_target_time"] == "2026-11-22T06:52:39.09+00:00"


def line(number: int, outcome: str = "ok", at: int = 0, **more: Any) -> dict[str, Any]:
    """An attempt of one earn of 10 points on account `a`."""
    body = {"account_id": "a", "seq": number, "points": 10}
    return {
        "op": number,
        "key": f"k{number}",
        "outcome": outcome,
        "intended_ns": at,
        "complete_ns": at,
        "replayed": False,
        "body_sha": f"sha{number}",
        "body": body,
    } | more


def test_a_journal_has_the_first_good_answer_under_each_key():
    attempts = [
        line(1, at=30, replayed=True, body_sha="later"),
        line(1, at=10, outcome="unknown", body=None),
        line(1, at=20),
        line(2, at=5, outcome="refused", body={"code": "insufficient_points"}),
        line(3, at=6, outcome="failed", body={"code": "overloaded"}),
        line(4, at=7, key=None),
    ]
    assert journal_of(attempts) == [
        Noted(2, "k2", Outcome.REFUSED, "sha2", (), ()),
        Noted(1, "k1", Outcome.OK, "sha1", (("a", 1),), (("a", 10),)),
    ]


def test_a_transfer_has_a_place_in_both_books_and_a_hold_moves_nothing():
    legs = [{"account_id": "a", "seq": 4, "points": -7}, {"account_id": "b", "seq": 2, "points": 7}]
    held = {"hold_id": "hold_1", "account_id": "b", "seq": 3, "points": 5}
    transfer, hold = journal_of([line(1, at=1, body={"entries": legs}), line(2, at=2, body=held)])
    assert transfer.places == (("a", 4), ("b", 2))
    assert hold.places == (("b", 3),)
    assert balances([transfer, hold]) == {"a": -7, "b": 7}


def noted(number: int, *places: tuple[str, int]) -> Noted:
    return Noted(number, f"k{number}", Outcome.OK, "", places, ())


def test_tills_come_again_in_the_order_of_each_account():
    # 3 brings to b what 4 takes from it, although 4 was answered first and has the lower seq.
    some = [noted(4, ("b", 2)), noted(3, ("a", 9), ("b", 1)), noted(2, ("a", 8)), noted(1, ("c", 1))]
    order = list(in_order(some).static_order())
    assert sorted(order) == [1, 2, 3, 4]
    assert order.index(2) < order.index(3) < order.index(4)


def test_the_restored_books_answer_for_what_was_told_before_the_point_and_for_what_they_have():
    told_before = line(1, at=10)
    known_told_later = line(2, at=150)
    given_up = line(3, at=160)
    read_before, read_later = line(4, at=20, key=None), line(5, at=170, key=None)
    known_after_the_loss = line(2, at=250)
    attempts = [told_before, known_told_later, given_up, read_before, read_later, known_after_the_loss]
    kept = as_restored(attempts, frozenset({"k2"}), before_ns=100, until_ns=200)
    assert kept == [told_before, known_told_later, read_before]  # k1 is missing in the books, and will be found to be


@pytest.mark.parametrize(
    ("replayed", "shas", "is_once"),
    [
        ([False, True], ["x", "x"], True),
        ([False, True, True], ["x", "x", "x"], True),
        ([True, True], ["x", "x"], False),
        ([False, False], ["x", "x"], False),
        ([False, True], ["x", "y"], False),
        ([False], ["x"], False),
        ([], [], False),
    ],
)
def test_a_key_was_posted_once_if_all_later_answers_repeat_the_first(
    replayed: list[bool], shas: list[str], is_once: bool
):
    answers = [line(1, replayed=one, body_sha=sha) for one, sha in zip(replayed, shas, strict=True)]
    assert is_posted_once(answers) is is_once


def test_a_rig_without_an_archive_is_not_drilled():
    reason = fault_named("F44").need(Rig("http://127.0.0.1:1", "token", Path()))
    assert reason is not None
    assert "archives" in reason
