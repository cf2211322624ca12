from ledger_service.ledger.decide import decide
from ledger_service.ledger.entries import UPKEEP_SOURCE
from ledger_service.ledger.outcomes import Answered
from ledger_service.ledger.refusals import AccountNotFound, InsufficientPoints, OutOfRange
from ledger_service.ledger.settling import settle
from tests.builders import (
    DAY,
    INSTANT,
    NOON,
    account_state,
    earn,
    loaded,
    lot,
    movement,
    program_state,
    redeem,
    refusal_of,
    reverse,
    settle_due,
)


def done(account, now):
    """The account with its due work done, and the entries that did it."""
    settled = settle(account, program_state(), now)
    return settled.account, settled.entries


def test_rule_2_points_expire_at_the_very_instant_and_not_before():
    account = account_state(lots=[lot(10, NOON)])
    assert done(account, NOON - INSTANT) == (account, ())
    settled, (entry,) = done(account, NOON)
    assert (settled.lots, settled.balance) == ((), 0)
    assert (entry.kind, entry.points, entry.movements) == ("expire", -10, (movement(-10, NOON),))


def test_rule_2_expiry_occurs_when_it_was_due_whenever_it_is_swept():
    _, (entry,) = done(account_state(lots=[lot(10, NOON)]), NOON + 30 * DAY)
    assert (entry.occurred_at, entry.recorded_at) == (NOON, NOON + 30 * DAY)


def test_rule_2_every_due_lot_expires_with_an_entry_of_its_own_soonest_first():
    account = account_state(seq=3, lots=[lot(10, NOON), lot(5, NOON - DAY), lot(7, NOON, NOON - DAY), lot(50)])
    settled, entries = done(account, NOON)
    assert [(entry.seq, entry.points, entry.occurred_at) for entry in entries] == [
        (4, -5, NOON - DAY),
        (5, -10, NOON),
        (6, -7, NOON),
    ]
    assert settled.lots == (lot(50),)


def test_an_expiry_swept_late_reads_as_if_it_had_been_swept_in_time():
    account = account_state(lots=[lot(10, NOON), lot(20, NOON + DAY), lot(5, available_at=NOON + DAY)])
    _, late = done(account, NOON + 30 * DAY)
    settled, at_noon = done(account, NOON)
    _, next_day = done(settled, NOON + DAY)
    numbers = [(entry.balance_after, entry.available_after, entry.pending_after) for entry in late]
    assert numbers == [(25, 20, 5), (5, 5, 0)]
    assert numbers == [
        (entry.balance_after, entry.available_after, entry.pending_after) for entry in (*at_noon, *next_day)
    ]


def test_rule_2_pending_points_expire_too():
    _, (entry,) = done(account_state(lots=[lot(10, NOON, NOON + DAY)]), NOON)
    assert entry.points == -10


def test_expiry_is_nobodys_request():
    _, (entry,) = done(account_state(lots=[lot(10, NOON)]), NOON)
    assert (entry.source, entry.key, entry.order_id) == (UPKEEP_SOURCE, None, None)


def test_rule_1_expiry_does_not_lower_lifetime_points():
    settled, _ = done(account_state(lots=[lot(10, NOON)], lifetime_points=10), NOON)
    assert settled.lifetime_points == 10


def test_due_work_is_done_before_the_command_that_comes_by():
    account = account_state(lots=[lot(10, NOON), lot(50)])
    proposal = decide(loaded(account), [earn(5)])
    assert [(entry.kind, entry.balance_after) for entry in proposal.entries] == [("expire", 50), ("earn", 55)]


def test_due_work_is_done_once_in_a_batch():
    proposal = decide(loaded(account_state(lots=[lot(10, NOON)])), [settle_due(), earn(5), settle_due()])
    assert [entry.kind for entry in proposal.entries] == ["expire", "earn"]


def test_a_refusal_that_is_kept_counts_the_due_work_it_saw_and_writes_it():
    proposal = decide(loaded(account_state(seq=1, lots=[lot(10, NOON)])), [redeem(5)])
    refusal = refusal_of(proposal.outcomes[0])
    assert refusal == InsufficientPoints(available=0, requested=5, as_of_seq=2)
    assert [entry.kind for entry in proposal.entries] == ["expire"]
    assert proposal.accounts[0].after.seq == 2


def test_settling_an_account_with_nothing_due_writes_nothing():
    proposal = decide(loaded(account_state(lots=[lot(10, NOON + INSTANT)])), [settle_due()])
    assert proposal.outcomes == (Answered("{}"),)
    assert proposal.is_empty


def test_settling_an_account_that_is_not_there_is_refused():
    assert refusal_of(decide(loaded(), [settle_due()]).outcomes[0]) == AccountNotFound("m-1")


def test_a_command_that_comes_to_nothing_may_still_bring_due_work():
    commands = [earn(5, expires_at=NOON), reverse(99)]
    proposal = decide(loaded(account_state(lots=[lot(10, NOON)])), commands)
    assert isinstance(refusal_of(proposal.outcomes[0]), OutOfRange)
    assert [entry.kind for entry in proposal.entries] == ["expire"]
    assert proposal.keys == ()
