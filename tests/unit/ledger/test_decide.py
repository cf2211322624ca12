from dataclasses import replace

import pytest

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.outcomes import Answered, Posted, Refused, Repeated, Replayed, WrittenTogether
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import (
    AccountMerged,
    AccountNotFound,
    BulkAborted,
    DuplicateOrder,
    InsufficientPoints,
    KeyReused,
    LimitExceeded,
)
from ledger_service.ledger.states import KnownOutcome
from tests.builders import (
    DAY,
    NOON,
    account_state,
    adjust,
    attach,
    claim,
    earn,
    entry,
    entry_of,
    facts,
    loaded,
    lot,
    open_account,
    redeem,
    refusal_of,
    reverse,
    set_status,
    settle_due,
    together,
)

AUTO_OPEN = ProgramSettings(auto_open=True)


def again(command: Command, **changed) -> Command:
    """The same request once more, under another request id."""
    return replace(command, request_id="request-again", **changed)


# Commands in a row


def test_rule_1_entries_of_a_batch_follow_each_other_without_gaps_in_the_order_asked():
    first, second = account_state("a", seq=3), account_state("b", seq=8)
    commands = [earn(1, account_id="a"), earn(2, account_id="b"), earn(4, account_id="a")]
    proposal = decide(loaded(first, second), commands)
    entries = [entry_of(outcome) for outcome in proposal.outcomes]
    assert [(made.account_id, made.seq, made.balance_after) for made in entries] == [
        ("a", 4, 1),
        ("b", 9, 2),
        ("a", 5, 5),
    ]
    assert entries[0].previous_hash == first.head_hash
    assert entries[2].previous_hash == entries[0].hash
    assert proposal.entries == tuple(entries)


def test_each_command_sees_what_the_one_before_it_did():
    proposal = decide(loaded(account_state()), [earn(10), redeem(10), redeem(1), reverse(4)])
    assert [type(outcome) for outcome in proposal.outcomes] == [Posted, Posted, Refused, Refused]
    assert proposal.accounts[0].after.balance == 0


def test_an_entry_can_be_reversed_in_the_batch_that_made_it():
    proposal = decide(loaded(account_state(seq=4)), [earn(10), reverse(5, 4), reverse(5)])
    assert [made.points for made in proposal.entries] == [10, -4, -6]


def test_the_same_states_and_commands_give_the_same_proposal():
    commands = [earn(10), redeem(4), earn(3, account_id="unknown")]
    state = loaded(account_state())
    one, other = decide(state, commands), decide(state, commands)
    assert replace(one, groups=other.groups) == other


def test_deciding_changes_nothing_that_was_loaded():
    account = account_state(lots=[lot(10)])
    state = loaded(account)
    decide(state, [earn(5), redeem(3)])
    assert state.accounts == {"m-1": account}
    assert account == account_state(lots=[lot(10)])


def test_no_commands_are_an_empty_proposal():
    assert decide(loaded(), []).is_empty


# Accounts


@pytest.mark.parametrize(
    "command", [earn(), redeem(), adjust(), reverse(), set_status(), settle_due(), attach(claim())]
)
def test_a_command_on_an_account_that_is_not_there_is_not_found_and_leaves_no_trace(command):
    proposal = decide(loaded(), [command])
    assert proposal.outcomes == (Refused(AccountNotFound("m-1"), command.request_id),)
    assert proposal.is_empty


def test_with_auto_open_an_earn_opens_an_unknown_account():
    proposal = decide(loaded(settings=AUTO_OPEN), [earn(10), redeem(4)])
    (change,) = proposal.accounts
    assert (change.loaded_version, change.after.seq, change.after.balance) == (0, 2, 6)
    assert change.after.created_at == NOON


@pytest.mark.parametrize("command", [redeem(), adjust(), reverse(), set_status(), settle_due()])
def test_with_auto_open_only_an_earn_opens_an_account(command):
    assert isinstance(refusal_of(decide(loaded(settings=AUTO_OPEN), [command]).outcomes[0]), AccountNotFound)


def test_a_refused_earn_opens_no_account_but_stays_refused_under_its_key():
    settings = ProgramSettings(auto_open=True, points_per_entry_max=50)
    command = earn(51)
    proposal = decide(loaded(settings=settings), [command, settle_due()])
    assert isinstance(refusal_of(proposal.outcomes[0]), LimitExceeded)
    assert isinstance(refusal_of(proposal.outcomes[1]), AccountNotFound)
    assert proposal.accounts == ()
    assert [record.command for record in proposal.keys] == [command]


@pytest.mark.parametrize("command", [earn(), redeem(), adjust(), reverse(), set_status(), settle_due()])
def test_rule_8_a_merged_account_says_where_its_points_went(command):
    account = account_state(status="merged", merged_into="m-2", lots=[lot(5, NOON)])
    proposal = decide(loaded(account), [command])
    assert refusal_of(proposal.outcomes[0]) == AccountMerged("m-2")
    assert proposal.entries == ()


# Keys


def test_the_same_key_and_request_replays_the_first_answer():
    command, made = earn(10), entry()
    known = {command.key: KnownOutcome(command.fingerprint, Posted(made))}
    proposal = decide(loaded(account_state(), outcomes=known), [again(command)])
    assert proposal.outcomes == (Replayed(Posted(made)),)
    assert proposal.is_empty


def test_the_same_key_twice_in_one_batch_posts_once():
    command = earn(10)
    proposal = decide(loaded(account_state()), [command, again(command)])
    assert proposal.outcomes[1] == Replayed(proposal.outcomes[0])
    assert len(proposal.entries) == len(proposal.keys) == 1


def test_a_refusal_is_replayed_with_the_request_id_it_was_first_given():
    command = redeem(10)
    proposal = decide(loaded(account_state(seq=1)), [command, earn(50), again(command)])
    first = Refused(InsufficientPoints(available=0, requested=10, as_of_seq=1), command.request_id)
    assert proposal.outcomes[0] == first
    assert proposal.outcomes[2] == Replayed(first)


def test_the_same_key_for_another_request_is_refused_and_the_first_answer_stays():
    command, other = earn(10), earn(11)
    known = {command.key: KnownOutcome(command.fingerprint, Posted(entry()))}
    for state, commands in (
        (loaded(account_state(), outcomes=known), [replace(other, key=command.key)]),
        (loaded(account_state()), [command, replace(other, key=command.key)]),
    ):
        proposal = decide(state, commands)
        assert proposal.outcomes[-1] == Refused(KeyReused(), other.request_id)
        assert len(proposal.entries) == len(commands) - 1


def test_a_refusal_that_is_not_kept_leaves_its_key_free():
    command = earn(10)
    proposal = decide(loaded(), [command, open_account(), again(command)])
    assert isinstance(refusal_of(proposal.outcomes[0]), AccountNotFound)
    assert isinstance(proposal.outcomes[2], Posted)


def test_a_rehearsal_without_a_key_replays_nothing():
    proposal = decide(loaded(account_state()), [earn(10, key=None), earn(10, key=None)])
    assert [entry_of(outcome).balance_after for outcome in proposal.outcomes] == [10, 20]
    assert proposal.keys == ()


# Orders


@pytest.mark.parametrize(("verb", "kind", "sign"), [(earn, "earn", 1), (redeem, "redeem", -1)])
def test_the_same_order_under_another_key_answers_the_first_entry(verb, kind, sign):
    first = entry(kind=kind, points=sign * 10, order_id="A-1")
    command = verb(10, order_id="A-1")
    proposal = decide(loaded(account_state(lots=[lot(50)]), orders=[first]), [command])
    assert proposal.outcomes == (Repeated(first),)
    assert proposal.entries == ()
    assert [(record.command, record.first) for record in proposal.keys] == [(command, Repeated(first))]


def test_the_same_order_with_other_points_or_another_account_is_a_duplicate():
    first = entry(points=10, order_id="A-1", seq=7)
    state = loaded(account_state(), account_state("m-2"), orders=[first])
    proposal = decide(state, [earn(11, order_id="A-1"), earn(10, order_id="A-1", account_id="m-2")])
    duplicate = DuplicateOrder(order_id="A-1", account_id="m-1", seq=7, points=10)
    assert [refusal_of(outcome) for outcome in proposal.outcomes] == [duplicate, duplicate]


def test_the_same_order_twice_in_one_batch_posts_once():
    proposal = decide(loaded(account_state()), [earn(10, order_id="A-1"), earn(10, order_id="A-1")])
    assert proposal.outcomes[1] == Repeated(entry_of(proposal.outcomes[0]))
    assert len(proposal.entries) == 1


def test_an_order_may_be_earned_and_redeemed_once_and_another_source_has_orders_of_its_own():
    commands = [
        earn(10, order_id="A-1"),
        redeem(5, order_id="A-1"),
        earn(10, order_id="A-1", source="web"),
        earn(10, order_id="A-2"),
    ]
    proposal = decide(loaded(account_state()), commands)
    assert [type(outcome) for outcome in proposal.outcomes] == [Posted] * 4


def test_an_order_is_repeated_even_when_the_account_may_no_longer_earn():
    first = entry(points=10, order_id="A-1")
    proposal = decide(loaded(account_state(status="closed"), orders=[first]), [earn(10, order_id="A-1")])
    assert proposal.outcomes == (Repeated(first),)


def test_an_order_returned_in_two_parts_is_two_reversals_of_the_same_order():
    earned = entry(seq=1, points=100, order_id="A-1")
    state = loaded(account_state(seq=1, lots=[lot(100)]), entries=facts(earned), orders=[earned])
    proposal = decide(state, [reverse(1, 40), reverse(1, 60)])
    assert [(made.kind, made.order_id) for made in proposal.entries] == [("reverse_earn", "A-1")] * 2


# Together


def test_together_all_are_written_and_each_has_its_own_answer_and_key():
    bulk = together(earn(10, account_id="a"), earn(20, account_id="b"), redeem(5, account_id="a"))
    proposal = decide(loaded(account_state("a"), account_state("b")), [bulk])
    (outcome,) = proposal.outcomes
    assert isinstance(outcome, WrittenTogether)
    assert [entry_of(one).points for one in outcome.outcomes] == [10, 20, -5]
    assert [record.command.key for record in proposal.keys] == [*(one.key for one in bulk.commands), bulk.key]


def test_what_was_reversed_together_is_not_reversed_again():
    earned = entry(seq=1, points=100)
    state = loaded(account_state(seq=1, lots=[lot(500)]), entries=facts(earned))
    proposal = decide(state, [together(reverse(1, 60), reverse(1, 30)), reverse(1)])
    assert entry_of(proposal.outcomes[1]).points == -10


def test_together_one_refusal_aborts_all_and_leaves_no_trace_but_itself():
    bulk = together(earn(10), redeem(50), earn(20))
    account = account_state(seq=1, lots=[lot(5, NOON)])
    proposal = decide(loaded(account), [bulk])
    refused = refusal_of(proposal.outcomes[0])
    assert isinstance(refused, BulkAborted)
    assert refused.failed_index == 1
    assert refused.refused == {
        "code": "insufficient_points",
        "available": 10,
        "requested": 50,
        "missing": 40,
        "as_of_seq": 3,
    }
    assert proposal.entries == ()
    assert [record.command for record in proposal.keys] == [bulk]
    assert [change.after for change in proposal.accounts] == [account]


def test_an_aborted_bulk_is_replayed_and_its_commands_can_be_asked_alone():
    bulk = together(earn(10), redeem(50))
    proposal = decide(loaded(account_state()), [bulk, again(bulk), bulk.commands[0]])
    assert proposal.outcomes[1] == Replayed(proposal.outcomes[0])
    assert entry_of(proposal.outcomes[2]).points == 10


def test_an_aborted_bulk_frees_what_it_had_taken():
    card = claim("1234")
    bulk = together(
        open_account("new", identifiers=[card]),
        earn(10, account_id="a", order_id="A-1"),
        reverse(1, account_id="a"),
        redeem(500, account_id="a"),
    )
    earned = entry("a", seq=1, points=100)
    state = loaded(account_state("a", seq=1, lots=[lot(100)]), entries=facts(earned))
    singles = [
        earn(10, account_id="a", order_id="A-1"),
        reverse(1, account_id="a"),
        open_account("other", identifiers=[card]),
    ]
    proposal = decide(state, [bulk, *singles])
    assert isinstance(refusal_of(proposal.outcomes[0]), BulkAborted)
    assert [type(outcome) for outcome in proposal.outcomes[1:]] == [Posted, Posted, Answered]


def test_a_bulk_that_asks_for_something_unknown_is_refused_as_that_and_not_kept():
    proposal = decide(loaded(account_state("a")), [together(earn(account_id="a"), earn(account_id="b"))])
    assert refusal_of(proposal.outcomes[0]) == AccountNotFound("b")
    assert proposal.is_empty


def test_a_bulk_is_replayed_from_the_answers_of_its_commands():
    bulk = together(earn(10), earn(20))
    first, second = entry(seq=1, points=10), entry(seq=2, points=20)
    known = {
        bulk.key: KnownOutcome(bulk.fingerprint, WrittenTogether(())),
        bulk.commands[0].key: KnownOutcome(bulk.commands[0].fingerprint, Posted(first)),
        bulk.commands[1].key: KnownOutcome(bulk.commands[1].fingerprint, Posted(second)),
    }
    proposal = decide(loaded(account_state(seq=2), outcomes=known), [again(bulk)])
    assert proposal.outcomes == (Replayed(WrittenTogether((Replayed(Posted(first)), Replayed(Posted(second))))),)
    assert proposal.is_empty


def test_a_bulk_may_hold_a_command_that_was_posted_before():
    before = earn(10)
    known = {before.key: KnownOutcome(before.fingerprint, Posted(entry()))}
    proposal = decide(loaded(account_state(seq=1), outcomes=known), [together(before, earn(20))])
    outcome = proposal.outcomes[0]
    assert isinstance(outcome, WrittenTogether)
    assert [type(one) for one in outcome.outcomes] == [Replayed, Posted]


def test_a_bulk_with_a_command_that_was_refused_before_is_aborted():
    before = redeem(10)
    refused = Refused(InsufficientPoints(available=0, requested=10, as_of_seq=0), "request-first")
    known = {before.key: KnownOutcome(before.fingerprint, refused)}
    proposal = decide(loaded(account_state(), outcomes=known), [together(earn(20), before)])
    aborted = refusal_of(proposal.outcomes[0])
    assert isinstance(aborted, BulkAborted)
    assert aborted.failed_index == 1


def test_a_key_reused_within_a_bulk_refuses_the_bulk():
    first = earn(10)
    proposal = decide(loaded(account_state()), [together(first, earn(20, key=first.key))])
    assert refusal_of(proposal.outcomes[0]) == KeyReused()
    assert proposal.is_empty


def test_a_command_no_rule_decides_is_a_bug():
    with pytest.raises(TypeError, match="no rule decides a Command"):
        decide(
            loaded(account_state()), [Command(account_id="m-1", source="s", key="k", fingerprint=b"", request_id="r")]
        )


def test_due_work_done_in_an_aborted_bulk_is_done_by_the_next_command():
    account = account_state(seq=1, lots=[lot(5, NOON), lot(9, NOON + DAY)])
    proposal = decide(loaded(account), [together(redeem(10)), earn(1)])
    assert [made.kind for made in proposal.entries] == ["expire", "earn"]
