"""Recorder: a line for every attempt, in the fields that the checker reads."""

import json
from pathlib import Path
from typing import Any

from ledger_service.cli.drill.answers import Outcome
from ledger_service.cli.drill.operations import earning, reading
from ledger_service.cli.drill.recorder import ATTEMPTS, FAULTS, Recorder
from ledger_service.cli.drill.wire import Reply

EARN = earning(7, "m-1", 5, key="d1-7", order_id="o-7")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_attempts_of_one_operation_are_numbered(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        for reply in (None, Reply(201, {"idempotent-replayed": "true"}, b'{"seq":1}')):
            recorder.note(EARN, 1, 2, 4500, "till-1", reply, "connection lost" if reply is None else None)
    first, second = lines(tmp_path / ATTEMPTS)
    assert [first["attempt"], second["attempt"]] == [1, 2]
    assert (first["outcome"], first["status"], first["body"]) == ("unknown", None, None)
    assert (second["outcome"], second["status"], second["replayed"]) == ("ok", 201, True)
    assert second["body"] == {"seq": 1}
    assert (second["key"], second["order"], second["points"], second["fingerprint"]) == (
        "d1-7",
        "o-7",
        5,
        EARN.fingerprint,
    )


def test_what_callers_saw_is_counted_by_status_and_code(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        recorder.note(EARN, 1, 2, 4500, "s", Reply(503, {}, b'{"code":"overloaded"}'))
        recorder.note(EARN, 1, 2, 4500, "s", Reply(201, {}, b"{}"))
        recorder.note(EARN, 1, 2, 4500, "s", Reply(502, {}, b"<html>"))
        recorder.note(EARN, 1, 2, 4500, "s", None, "timeout")
    assert recorder.seen == {"503 overloaded": 1, "201": 1, "502": 1, "timeout": 1}


def test_an_answer_later_than_its_deadline_and_250_ms_is_late(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        attempt = recorder.note(EARN, 1, 2, 1, "s", Reply(201, {}, b"{}"))
    assert attempt.is_late
    assert recorder.late == 1


def test_a_connection_that_was_never_made_wrote_nothing(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        attempt = recorder.note(EARN, 1, 2, 4500, "s", None, "connection lost", sent=False)
    assert attempt.outcome is Outcome.FAILED


def test_a_read_says_which_node_it_was_read_from(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        recorder.note(reading(1, "m-1"), 1, 2, 4500, "s", Reply(200, {}, b'{"source":"replica","seq":3}'))
    (read,) = lines(tmp_path / ATTEMPTS)
    assert (read["read_source"], read["key"], read["kind"]) == ("replica", None, "balance")


def test_faults_are_marked_on_the_clock_of_the_attempts(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        at_ns = recorder.mark("F01", "injected")
    assert lines(tmp_path / FAULTS) == [{"at_ns": at_ns, "fault": "F01", "what": "injected"}]
