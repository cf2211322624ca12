"""Lot rules: which points an entry of each kind may take, and how an activity moves them."""

from typing import Any

import pytest

from ledger_service.ledger.lots import NEVER, Movement, microseconds
from tests.builders import DAY, NOON, entry, movement
from tests.unit.upkeep.replaying import chained, checks_of, held


def test_only_usable_points_are_held_or_transferred():
    later = {"expires_at": NEVER, "available_at": NOON + DAY}
    earned = entry(seq=1, available_after=0, movements=(movement(100, **later),))
    taken = held(movements=(movement(-30, **later),), available_after=0)
    assert checks_of(chained([earned, taken])) == ["lot_dates"]
    given = entry(
        seq=2,
        kind="transfer_out",
        points=-30,
        balance_after=70,
        available_after=0,
        transfer_id="t-1",
        movements=(movement(-30, **later),),
    )
    assert checks_of(chained([earned, given])) == ["lot_dates"]


def test_points_that_wait_are_freed_by_a_confirmation_only():
    waiting = entry(seq=1, available_after=0, available_at=NEVER, movements=(movement(100, available_at=NEVER),))
    freed: dict[str, Any] = {
        "points": 0,
        "balance_after": 100,
        "available_after": 100,
        "movements": (movement(-100, available_at=NEVER), movement(100)),
    }
    assert checks_of(chained([waiting, entry(seq=2, kind="confirm", reverses_seq=1, **freed)])) == []
    assert checks_of(chained([waiting, entry(seq=2, kind="tier", **freed)])) == ["lot_dates"]
    usable = entry(seq=1)
    moved = (movement(-100), movement(100, expires_at=NOON + DAY))
    confirmed = entry(seq=2, kind="confirm", reverses_seq=1, **freed | {"movements": moved})
    assert checks_of(chained([usable, confirmed])) == ["lot_dates"]


SOON, LATER = NOON + DAY, NOON + 2 * DAY
MOVES = {
    "later": ((movement(-100, expires_at=SOON), movement(100, expires_at=LATER), movement(5)), []),
    "later and consumed": ((movement(-100, expires_at=SOON), movement(105, expires_at=LATER)), []),
    "earlier": ((movement(-100, expires_at=SOON), movement(105, expires_at=NOON + DAY / 2)), ["lot_dates"]),
    "lost on the way": ((movement(-100, expires_at=SOON), movement(105, available_at=NOON)), ["lot_dates"]),
}


@pytest.mark.parametrize(("movements", "checks"), MOVES.values(), ids=MOVES)
def test_rule_3_an_activity_moves_points_to_a_later_date_and_loses_none(
    movements: tuple[Movement, ...], checks: list[str]
):
    earned = entry(seq=1, movements=(movement(100, expires_at=SOON),))
    again = entry(seq=2, points=5, balance_after=105, available_after=105, movements=movements)
    assert checks_of(chained([earned, again])) == checks


CONSUMED = {
    "of the moved lot": (f"[[{microseconds(LATER)},null,-10]]", []),
    "of the lot as it was": (f"[[{microseconds(SOON)},null,-10]]", ["lot_dates"]),
    "less than was redeemed": (f"[[{microseconds(LATER)},null,-9]]", ["lot_dates"]),
    "of points that were not there yet": (f"[[{microseconds(LATER)},{microseconds(SOON)},-10]]", ["lot_dates"]),
}


@pytest.mark.parametrize(("consumed", "checks"), CONSUMED.values(), ids=CONSUMED)
def test_rule_3_a_redeem_that_moves_lots_says_which_it_consumed(consumed: str, checks: list[str]):
    earned = entry(seq=1, movements=(movement(100, expires_at=SOON),))
    redeemed = entry(
        seq=2,
        kind="redeem",
        points=-10,
        balance_after=90,
        available_after=90,
        movements=(movement(-100, expires_at=SOON), movement(90, expires_at=LATER)),
        detail=f'{{"consumed":{consumed}}}',
    )
    assert list(dict.fromkeys(checks_of(chained([earned, redeemed])))) == checks
