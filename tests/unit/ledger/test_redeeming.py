import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.redeeming import decide_redeem
from ledger_service.ledger.refusals import AccountNotActive, InsufficientPoints, LimitExceeded
from tests.builders import DAY, INSTANT, NOON, account_state, loaded, lot, movement, redeem, refusal_of

DEFAULTS = ProgramSettings()


def test_rule_2_a_lot_is_gone_at_the_very_instant_of_its_expiry():
    account = account_state(seq=1, lots=[lot(100, NOON)])
    answer = decide_redeem(account, redeem(1), NOON, DEFAULTS)
    assert answer == InsufficientPoints(as_of_seq=1, available=0, requested=1)


def test_rule_2_a_lot_can_be_redeemed_until_the_last_instant_before_its_expiry():
    proposal = decide(loaded(account_state(lots=[lot(100, NOON)]), now=NOON - INSTANT), [redeem(100)])
    assert [entry.kind for entry in proposal.entries] == ["redeem"]


def test_rule_2_a_redeem_takes_the_soonest_to_expire_and_records_which():
    account = account_state(lots=[lot(100), lot(30, NOON + DAY)])
    proposal = decide(loaded(account), [redeem(50, order_id="R-1", occurred_at=NOON - DAY)])
    (entry,) = proposal.entries
    assert entry.movements == (movement(-30, NOON + DAY), movement(-20))
    assert (entry.points, entry.balance_after, entry.available_after) == (-50, 80, 80)
    assert (entry.order_id, entry.occurred_at) == ("R-1", NOON - DAY)
    assert proposal.accounts[0].after.lots == (lot(80),)


def test_rule_4_pending_points_cannot_be_redeemed():
    account = account_state(seq=3, lots=[lot(100, available_at=NOON + INSTANT), lot(5)])
    refusal = refusal_of(decide(loaded(account), [redeem(6)]).outcomes[0])
    assert refusal == InsufficientPoints(available=5, requested=6, as_of_seq=3)


def test_rule_5_held_points_cannot_be_redeemed():
    refusal = refusal_of(decide(loaded(account_state(held=50, lots=[lot(5)])), [redeem(6)]).outcomes[0])
    assert isinstance(refusal, InsufficientPoints)


def test_rule_7_redeeming_never_makes_or_deepens_debt():
    refusal = refusal_of(decide(loaded(account_state(seq=3, debt=30)), [redeem(1)]).outcomes[0])
    assert refusal == InsufficientPoints(available=-30, requested=1, as_of_seq=3)
    assert refusal.fields()["missing"] == 31


def test_rule_1_redeeming_does_not_lower_lifetime_points():
    account = account_state(lots=[lot(100)], lifetime_points=100)
    assert decide(loaded(account), [redeem(60)]).accounts[0].after.lifetime_points == 100


def test_everything_available_can_be_redeemed():
    after = decide(loaded(account_state(lots=[lot(100)])), [redeem(100)]).accounts[0].after
    assert (after.balance, after.lots) == (0, ())


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_only_an_active_account_may_redeem(status):
    account = account_state(lots=[lot(100)], status=status)
    assert refusal_of(decide(loaded(account), [redeem(1)]).outcomes[0]) == AccountNotActive(status)


def test_a_redeem_larger_than_the_program_allows_is_refused():
    answer = decide_redeem(account_state(lots=[lot(100)]), redeem(51), NOON, ProgramSettings(points_per_entry_max=50))
    assert answer == LimitExceeded(limit=50, allowed=50)
