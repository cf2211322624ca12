"""Refunds (points.md, section 12, law 5): any split and any order, with nothing else in between, ends in one place.

For programs in which a smaller purchase never earns more, and as long as no policy writes off what is owed: what is
written off in between is not asked for again, whatever comes back later.
"""

import pickle
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import Refund
from ledger_service.ledger.policies import Clawback
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Line, Purchase
from ledger_service.ledger.rules import Rule
from tests.books.memory import Books, entries_of
from tests.books.programs import CAMPAIGNS, RULES, programs, some_of
from tests.builders import DAY, NOON, earn, open_account, purchase, redeem, refund, returned

LAW = settings.get_profile("books")
ORDER = "A-1"

LINES = (
    Line("coffee", Decimal("2.50"), tax=Decimal("0.40")),
    Line("coffee", Decimal("7.50"), quantity=Decimal(3), tax=Decimal("1.20")),
    Line("milk", Decimal("9.99"), quantity=Decimal(7), category="MILK"),
    Line("gift-card", Decimal("10.00"), quantity=Decimal(2)),
)


def _monotone(program: ProgramSettings, rules: tuple[Rule, ...], campaigns: Any, clawback: Clawback) -> ProgramSettings:
    return replace(
        program,
        rules=rules,
        campaigns=campaigns,
        clawback=clawback,
        points_per_entry_max=1_000,
        redeem_per_day_max=None,
    )


monotone_programs = st.builds(
    _monotone,
    programs,
    some_of(RULES, 5),
    some_of(CAMPAIGNS, 3),
    st.sampled_from([Clawback("allow_debt"), Clawback("allow_debt"), Clawback()]),
)
"""A smaller purchase never earns more: no rule counts alone."""


def sold(program: ProgramSettings, of: Purchase, on_the_order: int, elsewhere: int) -> Books:
    """An order, with points that were redeemed on it and others that were redeemed otherwise."""
    books = Books(program)
    given_points = earn(60, account_id="a", available_at=NOON, expires_at=NOON + 30 * DAY)
    books.post([open_account("a"), given_points, earn(account_id="a", purchase=of, order_id=ORDER)], NOON)
    books.post([redeem(on_the_order, account_id="a", order_id=ORDER), redeem(elsewhere, account_id="a")], NOON)
    return books


def copied(books: Books) -> Books:
    """Pickled: a `deepcopy` takes ten times as long."""
    copy: Books = pickle.loads(pickle.dumps(books))
    return copy


def refunded(books: Books, refunds: list[Refund]) -> tuple[int, int]:
    """The balance afterwards, and what was deducted. Nothing is refused, and nothing written off."""
    deducted = 0
    for command in refunds:
        entries = entries_of(books.post([command], NOON))
        assert entries, command
        assume(not any(entry.written_off for entry in entries))
        deducted -= sum(entry.points for entry in entries if entry.kind == "reverse_earn")
    return books.accounts["a"].balance, deducted


@LAW
@given(monotone_programs, st.lists(st.integers(1, 900), min_size=1, max_size=6), st.integers(1, 20), st.integers(1, 60))
def test_law_5_amounts_refunded_in_any_split_and_order_end_like_one_refund_of_their_sum(
    program: ProgramSettings, cents: list[int], on_the_order: int, elsewhere: int
):
    kept = Decimal("0.37")
    money = [Decimal(part) / 100 for part in cents]
    books = sold(program, purchase(str(sum(money) + kept)), on_the_order, elsewhere)
    whole, backwards = copied(books), copied(books)

    in_parts = refunded(books, [refund(ORDER, str(part)) for part in money])
    assert in_parts == refunded(whole, [refund(ORDER, str(sum(money)))])
    assert in_parts == refunded(backwards, [refund(ORDER, str(part)) for part in reversed(money)])


@LAW
@given(monotone_programs, st.data(), st.integers(1, 20), st.integers(1, 60))
def test_law_5_lines_refunded_in_any_split_and_order_end_like_one_refund_of_their_sum(
    program: ProgramSettings, data: st.DataObject, on_the_order: int, elsewhere: int
):
    lines = data.draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=3, unique=True))
    units = [line.sku for line in lines for _ in range(int(line.quantity))]
    back = data.draw(st.permutations(units))[: data.draw(st.integers(1, len(units)))]
    books = sold(program, purchase(None, *lines), on_the_order, elsewhere)
    whole, backwards = copied(books), copied(books)

    in_parts = refunded(books, [refund(ORDER, None, returned(sku, "1")) for sku in back])
    together = [returned(sku, str(back.count(sku))) for sku in dict.fromkeys(back)]
    assert in_parts == refunded(whole, [refund(ORDER, None, *together)])
    assert in_parts == refunded(backwards, [refund(ORDER, None, returned(sku, "1")) for sku in reversed(back)])


@LAW
@given(programs, st.lists(st.integers(1, 900), min_size=1, max_size=6), st.integers(1, 20), st.integers(1, 60))
def test_rule_6_no_refund_deducts_more_than_was_earned_and_what_is_left_has_its_points(
    program: ProgramSettings, cents: list[int], on_the_order: int, elsewhere: int
):
    money = [Decimal(part) / 100 for part in cents]
    books = sold(program, purchase(str(sum(money))), on_the_order, elsewhere)
    outcome = books.orders.get(("shop-berlin", "earn", ORDER))
    assume(outcome is not None)
    assert outcome is not None
    taken = 0
    for part in money:
        for entry in entries_of(books.post([refund(ORDER, str(part))], NOON)):
            if entry.kind == "reverse_earn":
                assert entry.points <= 0
                taken += entry.written_off - entry.points
    assert taken == outcome.points, "all came back, so all was taken back or written off"
