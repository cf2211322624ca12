import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import Clawback, ProgramSettings
from ledger_service.ledger.refusals import (
    AccountNotFound,
    AlreadyReversed,
    EntryNotFound,
    ExceedsRemaining,
    NothingToReverse,
)
from tests.builders import (
    DAY,
    NOON,
    account_state,
    adjust,
    earn,
    entry,
    entry_of,
    facts,
    loaded,
    lot,
    movement,
    redeem,
    refusal_of,
    reverse,
)

ALLOW_DEBT = ProgramSettings(clawback=Clawback("allow_debt"))


def earned(points=100, expires_at=None, available_at=None, **others):
    return entry(seq=1, kind="earn", points=points, expires_at=expires_at, available_at=available_at, **others)


def redeemed(*movements, **others):
    points = sum(one.points for one in movements)
    return entry(seq=1, kind="redeem", points=points, movements=movements, **others)


def reversal(account, of, command=None, *, settings=None, reversed_points=0):
    """The proposal for reversing this entry on this account."""
    found = facts(of, reversed_points)
    return decide(loaded(account, settings=settings, entries=found), [command or reverse(of.seq)])


def test_rule_6_an_earn_is_taken_from_its_own_lot_first():
    account = account_state(lots=[lot(100, NOON + DAY), lot(100, NOON + 2 * DAY), lot(100)])
    proposal = reversal(account, earned(expires_at=NOON + 2 * DAY))
    assert proposal.entries[0].movements == (movement(-100, NOON + 2 * DAY),)


def test_rule_6_then_soonest_expiry_first_then_pending():
    account = account_state(
        lots=[
            lot(10, NOON + DAY, NOON + DAY / 2),
            lot(20, NOON + DAY),
            lot(30, NOON + 3 * DAY),
            lot(5, NOON + 2 * DAY),
        ]
    )
    proposal = reversal(account, earned(60, expires_at=NOON + 2 * DAY))
    assert proposal.entries[0].movements == (
        movement(-5, NOON + 2 * DAY),
        movement(-20, NOON + DAY),
        movement(-30, NOON + 3 * DAY),
        movement(-5, NOON + DAY, NOON + DAY / 2),
    )
    assert proposal.accounts[0].after.debt == 0


def test_rule_4_pending_points_are_the_first_taken_back_when_their_own_order_is_returned():
    account = account_state(lots=[lot(50), lot(100, available_at=NOON + DAY)])
    proposal = reversal(account, earned(available_at=NOON + DAY))
    assert proposal.accounts[0].after.lots == (lot(50),)


def test_rule_7_clamp_takes_what_is_there_and_records_the_rest_as_written_off():
    proposal = reversal(account_state(lots=[lot(30)], lifetime_points=100), earned(100))
    (made,) = proposal.entries
    assert (made.kind, made.points, made.written_off) == ("reverse_earn", -30, 70)
    after = proposal.accounts[0].after
    assert (after.balance, after.debt, after.lifetime_points) == (0, 0, 70)


def test_rule_7_allow_debt_takes_everything_and_leaves_the_rest_as_debt():
    proposal = reversal(account_state(lots=[lot(30)], lifetime_points=100), earned(100), settings=ALLOW_DEBT)
    (made,) = proposal.entries
    assert (made.points, made.written_off, made.balance_after, made.available_after) == (-100, 0, -70, -70)
    after = proposal.accounts[0].after
    assert (after.debt, after.lots, after.lifetime_points) == (70, (), 0)


@pytest.mark.parametrize(
    ("points", "percent", "debt"),
    [(25, None, 25), (0, None, 0), (None, 20, 40), (25, 20, 25), (60, 20, 40), (None, None, 100)],
)
def test_rule_7_limit_is_points_or_percent_of_lifetime_points_whichever_is_smaller(points, percent, debt):
    settings = ProgramSettings(clawback=Clawback("limit", points, percent))
    proposal = reversal(account_state(lifetime_points=200), earned(100), settings=settings)
    assert proposal.accounts[0].after.debt == debt
    assert proposal.entries[0].written_off == 100 - debt


def test_rule_7_debt_that_is_there_already_counts_towards_the_limit():
    settings = ProgramSettings(clawback=Clawback("limit", 25))
    for before, after in ((20, 25), (25, 25), (40, 40)):
        proposal = reversal(account_state(debt=before, lifetime_points=200), earned(100), settings=settings)
        assert proposal.accounts[0].after.debt == after


def test_a_reversal_that_is_wholly_written_off_is_an_entry_of_no_points():
    (made,) = reversal(account_state(), earned(100)).entries
    assert (made.points, made.written_off, made.movements) == (0, 100, ())


def test_rule_6_what_was_written_off_is_not_asked_for_again():
    account = account_state(seq=1, lots=[lot(30)], lifetime_points=100)
    commands = [reverse(1), earn(50), reverse(1)]
    proposal = decide(loaded(account, entries=facts(earned(100))), commands)
    assert refusal_of(proposal.outcomes[2]) == AlreadyReversed(1)


def test_rule_6_never_more_than_the_entry_still_has():
    account = account_state(lots=[lot(500)])
    refused = reversal(account, earned(100), reverse(1, 61), reversed_points=40).outcomes[0]
    assert refusal_of(refused) == ExceedsRemaining(60)
    assert entry_of(reversal(account, earned(100), reverse(1, 60), reversed_points=40).outcomes[0]).points == -60


def test_rule_6_without_points_all_that_is_left_is_reversed():
    proposal = reversal(account_state(lots=[lot(500)]), earned(100), reversed_points=40)
    assert proposal.entries[0].points == -60


def test_an_entry_of_which_nothing_is_left_is_already_reversed():
    refused = reversal(account_state(lots=[lot(500)]), earned(100), reversed_points=100).outcomes[0]
    assert refusal_of(refused) == AlreadyReversed(1)


@pytest.mark.parametrize("kind", ["expire", "adjust", "reverse_earn", "reverse_redeem"])
def test_only_an_earn_or_a_redeem_can_be_reversed(kind):
    refused = reversal(account_state(lots=[lot(500)]), entry(kind=kind, points=-5)).outcomes[0]
    assert refusal_of(refused) == NothingToReverse(kind)


def test_an_earn_of_no_points_has_nothing_to_reverse():
    refused = reversal(account_state(), entry(kind="earn", points=0, movements=())).outcomes[0]
    assert refusal_of(refused) == NothingToReverse("earn")


def test_an_entry_that_is_not_there_is_not_found_and_an_account_neither():
    account = account_state(seq=1)
    assert refusal_of(decide(loaded(account), [reverse(9)]).outcomes[0]) == EntryNotFound("m-1", 9)
    assert refusal_of(decide(loaded(), [reverse(9)]).outcomes[0]) == AccountNotFound("m-1")


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_returns_come_late_so_they_are_taken_whatever_the_status(status):
    account = account_state(status=status, lots=[lot(500)])
    assert entry_of(reversal(account, earned(100)).outcomes[0]).points == -100
    assert entry_of(reversal(account, redeemed(movement(-10))).outcomes[0]).points == 10


def test_the_reversal_says_what_it_undid_and_why():
    proposal = reversal(account_state(lots=[lot(100)]), earned(100, order_id="A-1"), reverse(1, reason="broken"))
    (made,) = proposal.entries
    assert (made.reverses_seq, made.order_id, made.reason, made.occurred_at) == (1, "A-1", "broken", NOON)


def test_rule_6_a_redeem_goes_back_to_its_lots_newest_consumption_first():
    of = redeemed(movement(-30, NOON + DAY), movement(-20, NOON + 2 * DAY), movement(-50))
    proposal = reversal(account_state(), of, reverse(1, 60))
    assert proposal.entries[0].movements == (movement(50), movement(10, NOON + 2 * DAY))
    assert proposal.accounts[0].after.lots == (lot(10, NOON + 2 * DAY), lot(50))


def test_rule_6_a_redeem_given_back_bit_by_bit_ends_where_it_began():
    before = account_state(seq=1, lots=[lot(30, NOON + DAY), lot(20, NOON + 2 * DAY), lot(60)])
    given_back = [reverse(2, 45), reverse(2, 10), reverse(2, 1), reverse(2)]
    proposal = decide(loaded(before), [redeem(100), *given_back])
    assert [made.points for made in proposal.entries] == [-100, 45, 10, 1, 44]
    assert proposal.entries[2].movements == (movement(5), movement(5, NOON + 2 * DAY))
    assert proposal.accounts[0].after.lots == before.lots


def test_rule_7_points_given_back_pay_debt_first():
    proposal = reversal(account_state(debt=30), redeemed(movement(-20, NOON + DAY), movement(-25)))
    after = proposal.accounts[0].after
    assert (after.debt, after.balance) == (0, 15)
    assert after.lots == (lot(15, NOON + DAY),)


def test_rule_1_giving_back_does_not_raise_lifetime_points():
    proposal = reversal(account_state(lifetime_points=100), redeemed(movement(-20)))
    assert proposal.accounts[0].after.lifetime_points == 100


def test_rule_6_points_whose_lot_expired_meanwhile_are_restored_and_expired_in_the_same_breath():
    of = redeemed(movement(-30, NOON - 2 * DAY), movement(-20, NOON), movement(-50))
    proposal = reversal(account_state(seq=4), of)
    assert [(made.kind, made.points, made.seq) for made in proposal.entries] == [
        ("reverse_redeem", 100, 5),
        ("expire", -30, 6),
        ("expire", -20, 7),
    ]
    assert entry_of(proposal.outcomes[0]) == proposal.entries[0]
    assert proposal.entries[0].available_after == 50
    after = proposal.accounts[0].after
    assert (after.balance, after.lots) == (50, (lot(50),))


def test_rule_2_points_restored_too_late_expire_at_the_moment_of_their_restore():
    proposal = reversal(account_state(), redeemed(movement(-30, NOON - 2 * DAY)))
    assert proposal.entries[1].occurred_at == NOON


def test_a_redeem_can_be_given_back_at_the_height_of_lifetime_points():
    """Giving back earns nothing, so the bound of what an account may ever earn does not stop a return."""
    account = account_state(lots=[lot(POINTS_MAX - 10)], lifetime_points=POINTS_MAX)
    assert entry_of(reversal(account, redeemed(movement(-10))).outcomes[0]).balance_after == POINTS_MAX


def test_a_limit_set_later_does_not_stop_a_return_of_what_was_redeemed_before():
    settings = ProgramSettings(points_per_entry_max=50)
    proposal = reversal(account_state(), redeemed(movement(-100)), settings=settings)
    assert entry_of(proposal.outcomes[0]).points == 100


def test_an_adjust_into_debt_and_a_return_together_leave_no_debt_beside_points():
    commands = [adjust(-40, allow_negative=True), reverse(1, 25)]
    proposal = decide(loaded(account_state(seq=1), entries=facts(redeemed(movement(-100)))), commands)
    after = proposal.accounts[0].after
    assert (after.debt, after.balance, after.lots) == (15, -15, ())
