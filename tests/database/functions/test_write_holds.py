"""The gate on holds: what is set aside comes back or is redeemed, exactly once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.holds import Hold, HoldStatus
from ledger_service.ledger.lots import Movement
from ledger_service.ledger.outcomes import Posted, PostedSeveral
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.proposals import HoldClosing
from tests.builders import NOON, capture, earn, hold, merge, movement, place_hold, unmerge
from tests.database.functions.forgery import Gate, Spoil, forged_together, opened, posting
from tests.database.functions.lies import all_of, another_row, in_detail, more, no_row, of_entry, row, say
from tests.database.functions.life import CLUB, LIFE, life, prepare_life
from tests.servers import TestDatabase
from tests.varied_books import post

HELD_B_TO_A: dict[str, Any] = {"hold_id": "held-b", "from": 2, "to": 1}


def add_closing(**values: Any) -> Spoil:
    return another_row("holds_closed", 1, **values)


def named(hold_id: str) -> Spoil:
    """The new hold under another name, in its entry too."""
    return all_of(row("holds_placed", 0, hold_id=hold_id), of_entry("a", "hold", detail=in_detail(hold_id=hold_id)))


# The rows of `life`: places holds new-a of a (account 1); closes held-a of a by a capture, held-b of b (2) by a
# release; moves held-c from c (3) to d (4), and held-f from g (7) back to f (6).
LIES: dict[str, tuple[Spoil, str]] = {
    "a_hold_entry_without_a_hold": (no_row("holds_placed"), "LG001"),
    "a_hold_without_an_entry": (another_row("holds_placed", hold_id="of nothing"), "LG001"),
    "a_hold_twice": (another_row("holds_placed"), "LG001"),
    "a_hold_of_other_points": (row("holds_placed", 0, points=19), "LG001"),
    "a_hold_of_another_account": (row("holds_placed", 0, account=2), "LG001"),
    "a_hold_of_nobody": (row("holds_placed", 0, account=0), "LG001"),
    "a_hold_of_the_account_after_the_last": (row("holds_placed", 0, account=9), "LG001"),
    "a_hold_of_no_number": (row("holds_placed", 0, account=None), "LG001"),
    "a_hold_of_another_entry": (row("holds_placed", 0, seq=7), "LG001"),
    "a_hold_of_another_name": (row("holds_placed", 0, hold_id="other"), "LG001"),
    "a_hold_without_a_name": (row("holds_placed", 0, hold_id=None), "LG001"),
    "a_hold_of_another_source": (row("holds_placed", 0, source="web"), "LG001"),
    "a_hold_of_another_order": (row("holds_placed", 0, order_id="H-2"), "LG001"),
    "a_hold_of_no_order": (row("holds_placed", 0, order_id=None), "LG001"),
    "a_hold_that_took_other_points": (row("holds_placed", 0, movements="[[null,null,-19]]"), "LG001"),
    "a_hold_that_took_nothing": (row("holds_placed", 0, movements="[]"), "LG001"),
    "a_hold_that_gave_points": (row("holds_placed", 0, movements="[[null,null,-21],[null,null,1]]"), "LG001"),
    "a_hold_whose_movements_are_no_json": (row("holds_placed", 0, movements="["), "22P02"),
    "a_hold_that_never_times_out": (row("holds_placed", 0, expires_at="infinity"), "23514"),
    "a_hold_without_a_time_out": (row("holds_placed", 0, expires_at=None), "23502"),
    "a_hold_that_is_known": (
        all_of(row("holds_placed", 0, hold_id="held-c"), of_entry("a", "hold", detail=in_detail(hold_id="held-c"))),
        "23505",
    ),
    "a_hold_of_a_name_too_long": (
        all_of(row("holds_placed", 0, hold_id="h" * 65), of_entry("a", "hold", detail=in_detail(hold_id="h" * 65))),
        "23514",
    ),
    "a_hold_entry_that_names_no_hold": (of_entry("a", "hold", detail=in_detail(hold_id=None)), "23514"),
    "a_hold_entry_that_holds_nothing": (of_entry("a", "hold", held_after=30), "LG001"),
    "a_hold_that_leaves_a_debt": (of_entry("a", "hold", available_after=-1), "23514"),
    "a_hold_that_does_not_move_along": (no_row("holds_moved"), "LG001"),
    "a_hold_that_moves_to_another_account": (row("holds_moved", 0, to=2), "LG001"),
    "a_hold_that_moves_from_another_account": (row("holds_moved", 0, **{"from": 1}), "LG001"),
    "a_hold_that_moves_to_nobody": (row("holds_moved", 0, to=99), "LG001"),
    "a_hold_that_moves_the_other_way": (row("holds_moved", 0, **{"from": 4, "to": 3}), "LG001"),
    "a_hold_that_moves_without_a_merge": (
        another_row("holds_moved", **HELD_B_TO_A),
        "LG001",
    ),
    "a_hold_that_moves_twice": (another_row("holds_moved"), "LG001"),
    "a_hold_of_another_account_that_moves": (row("holds_moved", 0, hold_id="held-b"), "LG001"),
    "a_hold_that_is_closed_and_moves": (row("holds_moved", 0, hold_id="closed-a"), "LG001"),
    "a_hold_that_is_not_there_moves": (row("holds_moved", 0, hold_id="of nothing"), "LG001"),
    "a_capture_that_closes_no_hold": (no_row("holds_closed", 0), "LG001"),
    "a_release_that_closes_no_hold": (no_row("holds_closed", 1), "LG001"),
    "a_hold_closed_twice": (add_closing(), "LG001"),
    "a_hold_closed_without_an_entry": (add_closing(hold_id="new-a", account=1, seq=6), "LG001"),
    "a_hold_closed_by_nobody": (row("holds_closed", 1, account=0), "LG001"),
    "a_hold_closed_by_another_account": (row("holds_closed", 1, account=1), "LG001"),
    "a_hold_closed_by_another_entry": (row("holds_closed", 1, seq=4), "LG001"),
    "a_hold_that_is_not_there_is_closed": (
        all_of(
            row("holds_closed", 1, hold_id="of nothing"),
            of_entry("b", "release", detail=in_detail(hold_id="of nothing")),
        ),
        "LG001",
    ),
    "a_hold_that_is_closed_is_closed_again": (
        all_of(
            row("holds_closed", 0, hold_id="closed-a"),
            of_entry("a", "release", detail=in_detail(hold_id="closed-a")),
            of_entry("a", "redeem", detail=in_detail(hold_id="closed-a")),
        ),
        "LG001",
    ),
    "a_hold_of_another_account_is_closed": (
        all_of(
            row("holds_closed", 1, hold_id="held-c"),
            of_entry("b", "release", detail=in_detail(hold_id="held-c")),
        ),
        "LG001",
    ),
    "a_hold_closed_and_open": (row("holds_closed", 1, status="open"), "LG001"),
    "a_hold_closed_in_no_way": (row("holds_closed", 1, status=None), "LG001"),
    "a_release_called_a_time_out": (row("holds_closed", 1, status="timed_out"), "LG001"),
    "a_release_called_a_capture": (row("holds_closed", 1, status="captured", captured=10), "LG001"),
    "a_release_that_captured": (row("holds_closed", 1, captured=1), "23514"),
    "a_capture_called_a_release": (row("holds_closed", 0, status="released", captured=0), "LG001"),
    "a_capture_of_nothing": (row("holds_closed", 0, captured=0), "LG001"),
    "a_capture_of_other_points": (row("holds_closed", 0, captured=13), "LG001"),
    "a_hold_closed_at_no_time": (row("holds_closed", 1, closed_at=None), "23514"),
    "the_rest_of_a_capture_under_another_name": (
        of_entry("a", "release", detail=in_detail(hold_id="new-a")),
        "LG001",
    ),
    "a_capture_that_names_no_hold": (of_entry("a", "redeem", detail=in_detail(hold_id=None)), "LG001"),
    "none_of_all_this": (say("p_more", None), "LG001"),
    "too_many_holds": (more(lambda said: said.update(holds_placed=said["holds_placed"] * 20_001)), "LG001"),
    "holds_that_are_no_list": (more(lambda said: said.update(holds_placed={})), "22023"),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_lie_about_a_hold_is_refused_and_nothing_is_written(club_gate: Gate, name: str):
    spoil, sqlstate = LIES[name]
    arguments = await life(club_gate)
    spoil(arguments)
    assert await club_gate.refusal(arguments) == sqlstate


def of_a(kind: Any, points: int, held: int, *movements: Movement, hold_id: str = "held-a") -> tuple[str, Posting]:
    return "a", posting(kind, points, *movements, held_change=held, detail={"hold_id": hold_id})


def closing(status: HoldStatus = "captured", captured: int = 30, *, seq: int = 6) -> tuple[HoldClosing, ...]:
    return (HoldClosing("held-a", "a", seq, status, captured, NOON),)


def new_hold(points: int) -> tuple[Hold, ...]:
    return (hold(points, "new", account_id="a", seq=6, source="forger"),)


# a has 60 usable points and 30 that held-a holds; its next entry is the sixth.
FORGERIES: dict[str, tuple[list[tuple[str, Posting]], dict[str, Any], str]] = {
    "more_captured_than_was_held": (
        [of_a("hold", 0, 9, movement(-9), hold_id="new"), of_a("redeem", -31, -31)],
        {"holds_placed": new_hold(9), "holds_closed": closing(captured=31, seq=7)},
        "23514",
    ),
    "less_captured_and_the_rest_forgotten": (
        [of_a("redeem", -12, -12)],
        {"holds_closed": closing(captured=12)},
        "LG001",
    ),
    "all_of_a_hold_captured_and_released": (
        [
            of_a("hold", 0, 30, movement(-30), hold_id="new"),
            of_a("release", 0, -30, movement(30)),
            of_a("redeem", -30, -30),
        ],
        {"holds_placed": new_hold(30), "holds_closed": closing(seq=8)},
        "LG001",
    ),
    "points_given_back_twice": (
        [
            of_a("hold", 0, 30, movement(-30), hold_id="new"),
            of_a("release", 0, -30, movement(30)),
            of_a("release", 0, -30, movement(30)),
        ],
        {"holds_placed": new_hold(30), "holds_closed": closing("released", 0, seq=7)},
        "LG001",
    ),
    "a_hold_given_back_in_part": (
        [of_a("release", 0, -10, movement(10))],
        {"holds_closed": closing("released", 0)},
        "LG001",
    ),
    "a_hold_placed_and_given_back_that_never_was": (
        [of_a("hold", 0, 9, movement(-9), hold_id="new"), of_a("release", 0, -9, movement(9), hold_id="new")],
        {},
        "LG001",
    ),
    "held_points_without_a_hold": ([of_a("hold", 0, 9, movement(-9), hold_id="new")], {}, "LG001"),
    "a_hold_of_fewer_points_than_it_took": (
        [of_a("hold", 0, 9, movement(-9), hold_id="new")],
        {"holds_placed": new_hold(8)},
        "LG001",
    ),
    "a_hold_of_points_of_its_own": ([of_a("hold", 9, 9, hold_id="new")], {"holds_placed": new_hold(9)}, "23514"),
    "a_hold_that_gives_back": ([of_a("hold", 0, -30, movement(30))], {}, "LG001"),
    "a_release_that_holds": ([of_a("release", 0, 9, movement(-9))], {}, "LG001"),
    "points_held_by_a_redeem": ([of_a("redeem", -9, 1, movement(-10))], {}, "LG001"),
    "a_redeem_of_held_points_that_names_no_hold": ([("a", posting("redeem", -30, held_change=-30))], {}, "LG001"),
    "held_points_that_an_adjustment_sets_free": ([of_a("adjust", 1, -30, movement(31))], {}, "LG001"),
    "held_points_that_expire": ([of_a("expire", -30, -30)], {}, "LG001"),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_hold_is_refused_and_nothing_is_written(club_gate: Gate, name: str):
    postings, others, sqlstate = FORGERIES[name]
    assert await club_gate.refusal(await forged_together(club_gate, postings, **others)) == sqlstate


async def test_the_call_that_these_lies_are_made_of_is_written(clone_database: Callable[[], TestDatabase]):
    where = clone_database()
    await prepare_life(where)
    async with opened(where, CLUB) as gate:
        assert await gate.call(await life(gate)) == []
        rows = await gate.owner.fetch(
            "SELECT hold_id, account_id, origin_account_id, status, captured, seq, closed_seq, created_at, expires_at "
            "FROM ledger.hold WHERE account_id <> 'z' ORDER BY 1"
        )
    later = NOON + timedelta(minutes=15)
    assert [tuple(row) for row in rows] == [
        ("closed-a", "a", "a", "released", 0, 4, 5, NOON, later),
        ("held-a", "a", "a", "captured", 12, 3, 8, NOON, later),
        ("held-b", "b", "b", "released", 0, 2, 3, NOON, later),
        ("held-c", "d", "c", "open", 0, 2, None, NOON, later),
        ("held-f", "f", "f", "open", 0, 2, None, NOON, later),
        ("new-a", "a", "a", "open", 0, 6, None, NOON, later),
    ]


async def test_a_hold_may_be_placed_moved_and_closed_in_one_batch(clone_database: Callable[[], TestDatabase]):
    """Whatever can be asked at once: each step rests on the one before."""
    where = clone_database()
    await prepare_life(where)
    commands = (
        place_hold(7, "brief", account_id="a"),
        merge("b", account_id="a"),
        capture("brief", 3, account_id="b"),
        unmerge("b", account_id="a"),
    )
    async with opened(where, CLUB) as gate:
        proposal = decide(await gate.journal.load_batch(gate.program_id, commands), commands)
        assert {type(outcome) for outcome in proposal.outcomes} <= {Posted, PostedSeveral}
        assert (await gate.journal.write_batch(proposal)).conflicts == frozenset()
        rows = await gate.owner.fetch("SELECT hold_id, account_id, status FROM ledger.hold ORDER BY 1")
    assert {("brief", "b", "captured"), ("held-a", "a", "open"), ("held-b", "b", "open")} <= {
        tuple(row) for row in rows
    }


async def test_holds_of_accounts_in_conflict_stay_as_they_are(clone_database: Callable[[], TestDatabase]):
    where = clone_database()
    await prepare_life(where)
    async with opened(where, CLUB) as gate:
        proposal = decide(await gate.journal.load_batch(gate.program_id, LIFE), LIFE)
        await post(gate.journal, gate.program_id, earn(1, account_id="c"), earn(1, account_id="b"))
        assert (await gate.journal.write_batch(proposal)).conflicts == {"a", "b", "c", "d"}
        rows = await gate.owner.fetch("SELECT hold_id, account_id, status FROM ledger.hold ORDER BY 1")
    assert {tuple(row) for row in rows} >= {
        ("held-a", "a", "open"),
        ("held-b", "b", "open"),
        ("held-c", "c", "open"),
        ("held-f", "f", "open"),
    }
    assert "new-a" not in {row["hold_id"] for row in rows}
