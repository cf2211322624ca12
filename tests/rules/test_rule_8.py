"""Rule 8, transfers and merges."""

from ledger_service.ledger.refusals import AccountMerged, NothingToReverse
from tests.builders import (
    DAY,
    NOON,
    adjust,
    attach,
    capture,
    claim,
    earn,
    merge,
    place_hold,
    purchase,
    redeem,
    refund,
    set_status,
    set_tier,
    transfer,
    unmerge,
)
from tests.rules.till import Till

SOON, LATER = NOON + DAY, NOON + 2 * DAY
RULE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}
TIERS = {"levels": [{"id": "bronze", "at": 0}, {"id": "gold", "at": 100}]}


def test_rule_8_a_transfer_is_two_entries_with_one_id_and_lots_keep_their_dates():
    till = Till()
    till.post(earn(10, expires_at=SOON))
    till.post(earn(10))
    out, into = till.posted(transfer(15))
    assert (out.kind, out.points, into.kind, into.points) == ("transfer_out", -15, "transfer_in", 15)
    assert (out.account_id, into.account_id) == ("m-1", "m-2")
    assert out.transfer_id == into.transfer_id is not None
    assert till.expiries("m-2") == {"2026-12-04T12:00:00": 10, "never": 5}


def test_rule_8_the_expiry_of_transferred_points_may_start_again():
    till = Till(transfer_expiry="restart", expiry={"mode": "after", "days": 2})
    till.post(earn(10, expires_at=SOON))
    till.post(transfer(10))
    assert till.expiries("m-2") == {"2026-12-06T00:00:00": 10}


def test_rule_8_only_available_points_are_transferred():
    till = Till()
    till.post(earn(10, available_at=SOON))
    assert till.refuse(transfer(1)).fields()["available"] == 0


def test_rule_8_a_transfer_to_oneself_is_refused():
    till = Till()
    till.post(earn(10))
    assert till.refuse(transfer(1, "m-1")).code == "validation_failed"


def test_rule_8_the_giver_must_be_active_and_the_taker_not_closed():
    till = Till()
    till.post(earn(10))
    till.ask(set_status("suspended", account_id="m-2"))
    till.posted(transfer(1))
    assert till.refuse(transfer(1, "m-1", account_id="m-2")).code == "account_not_active"
    till.ask(set_status("closed", account_id="m-2"))
    assert till.refuse(transfer(1)).code == "account_not_active"


def test_rule_8_a_transfer_pays_the_debt_of_the_taker_first():
    till = Till()
    till.post(earn(10))
    till.post(adjust(-4, allow_negative=True, account_id="m-2"))
    till.posted(transfer(10))
    assert till.available("m-2") == 6


def test_rule_8_a_merge_moves_everything_to_the_survivor():
    till = Till(rules=[RULE], tiers=TIERS)
    till.post(earn(10, expires_at=SOON))
    till.post(earn(5, available_at=LATER))
    till.post(earn(purchase=purchase("120.00")))
    till.post(place_hold(7))
    till.post(earn(purchase=purchase("30.00"), account_id="m-2"))
    out, into = till.posted(merge())
    assert (out.kind, out.points, into.kind, into.points) == ("merge_out", -135, "merge_in", 135)
    survivor = till.state("m-2")
    assert (survivor.balance, survivor.held, till.pending("m-2")) == (165, 7, 5)
    assert till.expiries("m-2") == {"2026-12-04T12:00:00": 3, "never": 155}
    assert (survivor.lifetime_points, survivor.standing.spend, survivor.standing.visits) == (165, 150, 2)


def test_rule_8_the_higher_tier_is_kept():
    till = Till(tiers=TIERS)
    till.post(earn(100))
    till.post(merge())
    assert till.tier("m-2") == "gold"
    till = Till(tiers=TIERS)
    till.post(earn(100, account_id="m-2"))
    till.post(merge())
    assert till.tier("m-2") == "gold"


def test_rule_8_open_holds_follow():
    till = Till()
    till.post(earn(10))
    till.post(place_hold(7))
    till.post(merge())
    captured = till.post(capture())
    assert (captured.account_id, captured.points, captured.balance_after) == ("m-2", -7, 3)


def test_rule_8_identifiers_move():
    till = Till()
    till.ask(attach(claim("1234")))
    till.post(merge())
    assert [held.account_id for held in till.books.identifiers] == ["m-2"]


def test_rule_8_the_source_answers_account_merged_and_has_a_zero_balance():
    till = Till()
    till.post(earn(10))
    till.post(merge())
    assert (till.state().balance, till.state().status, till.state().merged_into) == (0, "merged", "m-2")
    for command in (earn(1), redeem(1), transfer(1), merge(), set_status()):
        assert till.refuse(command) == AccountMerged("m-2")


def test_rule_8_an_order_of_the_source_is_refunded_on_the_survivor():
    till = Till(rules=[RULE])
    till.post(earn(purchase=purchase("10.00"), order_id="A-1"))
    till.post(merge())
    (deducted,) = till.posted(refund("A-1", "4.00"))
    assert (deducted.account_id, deducted.points, deducted.balance_after) == ("m-2", -4, 6)


def test_rule_8_debt_of_either_side_is_paid_with_the_lots_of_the_other():
    for owing, owning in (("m-1", "m-2"), ("m-2", "m-1")):
        till = Till()
        till.post(adjust(-4, allow_negative=True, account_id=owing))
        till.post(earn(10, expires_at=SOON, account_id=owning))
        till.post(merge())
        assert (till.balance("m-2"), till.expiries("m-2")) == (6, {"2026-12-04T12:00:00": 6})


def test_rule_8_a_merge_can_be_undone_within_30_days():
    till = Till()
    till.post(earn(10, expires_at=NOON + 90 * DAY))
    till.post(earn(5, account_id="m-2"))
    till.ask(attach(claim("1234")))
    till.post(merge())
    till.post(redeem(3, account_id="m-2"))
    till.wait(days=30)
    till.post(unmerge())
    assert (till.balance(), till.balance("m-2")) == (10, 2)
    assert till.expiries() == {"2027-03-03T12:00:00": 10}
    assert [held.account_id for held in till.books.identifiers] == ["m-1"]


def test_rule_8_a_merge_cannot_be_undone_later_or_without_the_points():
    till = Till()
    till.post(earn(10))
    till.post(merge())
    till.post(redeem(1, account_id="m-2"))
    assert till.refuse(unmerge()).fields()["available"] == 9
    till.wait(days=30, microseconds=1)
    assert till.refuse(unmerge()) == NothingToReverse("merge")


def test_rule_8_what_was_never_merged_cannot_be_undone():
    assert Till().refuse(unmerge()) == NothingToReverse("merge")


def test_rule_8_a_manual_tier_follows():
    till = Till(tiers=TIERS)
    till.ask(set_tier("gold"))
    till.post(merge())
    floor = till.state("m-2").standing.floor
    assert floor is not None
    assert floor.level == "gold"


def test_rule_8_a_merge_an_undoing_or_a_transfer_within_one_account_concerns_it_once():
    """Whoever carries commands takes each of their accounts once."""
    for command in (merge("m-1"), unmerge("m-1"), transfer(1, "m-1")):
        assert command.account_ids == ("m-1",)
