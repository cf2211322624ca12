"""Said: a detail is read in full before any of it is believed."""

import pytest

from ledger_service.upkeep.said import NOTHING_SAID, holds_moved_in, said_by
from tests.builders import entry
from tests.unit.upkeep.replaying import checks_of


def test_an_entry_without_detail_says_nothing():
    assert said_by(entry()) is NOTHING_SAID
    assert said_by(entry(detail="{}")) == NOTHING_SAID


def test_holds_come_with_a_merge_into_the_account_only():
    detail = '{"merged":{"holds":["h-1","h-2"]}}'
    assert holds_moved_in(entry(kind="merge_in", detail=detail)) == ("h-1", "h-2")
    assert holds_moved_in(entry(kind="merge_out", detail=detail)) == ()
    assert holds_moved_in(entry(kind="merge_in", detail="[]")) == ()
    assert holds_moved_in(entry(kind="merge_in")) == ()


@pytest.mark.parametrize(
    "detail",
    [
        "[]",
        "7",
        "{",
        '{"hold_id":7}',
        '{"hold":[1]}',
        '{"counts":{"spend":"NaN"}}',
        '{"counts":{"day":"2026-13-40"}}',
        '{"parts":[[1,2]]}',
        '{"consumed":[[1]]}',
        '{"merged":{"days":[["2026-12-03"]]}}',
        '{"tier":["gold",1e400]}',
        "[" * 100_000,
    ],
    ids=lambda detail: detail[:30],
)
def test_a_detail_that_means_nothing_is_named_and_the_rest_is_still_checked(detail: str):
    assert checks_of([entry(seq=1, detail=detail)]) == ["readable"]


def test_the_parts_of_an_earn_are_all_of_it():
    parts = '{"parts":[[60,null,null,null],[39,null,"event","rule"]]}'
    assert checks_of([entry(seq=1, detail=parts)]) == ["parts"]
