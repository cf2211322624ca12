"""What happens after a purchase: always the same for the same seed, and always something that could happen."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.cli.year import happenings
from ledger_service.cli.year.baskets import Basket, Line
from ledger_service.cli.year.happenings import RETURN_DAYS_MAX, VOUCHER_POINTS, Way

DAY = date(2017, 3, 12)


def lines() -> st.SearchStrategy[Line]:
    cents = st.integers(1, 100_000).map(lambda amount: Decimal(amount) / 100)
    return st.builds(Line, st.sampled_from("abcd"), st.none(), st.sampled_from(["1", "2", "15000"]), cents)


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    """With lines or without."""
    found = tuple(draw(st.lists(lines(), max_size=6)))
    amount = sum((line.amount for line in found), Decimal(0)) if found else Decimal(draw(st.integers(0, 99_999))) / 100
    number = draw(st.integers(1, 10**9))
    return Basket(f"{number}", "household-1", "2017-03-12T12:00:00Z", DAY, amount, found)


def many(total: int) -> list[Basket]:
    return [
        Basket(f"{number}", "household-1", "2017-03-12T12:00:00Z", DAY, Decimal("20.00")) for number in range(total)
    ]


@given(st.integers(0, 1000), baskets())
def test_what_comes_back_is_never_more_than_was_bought_and_comes_within_30_days(seed: int, basket: Basket):
    back = happenings.returns_of(seed, basket)
    amounts = [part.amount for part in back if part.amount is not None]
    assert not amounts or sum(amounts) == basket.amount
    assert all(amount > 0 for amount in amounts)
    assert all(DAY < part.day <= DAY + timedelta(days=RETURN_DAYS_MAX) for part in back)
    assert len({happenings.refund(seed, basket, part).body["idempotency_key"] for part in back}) == len(back)
    for part in back:
        skus = [line["sku"] for line in part.lines]
        assert len(set(skus)) == len(skus)
        assert set(skus) <= {line.sku for line in basket.lines}
        assert (part.amount is None) == bool(skus)


@given(st.integers(0, 1000), baskets(), st.integers(-1000, 10_000))
def test_vouchers_are_paid_with_points_that_are_there(seed: int, basket: Basket, available: int):
    way = happenings.way_of(seed, basket, available)
    if way is None:
        return
    points = happenings.payment(seed, basket, way, available).body["points"]
    assert VOUCHER_POINTS <= points <= available
    assert points % VOUCHER_POINTS == 0


def test_about_three_baskets_of_a_hundred_come_back_and_every_way_to_pay_is_taken():
    year = many(20_000)
    coming_back = [basket for basket in year if happenings.returns_of(7, basket)]
    ways = [happenings.way_of(7, basket, VOUCHER_POINTS) for basket in year]
    assert 500 < len(coming_back) < 700
    assert set(ways) == {None, *Way}
    assert 2 * ways.count(Way.REDEEM) > sum(way is not None for way in ways) * 0.9


def test_another_seed_is_another_year():
    year = many(1_000)
    assert [happenings.returns_of(7, basket) for basket in year] != [
        happenings.returns_of(8, basket) for basket in year
    ]


def test_a_hold_is_captured_in_whole_or_in_part_or_released_or_forgotten():
    basket = many(1)[0]
    hold = {"hold_id": "hold_1", "points": 500}
    ends = {way: happenings.end_of_hold(7, basket, way, hold) for way in Way if way is not Way.REDEEM}
    bodies = {way: end and {**end.body, "idempotency_key": None} for way, end in ends.items()}
    assert bodies == {
        Way.CAPTURE: {"op": "capture", "hold_id": "hold_1", "idempotency_key": None},
        Way.CAPTURE_PART: {"op": "capture", "hold_id": "hold_1", "points": 300, "idempotency_key": None},
        Way.RELEASE: {"op": "release", "hold_id": "hold_1", "idempotency_key": None},
        Way.FORGET: None,
    }
