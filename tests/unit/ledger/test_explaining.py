"""Explaining: where the points of a balance came from."""

from hypothesis import HealthCheck, given, settings

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.explaining import Portion, Trace
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.policies import Expiry
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.settling import settle
from tests.books.commands import Batch, histories
from tests.books.memory import Books
from tests.books.programs import programs
from tests.builders import (
    ACCOUNT,
    DAY,
    NOON,
    adjust,
    capture,
    confirm,
    earn,
    merge,
    place_hold,
    purchase,
    redeem,
    release,
    reverse,
    settle_due,
    transfer,
)

LAW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def traced(entries: list[Entry], newest_max: int = 100) -> Trace:
    trace = Trace(newest_max)
    for one in entries:
        trace.read(one)
    return trace


def origins(*commands, program: ProgramSettings | None = None, account_id: str = ACCOUNT):
    """By lot, where its points came from, after these commands, one a day."""
    books = Books(program or ProgramSettings(auto_open=True))
    for days, command in enumerate(commands):
        books.post([command], NOON + days * DAY)
    return {
        (lot.expires_at, lot.available_at): [(portion.seq, portion.points) for portion in lot.portions]
        for lot in traced(books.entries[account_id]).lots()
    }


EVER = (NEVER, ALWAYS)


@LAW
@given(programs, histories())
def test_the_portions_of_every_lot_add_up_to_it_and_name_entries_of_the_account(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
        for account_id, account in books.accounts.items():
            lots = traced(books.entries[account_id]).lots()
            found = [(lot.expires_at, lot.available_at, lot.points) for lot in lots]
            assert found == [(lot.expires_at, lot.available_at, lot.remaining) for lot in account.lots]
            assert sum(lot.points for lot in lots) == account.balance - account.held + account.debt
            for lot in lots:
                assert all(portion.points > 0 and 1 <= portion.seq <= account.seq for portion in lot.portions)


@LAW
@given(programs, histories())
def test_points_come_from_entries_that_brought_some_and_never_more_than_they_brought(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    for entries in books.entries.values():
        by_seq: dict[int, int] = {}
        for lot in traced(entries).lots():
            for portion in lot.portions:
                by_seq[portion.seq] = by_seq.get(portion.seq, 0) + portion.points
        for seq, points in by_seq.items():
            brought = sum(max(0, movement.points) for movement in entries[seq - 1].movements)
            assert points <= brought
            assert entries[seq - 1].kind not in ("hold", "confirm", "expire", "reverse_earn", "tier")


@LAW
@given(programs, histories())
def test_due_work_that_is_only_counted_as_done_is_explained_like_the_books(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    later = history[-1][0] + 20 * DAY
    for account_id, account in books.accounts.items():
        due = settle(account, books.program, later)
        trace = traced(books.entries[account_id])
        for one in due.entries:
            trace.follow(one)
        assert [lot.points for lot in trace.lots()] == [lot.remaining for lot in due.account.lots]


def test_within_a_lot_the_points_that_came_first_go_first():
    assert origins(earn(10), earn(20), redeem(15)) == {EVER: [(2, 15)]}


def test_an_earn_that_is_taken_back_gives_its_own_points_first():
    assert origins(earn(10), earn(20), earn(5), reverse(2, 12)) == {EVER: [(1, 10), (2, 8), (3, 5)]}


def test_an_earn_that_is_taken_back_when_its_own_points_are_gone_takes_the_oldest():
    assert origins(earn(10), earn(20), redeem(10), reverse(1, 4)) == {EVER: [(2, 16)]}


def test_points_set_aside_and_given_back_stay_those_of_their_earn():
    week = 7 * 24 * 3600
    assert origins(earn(10), earn(20), place_hold(15, expires_in_seconds=week)) == {EVER: [(2, 15)]}
    assert origins(earn(10), earn(20), place_hold(15, expires_in_seconds=week), release()) == {
        EVER: [(2, 20), (1, 10)],
    }


def test_a_capture_of_less_takes_what_expires_first_and_the_rest_stays_that_of_its_earn():
    week = 7 * 24 * 3600
    soon = NOON + 30 * DAY
    after = origins(earn(10, expires_at=soon), earn(20), place_hold(15, expires_in_seconds=week), capture(points=4))
    assert after == {(soon, ALWAYS): [(1, 6)], EVER: [(2, 20)]}


def test_points_that_are_given_back_come_from_the_entry_that_gave_them_back():
    assert origins(earn(10), redeem(10), reverse(2, 4)) == {EVER: [(3, 4)]}


def test_points_that_pay_a_debt_are_in_no_lot():
    program = ProgramSettings(auto_open=True)
    assert origins(earn(5), adjust(-12, allow_negative=True), earn(10), program=program) == {EVER: [(3, 3)]}


def test_points_that_were_freed_stay_those_of_their_earn():
    books = Books(ProgramSettings.of(1, WAITING))
    books.post([earn(purchase=purchase("4.00"), order_id="A-1"), earn(purchase=purchase("3.00"), order_id="A-2")], NOON)
    books.post([confirm("A-2")], NOON)
    waiting, freed = sorted(traced(books.entries[ACCOUNT]).lots(), key=lambda lot: lot.available_at, reverse=True)
    assert (waiting.available_at, waiting.portions) == (NEVER, (Portion(1, 4),))
    assert (freed.available_at, freed.portions) == (ALWAYS, (Portion(2, 3),))


WAITING = {
    "auto_open": True,
    "available": {"mode": "on_event"},
    "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
}


def test_rule_3_points_that_an_activity_gives_other_dates_stay_those_of_their_earn():
    program = ProgramSettings(auto_open=True, expiry=Expiry("inactivity", months=1))
    (lot,) = origins(earn(10), earn(20), redeem(4), program=program).values()
    assert lot == [(1, 6), (2, 20)]
    books = Books(program)
    books.post([earn(10), place_hold(5)], NOON)
    books.post([capture(points=5)], NOON)
    (left,) = traced(books.entries[ACCOUNT]).lots()
    assert left.portions == (Portion(1, 5),)


def test_points_from_another_account_come_from_the_entry_that_brought_them():
    moves = (earn(10), earn(7, account_id="m-2"), transfer(4, "m-2"), merge("m-2"))
    assert origins(*moves, account_id="m-2") == {EVER: [(1, 7), (2, 4), (3, 6)]}
    assert origins(*moves) == {}


def test_a_merge_with_debts_leaves_what_is_left_after_paying_them():
    program = ProgramSettings(auto_open=True)
    books = Books(program)
    books.post([earn(10), adjust(-15, allow_negative=True), earn(8, account_id="m-2"), merge("m-2")], NOON)
    (lot,) = traced(books.entries["m-2"]).lots()
    assert lot.portions == (Portion(1, 3),)


def test_the_newest_entries_are_kept_and_all_are_followed():
    books = Books(ProgramSettings(auto_open=True))
    books.post([earn(1), earn(2), earn(3, expires_at=NOON + DAY)], NOON)
    books.post([settle_due()], NOON + DAY)
    trace = traced(books.entries[ACCOUNT], newest_max=2)
    assert [one.seq for one in trace.newest] == [3, 4]
    assert [lot.portions for lot in trace.lots()] == [(Portion(1, 1), Portion(2, 2))]
