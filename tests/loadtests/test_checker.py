"""The history checker is quiet about good histories and finds every kind of corruption."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from checker.__main__ import main
from checker.checks import NEED_ATTEMPTS, Judgement, judge
from checker.findings import ACROSS, CHAIN, LOST, NAMES
from checker.history import Unreadable, history_of, read_history
from checker.report import document_of, print_report
from tests.calls import calls_in
from tests.loadtests.corruptions import CORRUPTIONS, Corrupt, acknowledged_row_is_dropped, transfers_cross
from tests.loadtests.good_histories import SECOND_NS, Recorded, recorded
from tests.loadtests.small_ledger import Document

SEEDS = 30


def corrupted(seed: int, corrupt: Corrupt) -> Judgement:
    made = recorded(seed, steps=16)
    made.quiet()
    corrupt(made)
    return judge(made.history())


def rows_of(made: Recorded) -> list[Document]:
    return [row for account in made.ledger.accounts.values() for row in account.rows]


def accounts_of(made: Recorded) -> list[Document]:
    return [account.shown(made.ledger.now) for account in made.ledger.accounts.values()]


def write_lines(path: Path, lines: Sequence[Document]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def written(made: Recorded, folder: Path) -> Path:
    write_lines(folder / "attempts.jsonl", made.attempts)
    write_lines(folder / "entries.jsonl", rows_of(made))
    write_lines(folder / "accounts.jsonl", accounts_of(made))
    write_lines(folder / "opening.jsonl", made.opening)
    write_lines(folder / "refusals.jsonl", made.refusals)
    write_lines(folder / "faults.jsonl", made.faults)
    return folder


def test_a_thousand_good_histories_have_no_finding():
    for seed in range(1000):
        assert judge(recorded(seed).history()).findings == (), f"seed {seed}"


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda corrupt: corrupt.__name__)
def test_every_seeded_corruption_is_found_by_its_check(corrupt: Corrupt):
    for seed in range(SEEDS):
        found = {finding.check for finding in corrupted(seed, corrupt).findings}
        assert CORRUPTIONS[corrupt] in found, f"seed {seed}: only {found}"


def test_crossing_transfers_that_each_account_can_explain_are_found_across_accounts_alone():
    for seed in range(SEEDS):
        found = {finding.check for finding in corrupted(seed, transfers_cross).findings}
        assert found == {ACROSS}, f"seed {seed}"


def test_an_export_without_attempts_is_checked_as_far_as_the_books_alone_can_show():
    made = recorded(7)
    judgement = judge(history_of(rows_of(made), accounts_of(made)))
    assert judgement.findings == ()
    assert {v.check for v in judgement.verdicts if not v.was_run} == NEED_ATTEMPTS | {LOST}
    assert all(v.left_out is not None for v in judgement.verdicts if not v.was_run)
    rows = rows_of(made)
    rows[-1]["balance_after"] += 1
    assert not judge(history_of(rows, accounts_of(made))).is_clean


def test_without_movements_the_hash_chain_is_said_not_to_have_run():
    made = recorded(7)
    for row in rows_of(made):
        for name in ("movements", "detail", "program_id"):
            del row[name]
    judgement = judge(made.history())
    (chain,) = (verdict for verdict in judgement.verdicts if verdict.check == CHAIN)
    assert (judgement.findings, chain.was_run) == ((), False)
    assert chain.left_out is not None


def test_a_good_folder_is_exit_code_0_and_a_corrupt_one_1_with_a_report(tmp_path: Path, capsys: pytest.CaptureFixture):
    made = recorded(3)
    assert main([str(written(made, tmp_path))]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["clean"] is True
    acknowledged_row_is_dropped(made)
    assert main([str(written(made, tmp_path))]) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["clean"] is False
    assert {check["name"] for check in report["checks"] if check["count"]} >= {NAMES[LOST]}
    assert "The history breaks promises." in capsys.readouterr().out


def test_a_folder_that_cannot_be_read_is_exit_code_2_and_says_which_line(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main([str(tmp_path)]) == 2
    written(recorded(3), tmp_path)
    with (tmp_path / "attempts.jsonl").open("a") as file:
        file.write('\n{"op": 1}\n')
    assert main([str(tmp_path)]) == 2
    assert "attempts.jsonl line" in capsys.readouterr().err
    with pytest.raises(Unreadable):
        read_history(tmp_path)


def test_an_answer_without_its_fields_is_a_finding_and_the_other_checks_still_run():
    made = recorded(3)
    made.attempts.append(line(9000, "balance", invoke_ns=1, complete_ns=2, outcome="ok", key=None, body={"seq": 1}))
    judgement = judge(made.history())
    assert not judgement.is_clean
    assert {verdict.check for verdict in judgement.verdicts if verdict.count == 0} >= {LOST, CHAIN}


def test_the_work_grows_with_the_history_and_not_with_its_square():
    small, large = recorded(11, steps=150).history(), recorded(11, steps=600).history()
    assert calls_in(lambda: judge(large)) < 6 * calls_in(lambda: judge(small))


def line(op: int, kind: str = "earn", **fields: Any) -> Document:
    document = {"op": op, "attempt": 1, "kind": kind, "account": "m-1", "key": f"k-{op}", "fingerprint": "00"}
    document |= {"outcome": "refused", "status": 409, "replayed": False, "body": {"code": "limit_exceeded"}}
    return document | {"body_sha": "00", **fields}


def judged(attempts: Sequence[Document], faults: Sequence[Document] = (), rows: Sequence[Document] = ()) -> Judgement:
    return judge(history_of(rows, [], attempts, faults=faults))


def test_liveness_measures_the_gap_by_intended_time_and_the_silence_by_completion():
    attempts = []
    for number in range(300):
        meant = number * SECOND_NS // 20
        # Whatever is meant for the seconds 5 to 7 is answered at 8; of what is meant for second 6 nothing is answered.
        is_lost = 6 * SECOND_NS <= meant < 7 * SECOND_NS
        done = 8 * SECOND_NS + number if 5 * SECOND_NS <= meant < 8 * SECOND_NS else meant + 1_000_000
        lost = {"outcome": "unknown", "status": None, "body": None, "body_sha": None, "complete_ns": None}
        times = {"invoke_ns": meant, "complete_ns": done}
        attempts.append(line(number, **times) | (lost if is_lost else {}))
    faults = [{"at_ns": 5 * SECOND_NS, "fault": "crash", "what": "injected"}]
    faults.append({"at_ns": 7 * SECOND_NS, "fault": "crash", "what": "healed"})
    figures = judged(attempts, faults).liveness
    assert figures is not None
    (away,) = figures.faults
    assert away.gap_ms == pytest.approx(1050)
    assert away.silence_ms == pytest.approx(3049, abs=1)
    assert away.healed_after_ms == 2000
    assert away.rate_before == pytest.approx(20, rel=0.05)
    assert away.recovered_after_ms == pytest.approx(3000, abs=1)
    assert (figures.unknown, figures.unknown_not_written, figures.unanswered) == (20, 20, 20)
    assert figures.late == 0


def test_liveness_counts_answers_that_came_more_than_250_ms_after_the_deadline():
    late, in_time = 4_751_000_000, 4_750_000_000
    attempts = [line(1, invoke_ns=0, complete_ns=late), line(2, invoke_ns=0, complete_ns=in_time)]
    attempts.append(line(3, invoke_ns=0, complete_ns=1_000_000_000, deadline_ms=500))
    figures = judged(attempts).liveness
    assert figures is not None
    assert (figures.late, figures.slowest_ms) == (2, 4751.0)


def test_liveness_tells_what_became_of_what_nobody_was_told_about():
    told, written_only = recorded(1, steps=0), recorded(1, steps=0)
    for made, is_told in ((told, True), (written_only, False)):
        answer = made.ledger.earn("m-1", 5, "k-1", None, None, None)
        asked: Document = {"kind": "earn", "key": "k-1", "account": "m-1", "points": 5, "order": None}
        made.attempt(asked, 1, None, None)
        if is_told:
            made.attempt(asked, 10, 20, answer, replayed=True)
        figures = judge(made.history()).liveness
        assert figures is not None
        assert (figures.unknown_then_answered, figures.unknown_but_written) == (int(is_told), int(not is_told))


def test_the_report_shows_every_check_and_the_first_findings():
    made = recorded(3)
    transfers_cross(made)
    judgement = judge(made.history())
    out = io.StringIO()
    print_report(judgement, Console(file=out, width=200))
    assert all(name in out.getvalue() for name in NAMES.values())
    assert "one order for all accounts" in out.getvalue()
    assert document_of(judgement)["liveness"]["attempts"] == len(made.attempts)
