from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.limits import (
    AHEAD_MAX,
    beyond_balance,
    beyond_entry,
    beyond_lifetime,
    occurred_out_of_range,
)
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import LimitExceeded, OutOfRange
from tests.builders import (
    DAY,
    INSTANT,
    NOON,
    account_state,
    adjust,
    earn,
    entry_of,
    loaded,
    lot,
    redeem,
    refusal_of,
)

DEFAULTS = ProgramSettings()


@pytest.mark.parametrize("verb", [earn, redeem])
@pytest.mark.parametrize(
    ("occurred_at", "is_refused"),
    [
        (None, False),
        (NOON - 90 * DAY, False),
        (NOON - 90 * DAY - INSTANT, True),
        (NOON + AHEAD_MAX, False),
        (NOON + AHEAD_MAX + INSTANT, True),
    ],
)
def test_a_till_may_be_ninety_days_late_or_five_minutes_ahead(verb, occurred_at, is_refused):
    proposal = decide(loaded(account_state(lots=[lot(100)])), [verb(10, occurred_at=occurred_at)])
    if is_refused:
        refusal = refusal_of(proposal.outcomes[0])
        assert isinstance(refusal, OutOfRange)
        assert refusal.pointer == "/occurred_at"
        assert proposal.is_empty
    else:
        assert entry_of(proposal.outcomes[0]).occurred_at == (occurred_at or NOON)


def test_a_program_may_take_nothing_from_the_past():
    assert occurred_out_of_range(NOON - INSTANT, NOON, ProgramSettings(backdate_days_max=0)) is not None
    assert occurred_out_of_range(NOON, NOON, ProgramSettings(backdate_days_max=0)) is None


@pytest.mark.parametrize(
    "now", [datetime(1, 1, 2, tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1)]
)
def test_a_test_clock_at_the_end_of_time_is_no_failure(now):
    assert occurred_out_of_range(now, now, ProgramSettings(backdate_days_max=999_999)) is None


def test_no_entry_is_larger_than_the_program_allows_either_way():
    settings = ProgramSettings(points_per_entry_max=50)
    for command in (earn(51), adjust(51), adjust(-51), redeem(51)):
        proposal = decide(loaded(account_state(lots=[lot(100)]), settings=settings), [command])
        assert refusal_of(proposal.outcomes[0]) == LimitExceeded(limit=50, allowed=50)
    for command in (earn(50), adjust(50), adjust(-50), redeem(50)):
        proposal = decide(loaded(account_state(lots=[lot(100)]), settings=settings), [command])
        assert abs(entry_of(proposal.outcomes[0]).points) == 50


def test_a_balance_reaches_the_largest_number_that_every_client_reads_exactly_and_goes_no_further():
    account = account_state(lots=[lot(POINTS_MAX - 10)], lifetime_points=0)
    proposal = decide(loaded(account), [earn(11), earn(10), adjust(1)])
    assert refusal_of(proposal.outcomes[0]) == LimitExceeded(limit=POINTS_MAX, allowed=10)
    assert entry_of(proposal.outcomes[1]).balance_after == POINTS_MAX == 2**53 - 1
    assert refusal_of(proposal.outcomes[2]) == LimitExceeded(limit=POINTS_MAX, allowed=0)


def test_a_debt_reaches_the_same_number_and_goes_no_further():
    account = account_state(debt=POINTS_MAX - 10)
    commands = [adjust(-11, allow_negative=True), adjust(-10, allow_negative=True)]
    proposal = decide(loaded(account), commands)
    assert refusal_of(proposal.outcomes[0]) == LimitExceeded(limit=POINTS_MAX, allowed=10)
    assert entry_of(proposal.outcomes[1]).balance_after == -POINTS_MAX


def test_an_account_may_not_earn_more_in_its_life_than_every_client_reads_exactly():
    account = account_state(lifetime_points=POINTS_MAX - 10)
    proposal = decide(loaded(account), [earn(11), earn(10)])
    assert refusal_of(proposal.outcomes[0]) == LimitExceeded(limit=POINTS_MAX, allowed=10)
    assert entry_of(proposal.outcomes[1]).balance_after == 10


def test_a_correction_is_not_bound_by_what_was_ever_earned():
    account = account_state(lifetime_points=POINTS_MAX)
    assert entry_of(decide(loaded(account), [adjust(10)]).outcomes[0]).balance_after == 10


def test_each_bound_by_itself():
    account = account_state(lots=[lot(10)], lifetime_points=20)
    assert beyond_entry(-POINTS_MAX, DEFAULTS) is None
    assert beyond_balance(account, POINTS_MAX - 10) is None
    assert beyond_balance(account, -POINTS_MAX - 10) is None
    assert beyond_balance(account, -POINTS_MAX - 11) == LimitExceeded(POINTS_MAX, POINTS_MAX + 10)
    assert beyond_lifetime(account, POINTS_MAX - 20) is None
    assert beyond_lifetime(account, POINTS_MAX - 19) == LimitExceeded(POINTS_MAX, POINTS_MAX - 20)
