"""Replay: what the core writes is never contradicted, and what somebody else wrote always is."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.entries import Entry, Kind
from ledger_service.ledger.program import Clawback, ProgramSettings
from ledger_service.storage.audit import Unreadable
from ledger_service.upkeep.findings import CHECKS
from ledger_service.upkeep.replay import Replay
from tests.books.commands import Batch, histories
from tests.books.memory import Books
from tests.books.programs import programs
from tests.builders import (
    ACCOUNT,
    DAY,
    NOON,
    PROGRAM_ID,
    adjust,
    earn,
    entry,
    lot,
    movement,
    open_account,
    redeem,
)
from tests.unit.upkeep.replaying import VERSIONS, chained, checks_of, contradictions_of, replayed, resealed, stored_of
from tests.varied_books import STORIES, Batches

PROPERTY = settings(max_examples=30, deadline=None)


def books_after(program: ProgramSettings, history: list[Batch]) -> Books:
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    return books


@PROPERTY
@given(programs, histories())
def test_whatever_the_core_writes_is_contradicted_by_nothing(program: ProgramSettings, history: list[Batch]):
    books = books_after(program, history)
    for account_id in books.accounts:
        assert contradictions_of(books, account_id) == []


OTHER_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "points": st.integers(-40, 40),
    "balance_after": st.integers(-40, 40),
    "available_after": st.integers(-40, 40),
    "held_after": st.integers(0, 40),
    "order_id": st.sampled_from([None, "B-9"]),
    "source": st.just("elsewhere"),
    "key": st.sampled_from([None, "another"]),
    "reason": st.sampled_from([None, "as agreed"]),
    "metadata": st.just('{"a":1}'),
    "movements": st.just((movement(3, expires_at=NOON + 50 * DAY),)),
    "written_off": st.integers(0, 40),
    "rule_version": st.integers(1, 3),
    "kind": st.sampled_from(get_args(Kind)),
    "detail": st.sampled_from([None, '{"hold_id":"h-1"}']),
    "occurred_at": st.just(NOON + timedelta(microseconds=1)),
    "recorded_at": st.just(NOON - timedelta(microseconds=1)),
}


@PROPERTY
@given(programs, histories(), st.data())
def test_no_field_of_an_entry_can_be_changed_unseen(
    program: ProgramSettings, history: list[Batch], data: st.DataObject
):
    books = books_after(program, history)
    account_id = data.draw(st.sampled_from(sorted(books.accounts)))
    entries = list(books.entries[account_id])
    assume(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(sorted(OTHER_VALUES)))
    changed = replace(entries[place], **{name: data.draw(OTHER_VALUES[name])})
    assume(changed != entries[place])
    entries[place] = changed
    _, findings = replayed(account_id, entries)
    assert (changed.seq, "hash") in [(finding.seq, finding.check) for finding in findings]


def test_every_field_of_an_entry_is_changed_above():
    unchanged = {"program_id", "account_id", "seq", "previous_hash", "hash"}
    dates = {"available_at", "expires_at", "reverses_seq", "transfer_id"}
    assert {field.name for field in fields(Entry)} - unchanged - dates == set(OTHER_VALUES)


@PROPERTY
@given(programs, histories(), st.data())
def test_no_entry_can_be_taken_out_unseen(program: ProgramSettings, history: list[Batch], data: st.DataObject):
    books = books_after(program, history)
    account_id = data.draw(st.sampled_from(sorted(books.accounts)))
    entries = list(books.entries[account_id])
    assume(entries)
    del entries[data.draw(st.integers(0, len(entries) - 1))]
    replay, findings = replayed(account_id, entries)
    findings += replay.contradictions(stored_of(books.accounts[account_id]))
    assert "seq" in [finding.check for finding in findings] or findings[0].expected.startswith("seq")


def test_one_wrong_balance_is_not_reported_for_all_that_follow():
    entries = [entry(seq=1), resealed(entry(seq=2, balance_after=999, available_after=200))]
    entries += [
        resealed(entry(seq=seq, balance_after=999 + 100 * (seq - 2), available_after=100 * seq)) for seq in (3, 4)
    ]
    assert [check for check in checks_of(chained(entries)) if check != "hash"] == ["balance_after"]


def test_wrong_lots_make_what_is_available_wrong_once_and_not_for_ever():
    stolen = entry(seq=2, kind="adjust", points=-10, balance_after=90, available_after=95, movements=(movement(-10),))
    after = entry(seq=3, points=1, balance_after=91, available_after=96, movements=(movement(1),))
    assert checks_of(chained([entry(seq=1), stolen, after])) == ["available_after"]


def test_points_that_expired_the_same_day_count_until_the_instant_of_each():
    books = Books(ProgramSettings())
    soon, later = NOON + DAY, NOON + 2 * DAY
    books.post([open_account(), earn(5, expires_at=soon), earn(7, expires_at=later)], NOON)
    books.post([redeem(1), earn(2)], NOON + 3 * DAY)
    assert [one.available_after for one in books.entries[ACCOUNT]] == [5, 12, 7, 0, 2]
    assert checks_of(books.entries[ACCOUNT]) == []


def test_rule_7_a_debt_is_made_by_taking_back_and_adjusting_alone():
    books = Books(ProgramSettings(clawback=Clawback("allow_debt")))
    books.post([open_account(), adjust(-10, allow_negative=True)], NOON)
    assert checks_of(books.entries[ACCOUNT]) == []
    owed = replace(books.entries[ACCOUNT][0], kind="redeem")
    assert "debt" in checks_of([owed])


def test_an_entry_that_cannot_be_read_is_named_and_the_next_one_is_still_checked():
    replay = Replay(PROGRAM_ID, ACCOUNT)
    findings = replay.skip(Unreadable(PROGRAM_ID, ACCOUNT, 1, "no movements"))
    findings += replay.apply(entry(seq=3), VERSIONS)
    assert [(one.seq, one.check) for one in findings[:2]] == [(1, "readable"), (3, "seq")]


def test_lots_are_compared_by_their_dates():
    replay, _ = replayed(ACCOUNT, [entry(seq=1, movements=(movement(60), movement(40, expires_at=NOON + DAY)))])
    assert list(replay.lot_contradictions([lot(60), lot(40, expires_at=NOON + DAY)])) == []
    findings = list(replay.lot_contradictions([lot(59), lot(40, expires_at=NOON + 2 * DAY)]))
    assert [(one.expected.split(" in ")[0], one.found) for one in findings] == [
        ("40 points", "no points"),
        ("no points", "40 points"),
        ("60 points", "59 points"),
    ]


def test_each_check_of_an_entry_is_documented():
    found = checks_of([entry(seq=9, kind="gift", points=-1, held_after=3, rule_version=99, movements=(movement(-5),))])
    assert {"seq", "kind", "held_after", "rule_version", "lot_below_zero"} <= set(found) <= set(CHECKS)


Story = Callable[[], Batches]


@pytest.mark.parametrize(
    ("settings_document", "story"), [(one[1], one[2]) for one in STORIES], ids=[s[0] for s in STORIES]
)
def test_rule_12_6_replaying_the_life_of_a_point_gives_what_is_stored(settings_document: dict[str, Any], story: Story):
    books = Books(ProgramSettings.of(1, settings_document))
    for now, commands in story():
        books.post(commands, now)
    assert {account_id: contradictions_of(books, account_id) for account_id in books.accounts} == {
        account_id: [] for account_id in books.accounts
    }


MERGED = '"merged":{"days":[],"holds":[],"identifiers":[],"lifetime":-100,"spend":"0","visits":0}'
GONE = entry(
    seq=2,
    kind="merge_out",
    points=-100,
    balance_after=0,
    available_after=0,
    movements=(movement(-100),),
    transfer_id="t-1",
    detail=f'{{"counterpart":"m-2",{MERGED}}}',
)


def test_rule_8_nothing_happens_to_a_merged_account_until_that_is_undone():
    replay, findings = replayed(ACCOUNT, chained([entry(seq=1), GONE]))
    assert (findings, replay.merged_into, replay.lifetime_points) == ([], "m-2", 0)
    assert checks_of(chained([entry(seq=1), GONE, entry(seq=3)])) == ["merged"]
    back = entry(
        seq=3,
        kind="merge_in",
        transfer_id="t-2",
        detail='{"counterpart":"m-2","merged":{"lifetime":100,"undoes":"t-1"}}',
    )
    replay, findings = replayed(ACCOUNT, chained([entry(seq=1), GONE, back]))
    assert (findings, replay.merged_into, replay.lifetime_points) == ([], None, 100)


def test_rule_8_a_merge_takes_everything():
    some = replace(GONE, points=-60, balance_after=40, available_after=40, movements=(movement(-60),))
    assert checks_of(chained([entry(seq=1), some])) == ["merged"]
    assert checks_of(chained([entry(seq=1), replace(GONE, detail=None)])) == ["merged"]
