import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AccountNotActive, OutOfRange
from ledger_service.ledger.states import AccountState
from tests.builders import DAY, INSTANT, NOON, account_state, earn, entry_of, loaded, lot, movement, refusal_of


def after(account: AccountState, command, settings: ProgramSettings | None = None) -> AccountState:
    return decide(loaded(account, settings=settings), [command]).accounts[0].after


def test_rule_2_points_without_dates_go_into_the_lot_that_never_expires():
    account = after(account_state(lots=[lot(5)]), earn(10))
    assert account.lots == (lot(15),)
    assert account.balance == 15


def test_rule_2_points_with_dates_go_into_the_lot_of_these_dates():
    account = after(account_state(lots=[lot(5)]), earn(10, available_at=NOON + DAY, expires_at=NOON + 2 * DAY))
    assert account.lots == (lot(10, NOON + 2 * DAY, NOON + DAY), lot(5))
    assert (account.balance, account.available(NOON)) == (15, 5)


def test_the_entry_says_everything_about_the_earn():
    command = earn(
        10,
        order_id="A-1",
        occurred_at=NOON - DAY,
        reason="double day",
        metadata='{"till":3}',
        available_at=NOON + DAY,
        expires_at=NOON + 2 * DAY,
    )
    (entry,) = decide(loaded(account_state(seq=4, lots=[lot(5)], held=2)), [command]).entries
    assert (entry.seq, entry.kind, entry.points) == (5, "earn", 10)
    assert (entry.balance_after, entry.available_after, entry.pending_after, entry.held_after) == (17, 5, 10, 2)
    assert (entry.order_id, entry.source, entry.key) == ("A-1", command.source, command.key)
    assert (entry.reason, entry.metadata) == ("double day", '{"till":3}')
    assert (entry.available_at, entry.expires_at) == (NOON + DAY, NOON + 2 * DAY)
    assert (entry.occurred_at, entry.recorded_at) == (NOON - DAY, NOON)
    assert entry.movements == (movement(10, NOON + 2 * DAY, NOON + DAY),)


def test_points_that_are_available_by_now_are_available_at_once():
    (entry,) = decide(loaded(account_state()), [earn(10, available_at=NOON)]).entries
    assert entry.available_at is None
    assert entry.movements == (movement(10, NEVER, ALWAYS),)


@pytest.mark.parametrize("available_at", [None, NOON + DAY])
def test_rule_7_new_points_pay_debt_first_at_once_pending_or_not(available_at):
    account = after(account_state(debt=30), earn(50, available_at=available_at))
    assert (account.debt, account.balance) == (0, 20)
    assert [one.remaining for one in account.lots] == [20]


def test_rule_7_points_that_only_pay_debt_open_no_lot():
    proposal = decide(loaded(account_state(debt=30)), [earn(20)])
    account = proposal.accounts[0].after
    assert (account.debt, account.balance, account.lots) == (10, -10, ())
    assert entry_of(proposal.outcomes[0]).available_after == -10


def test_rule_1_lifetime_points_count_what_was_earned_even_if_it_paid_debt():
    assert after(account_state(debt=30, lifetime_points=100), earn(20)).lifetime_points == 120


def test_a_suspended_account_may_earn_and_a_closed_one_may_not():
    assert after(account_state(status="suspended"), earn(10)).balance == 10
    outcome = decide(loaded(account_state(status="closed")), [earn(10)]).outcomes[0]
    assert refusal_of(outcome) == AccountNotActive("closed")


@pytest.mark.parametrize("expires_at", [NOON - DAY, NOON])
def test_points_that_would_be_gone_already_are_refused(expires_at):
    refusal = refusal_of(decide(loaded(account_state()), [earn(10, expires_at=expires_at)]).outcomes[0])
    assert isinstance(refusal, OutOfRange)
    assert refusal.pointer == "/expires_at"


def test_points_that_could_never_be_used_are_refused():
    command = earn(10, available_at=NOON + DAY, expires_at=NOON + DAY)
    refusal = refusal_of(decide(loaded(account_state()), [command]).outcomes[0])
    assert isinstance(refusal, OutOfRange)
    assert refusal.pointer == "/available_at"


def test_points_may_be_usable_for_a_single_instant():
    command = earn(10, available_at=NOON + DAY, expires_at=NOON + DAY + INSTANT)
    assert after(account_state(), command).available(NOON + DAY) == 10
