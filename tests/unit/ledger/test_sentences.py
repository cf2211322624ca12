"""Sentences: what a shop assistant reads out."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from ledger_service.ledger.commands import Command
from ledger_service.ledger.lots import NEVER
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.sentences import balance_sentence, sentence_of
from ledger_service.ledger.settling import settled
from tests.books.commands import Batch, histories
from tests.books.memory import Books
from tests.books.programs import programs
from tests.builders import (
    ACCOUNT,
    DAY,
    NOON,
    account_state,
    adjust,
    cancel,
    capture,
    confirm,
    earn,
    entry,
    hold,
    lot,
    merge,
    movement,
    place_hold,
    purchase,
    redeem,
    refund,
    release,
    reverse,
    set_tier,
    settle_due,
    transfer,
    unmerge,
)

BERLIN: dict[str, Any] = {"auto_open": True, "time_zone": "Europe/Berlin"}
STARS = BERLIN | {"point_name": {"one": "star", "many": "stars"}}
CLUB = BERLIN | {
    "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
    "tiers": {"levels": [{"id": "silver", "at": "10"}]},
}
WAITING = BERLIN | {"available": {"mode": "on_event"}, "rules": CLUB["rules"]}
YEAR_END = datetime(2027, 12, 31, 23, tzinfo=UTC)


def told(*commands: Command, document: dict[str, Any] = BERLIN, account_id: str = ACCOUNT) -> str:
    """What is told of the last entry after these commands, all at NOON."""
    program = ProgramSettings.of(1, document)
    books = Books(program)
    for command in commands:
        books.post([command], NOON)
    return sentence_of(books.entries[account_id][-1], program)


@pytest.mark.parametrize(
    ("commands", "sentence"),
    [
        ([earn(1_200)], "1,200 points were earned on 3 December 2026."),
        ([earn(1)], "1 point was earned on 3 December 2026."),
        (
            [earn(5, order_id="A-1", expires_at=YEAR_END)],
            "5 points were earned on 3 December 2026 (order A-1); they can be used through 31 December 2027.",
        ),
        (
            [earn(5, available_at=datetime(2026, 12, 4, 23, tzinfo=UTC), expires_at=NOON + 3 * DAY)],
            "5 points were earned on 3 December 2026; they can be used from 5 December 2026 on, "
            "until 13:00 on 6 December 2026.",
        ),
        ([earn(9), redeem(4, order_id="A-1")], "4 points were redeemed on 3 December 2026 (order A-1)."),
        ([earn(9), adjust(-4)], "4 points were taken off by a correction on 3 December 2026. Reason: goodwill."),
        (
            [earn(9), adjust(-14, allow_negative=True), earn(8)],
            "8 points were earned on 3 December 2026; 5 points of them paid what was owed.",
        ),
        ([earn(9), reverse(1, 4)], "4 points were taken back on 3 December 2026. Reason: returned."),
        (
            [earn(9), redeem(8), reverse(1, 4)],
            "1 point was taken back on 3 December 2026. "
            "3 points more should have been taken back but were let go. Reason: returned.",
        ),
        (
            [earn(9), redeem(8), reverse(2, 4)],
            "4 points redeemed before were given back on 3 December 2026. Reason: returned.",
        ),
        (
            [earn(9), earn(account_id="m-2"), transfer(4, "m-2")],
            "4 points were transferred to account m-2 on 3 December 2026.",
        ),
        (
            [earn(9), place_hold(4)],
            "4 points were set aside on 3 December 2026, until 13:15 on 3 December 2026 at most.",
        ),
        ([earn(9), place_hold(4), release()], "4 points set aside before came back on 3 December 2026."),
        ([earn(9), place_hold(4), capture()], "4 points were redeemed on 3 December 2026."),
    ],
)
def test_an_entry_is_told_with_its_numbers_and_local_days(commands: list[Command], sentence: str):
    assert told(*commands) == sentence


def test_points_have_the_programs_own_name():
    assert told(earn(1), document=STARS) == "1 star was earned on 3 December 2026."
    assert told(earn(2), document=STARS) == "2 stars were earned on 3 December 2026."


def test_a_purchase_is_told_with_its_amount():
    bought = earn(purchase=purchase("12.50"), order_id="A-1")
    assert told(bought, document=CLUB) == (
        "12 points were earned on 3 December 2026 with a purchase of 12.50 EUR (order A-1). The tier became silver."
    )
    assert told(earn(purchase=purchase("0.50")), document=CLUB) == (
        "No points were earned on 3 December 2026 with a purchase of 0.50 EUR."
    )
    assert told(bought, refund("A-1", "12.50"), document=CLUB).startswith(
        "12 points were taken back on 3 December 2026 (order A-1)."
    )


def test_points_that_wait_are_told_to_wait_and_when_they_are_freed():
    waiting = earn(purchase=purchase("12.50"), order_id="A-1")
    assert told(waiting, document=WAITING) == (
        "12 points were earned on 3 December 2026 with a purchase of 12.50 EUR (order A-1); "
        "they can be used once the order is confirmed."
    )
    assert told(waiting, confirm("A-1"), document=WAITING) == (
        "12 points that waited for a confirmation were freed on 3 December 2026 (order A-1)."
    )
    assert told(waiting, cancel("A-1"), document=WAITING).startswith("12 points were taken back on 3 December 2026")


def test_a_tier_is_told_when_it_changes_by_itself_or_by_hand():
    assert told(earn(1), set_tier("silver"), document=CLUB).startswith(
        "The tier became silver, given by hand on 3 December 2026."
    )


def test_both_sides_of_a_merge_and_of_its_undoing_are_told():
    before = (earn(9), earn(2, account_id="m-2"), merge("m-2"))
    assert told(*before).startswith(
        "This account was merged into account m-2 on 3 December 2026: 9 points moved there."
    )
    assert told(*before, account_id="m-2").startswith(
        "Account m-1 was merged into this one on 3 December 2026 and brought 9 points."
    )
    undone = (*before, unmerge("m-2"))
    assert told(*undone).startswith("The merge into account m-2 was undone on 3 December 2026: 9 points came back.")
    assert told(*undone, account_id="m-2").startswith(
        "The merge of account m-1 was undone on 3 December 2026: 9 points went back to it."
    )


def test_a_merge_may_bring_a_debt():
    owing = (earn(1), adjust(-9, allow_negative=True), earn(2, account_id="m-2"), merge("m-2"))
    assert "brought a debt of 8 points" in told(*owing, account_id="m-2")
    assert "a debt of 8 points moved there" in told(*owing)


def test_points_expire_at_the_end_of_their_last_day_or_when_they_come_back_too_late():
    program = ProgramSettings.of(1, BERLIN)
    at_midnight = entry(
        kind="expire", points=-5, key=None, occurred_at=YEAR_END, movements=(movement(-5, expires_at=YEAR_END),)
    )
    assert sentence_of(at_midnight, program) == "5 points could be used through 31 December 2027 and expired then."
    too_late = entry(
        kind="expire", points=-5, key=None, occurred_at=NOON, movements=(movement(-5, expires_at=NOON - DAY),)
    )
    assert sentence_of(too_late, program) == (
        "5 points came back on 3 December 2026, after their date, and expired at once."
    )


def test_a_hold_whose_time_was_up_is_told_so():
    program = ProgramSettings.of(1, BERLIN)
    books = Books(program)
    books.post([earn(9), place_hold(4)], NOON)
    books.post([settle_due()], NOON + DAY)
    assert sentence_of(books.entries[ACCOUNT][-1], program) == (
        "4 points set aside before came back on 3 December 2026, since the time was up."
    )


@pytest.mark.parametrize(
    ("account", "sentence"),
    [
        (account_state(), "0 points can be used now."),
        (
            account_state(lots=[lot(5, YEAR_END), lot(7)]),
            "12 points can be used now. 5 points can be used through 31 December 2027, then are gone.",
        ),
        (
            account_state(lots=[lot(1, available_at=NOON + DAY)]),
            "0 points can be used now. 1 point was earned but cannot be used yet: "
            "the first of them from 13:00 on 4 December 2026 on.",
        ),
        (
            account_state(lots=[lot(5, available_at=NEVER)]),
            "0 points can be used now. 5 points were earned but cannot be used yet: once the order is confirmed.",
        ),
        (
            account_state(lots=[lot(5)], held=3, holds=(hold(3, expires_at=NOON + DAY),)),
            "5 points can be used now. 3 points were set aside for a purchase until 13:00 on 4 December 2026.",
        ),
        (
            account_state(debt=3),
            "0 points can be used now. 3 points are owed and will be taken off the next points earned.",
        ),
    ],
)
def test_a_balance_is_told_with_what_is_held_owed_and_not_to_be_used_yet(account, sentence: str):
    assert balance_sentence(account, ProgramSettings.of(1, BERLIN), NOON) == sentence


def test_times_are_those_of_the_program():
    tokyo = ProgramSettings(zone=ZoneInfo("Asia/Tokyo"))
    assert "4 December 2026" in sentence_of(entry(occurred_at=NOON + DAY / 4), tokyo)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs, histories())
def test_every_entry_and_every_balance_can_be_told(program: ProgramSettings, history: list[Batch]):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    for entries in books.entries.values():
        for one in entries:
            text = sentence_of(one, program)
            assert re.fullmatch(r"[A-Z0-9].*\.", text)
            assert "  " not in text
            assert ".." not in text
            assert "None" not in text
    for account in books.accounts.values():
        text = balance_sentence(settled(account, program, now), program, now)
        assert re.fullmatch(r"[0-9].*\.", text)
        assert "None" not in text
