import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.refusals import AccountNotActive, InsufficientPoints
from tests.builders import DAY, NOON, account_state, adjust, loaded, lot, movement, refusal_of


def test_a_correction_upwards_never_expires_and_does_not_count_as_earned():
    account = account_state(lots=[lot(5)], lifetime_points=5)
    proposal = decide(loaded(account), [adjust(10, reason="goodwill")])
    after = proposal.accounts[0].after
    assert (after.lots, after.balance, after.lifetime_points) == ((lot(15),), 15, 5)
    assert (proposal.entries[0].kind, proposal.entries[0].reason) == ("adjust", "goodwill")


def test_rule_7_a_correction_upwards_pays_debt_first():
    after = decide(loaded(account_state(debt=30)), [adjust(40)]).accounts[0].after
    assert (after.debt, after.lots) == (0, (lot(10),))


def test_rule_2_a_correction_downwards_takes_the_soonest_to_expire():
    account = account_state(lots=[lot(100), lot(30, NOON + DAY)])
    (entry,) = decide(loaded(account), [adjust(-50)]).entries
    assert entry.movements == (movement(-30, NOON + DAY), movement(-20))


def test_rule_7_a_correction_leaves_no_debt_unless_that_is_allowed():
    account = account_state(seq=2, lots=[lot(30)])
    refused = decide(loaded(account), [adjust(-31)]).outcomes[0]
    assert refusal_of(refused) == InsufficientPoints(available=30, requested=31, as_of_seq=2)


def test_rule_7_with_allow_negative_a_correction_may_leave_debt_whatever_the_clawback_policy():
    after = decide(loaded(account_state(lots=[lot(30)])), [adjust(-50, allow_negative=True)]).accounts[0].after
    assert (after.debt, after.balance, after.lots) == (20, -20, ())


def test_rule_7_a_correction_takes_pending_points_before_it_leaves_debt():
    account = account_state(lots=[lot(10), lot(15, available_at=NOON + DAY)])
    proposal = decide(loaded(account), [adjust(-30, allow_negative=True)])
    assert proposal.accounts[0].after.debt == 5
    assert proposal.entries[0].available_after == -5
    assert proposal.entries[0].pending_after == 0


def test_debt_can_be_deepened_only_with_allow_negative():
    account = account_state(debt=10)
    assert isinstance(refusal_of(decide(loaded(account), [adjust(-1)]).outcomes[0]), InsufficientPoints)
    assert decide(loaded(account), [adjust(-1, allow_negative=True)]).accounts[0].after.debt == 11


@pytest.mark.parametrize("points", [5, -5])
def test_a_suspended_account_can_be_corrected_and_a_closed_one_cannot(points):
    suspended, closed = (account_state(status=status, lots=[lot(10)]) for status in ("suspended", "closed"))
    assert decide(loaded(suspended), [adjust(points)]).accounts[0].after.balance == 10 + points
    assert refusal_of(decide(loaded(closed), [adjust(points)]).outcomes[0]) == AccountNotActive("closed")
