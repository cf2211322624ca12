"""The checks at the end of a year: they hold for books that agree, and one point more anywhere breaks one of them."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.cli.year.reading import ADDING_UP, Books, Stretch, checks_of, quarters_of
from ledger_service.cli.year.told import Told

MOVES = {"issued": 100, "restored": 5, "adjusted": 0, "redeemed": -40, "expired": -3, "taken_back": -2}
TOLD = Told(points=Counter({"earn": 200, "reverse_earn": -4, "redeem": -80, "reverse_redeem": 10}), written_off=2)


def stretch(opening: int, times: int = 1) -> Stretch:
    moved = {name: times * points for name, points in MOVES.items()}
    lines = {"opening": opening, **moved, "closing": opening + sum(moved.values()), "written_off": times}
    return Stretch("a quarter", lines)


BOOKS = Books(
    liability={"available": 100, "pending": 15, "held": 5, "total": 120, "debt": 0},
    quarters=(stretch(0), stretch(60)),
    whole=stretch(0, times=2),
    trial_balance={"accounts": [{"name": "members", "points": 120}, {"name": "issued", "points": -120}], "total": 0},
)


def test_books_that_agree_hold_every_check():
    assert all(checks_of(BOOKS, TOLD).values())


@pytest.mark.parametrize("line", [*ADDING_UP, "closing", "written_off"])
def test_one_point_more_in_any_line_breaks_a_check(line: str):
    wrong = Stretch("a quarter", {**BOOKS.whole.lines, line: BOOKS.whole.lines[line] + 1})
    assert not all(checks_of(replace(BOOKS, whole=wrong), TOLD).values())
    wrong = Stretch("a quarter", {**BOOKS.quarters[1].lines, line: BOOKS.quarters[1].lines[line] + 1})
    assert not all(checks_of(replace(BOOKS, quarters=(BOOKS.quarters[0], wrong)), TOLD).values())


@pytest.mark.parametrize("part", ["available", "pending", "held", "total"])
def test_one_point_more_in_the_liability_breaks_a_check(part: str):
    wrong = {**BOOKS.liability, part: BOOKS.liability[part] + 1}
    assert not all(checks_of(replace(BOOKS, liability=wrong), TOLD).values())


@pytest.mark.parametrize("kind", ["earn", "redeem", "reverse_earn", "reverse_redeem"])
def test_an_answer_that_did_not_get_into_the_books_breaks_a_check(kind: str):
    wrong = replace(TOLD, points=TOLD.points + Counter({kind: 1000}))
    assert not all(checks_of(BOOKS, wrong).values())


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 1000))
def test_quarters_leave_no_day_out_and_none_is_longer_than_a_quarter(first: date, days: int):
    last = first + timedelta(days=days)
    quarters = list(quarters_of(first, last))
    assert (quarters[0][0], quarters[-1][1]) == (first, last)
    assert all(end + timedelta(days=1) == begin for (_, end), (begin, _) in pairwise(quarters))
    assert all((begin.year, (begin.month - 1) // 3) == (end.year, (end.month - 1) // 3) for begin, end in quarters)
    assert all(begin.day == 1 and begin.month % 3 == 1 for begin, _ in quarters[1:])
