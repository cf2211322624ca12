from dataclasses import replace

from ledger_service.ledger.decide import decide
from ledger_service.ledger.outcomes import Answered, Refused
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import BulkAborted, IdentifierInUse, KeyReused
from ledger_service.ledger.states import Identifier, KnownOutcome
from tests.builders import (
    DAY,
    NOON,
    account_state,
    attach,
    claim,
    earn,
    loaded,
    lot,
    open_account,
    redeem,
    refusal_of,
    revoke,
    together,
)

A, B, C = (account_state(name) for name in "abc")


def test_accounts_are_proposed_in_the_order_in_which_every_writer_locks():
    proposal = decide(loaded(A, B, C), [earn(account_id=name) for name in "cab"])
    assert [change.after.account_id for change in proposal.accounts] == ["a", "b", "c"]


def test_the_version_is_the_loaded_one_for_only_the_gate_raises_it():
    account = account_state(version=7)
    (change,) = decide(loaded(account), [earn(), earn()]).accounts
    assert (change.loaded_version, change.after.version) == (7, 7)


def test_commands_on_different_accounts_do_not_stand_in_each_others_way():
    commands = [earn(account_id="a"), earn(account_id="b")]
    proposal = decide(loaded(A, B), commands)
    assert not proposal.is_void(commands[0], frozenset("b"))
    assert proposal.is_void(commands[1], frozenset("b"))
    assert not proposal.is_void(commands[1], frozenset())


def test_what_is_written_together_is_void_together():
    bulk, alone = together(earn(account_id="a"), earn(account_id="b")), earn(account_id="c")
    proposal = decide(loaded(A, B, C), [bulk, alone])
    assert [change.group for change in proposal.accounts] == [0, 0, 1]
    assert proposal.is_void(bulk, frozenset("a"))
    assert proposal.is_void(bulk, frozenset("b"))
    assert not proposal.is_void(alone, frozenset("ab"))


def test_an_aborted_bulk_is_void_when_any_of_its_accounts_was_not_as_loaded():
    """Else its refusal would be stored by the account that stood, though the other one may have had the points."""
    bulk = together(earn(account_id="a"), redeem(account_id="b"))
    proposal = decide(loaded(A, B), [bulk])
    assert isinstance(refusal_of(proposal.outcomes[0]), BulkAborted)
    assert {change.group for change in proposal.accounts} == {0}
    assert proposal.is_void(bulk, frozenset("b"))


def test_an_answer_that_rests_on_an_earlier_order_falls_with_it():
    commands = [earn(10, account_id="a", order_id="A-1"), earn(10, account_id="b", order_id="A-1")]
    proposal = decide(loaded(A, B), commands)
    assert proposal.is_void(commands[1], frozenset("a"))


def test_an_answer_that_rests_on_an_earlier_key_falls_with_it():
    first = earn(10, account_id="a")
    second = earn(20, account_id="b", key=first.key)
    proposal = decide(loaded(A, B), [first, second, earn(account_id="b")])
    assert refusal_of(proposal.outcomes[1]) == KeyReused()
    assert proposal.is_void(second, frozenset("a"))


def test_an_answer_that_rests_on_an_earlier_identifier_falls_with_it():
    card = claim("1234")
    commands = [
        attach(card, account_id="a"),
        attach(claim("1234"), account_id="b"),
        open_account("d", identifiers=[card]),
    ]
    proposal = decide(loaded(A, B), commands)
    assert [refusal_of(outcome) for outcome in proposal.outcomes[1:]] == [IdentifierInUse("card", "…34")] * 2
    assert proposal.is_void(commands[1], frozenset("a"))
    assert proposal.is_void(commands[2], frozenset("a"))


def test_an_identifier_that_was_freed_in_the_batch_is_only_free_if_that_is_written():
    card = claim("1234")
    held = Identifier(card, "a", NOON - DAY)
    commands = [revoke(card.identifier_id, account_id="a"), attach(claim("1234"), account_id="b"), earn(account_id="c")]
    proposal = decide(loaded(A, B, C, identifiers=[held]), commands)
    assert isinstance(proposal.outcomes[1], Answered)
    assert proposal.is_void(commands[1], frozenset("a"))
    assert not proposal.is_void(commands[2], frozenset("a"))


def test_a_kept_refusal_needs_its_account_to_be_as_loaded():
    command = redeem(10, account_id="a")
    proposal = decide(loaded(A), [command])
    assert [change.after for change in proposal.accounts] == [A]
    assert not proposal.is_empty
    assert proposal.is_void(command, frozenset("a"))


def test_a_kept_refusal_about_an_unknown_account_proposes_a_key_and_no_account():
    settings = ProgramSettings(auto_open=True)
    commands = [earn(10, account_id="a", order_id="A-1"), earn(10, account_id="new", order_id="A-1")]
    proposal = decide(loaded(A, settings=settings), commands)
    assert isinstance(proposal.outcomes[1], Refused)
    assert [change.after.account_id for change in proposal.accounts] == ["a"]
    assert [record.command for record in proposal.keys] == commands
    assert proposal.is_void(commands[1], frozenset("a"))


def test_what_is_said_of_an_account_outside_the_books_falls_with_any_conflict():
    """The gate has no version to hold it against, and keeps it only when nothing was in conflict."""
    settings = ProgramSettings(auto_open=True, points_per_entry_max=50)
    refused, replayed = earn(51, account_id="new"), earn(10, account_id="b")
    known = {replayed.key: KnownOutcome(replayed.fingerprint, Answered("{}"))}
    state = loaded(A, B, settings=settings, outcomes=known)
    proposal = decide(state, [earn(10, account_id="a"), refused, replayed])
    assert proposal.is_void(refused, frozenset("a"))
    assert not proposal.is_void(refused, frozenset())
    assert not proposal.is_void(replayed, frozenset("a")), "what the books hold already stands whatever happens"


def test_lot_changes_are_the_net_of_all_entries():
    account = account_state("b", lots=[lot(30, NOON + DAY)])
    commands = [
        redeem(30, account_id="b"),
        earn(10, account_id="b"),
        earn(5, account_id="a"),
        redeem(5, account_id="a"),
        earn(7, account_id="b", expires_at=NOON + DAY),
    ]
    proposal = decide(loaded(A, account), commands)
    changes = list(proposal.lot_changes())
    assert [(name, expires_at, points) for name, expires_at, _, points in changes] == [
        ("b", NOON + DAY, -23),
        ("b", lot().expires_at, 10),
    ]


def test_the_proposal_says_which_program_at_which_version_and_moment():
    settings = ProgramSettings(version=9)
    proposal = decide(loaded(A, now=NOON + DAY, settings=settings), [earn(account_id="a")])
    assert (proposal.program_id, proposal.rule_version, proposal.now) == (1, 9, NOON + DAY)
    assert (proposal.entries[0].rule_version, proposal.entries[0].recorded_at) == (9, NOON + DAY)


def test_a_bulk_whose_order_was_earned_in_the_batch_by_another_falls_with_it():
    first = earn(10, account_id="a", order_id="A-1")
    bulk = together(earn(10, account_id="b", order_id="A-1"), earn(10, account_id="c"))
    proposal = decide(loaded(A, B, C), [first, replace(bulk)])
    assert isinstance(refusal_of(proposal.outcomes[1]), BulkAborted)
    assert proposal.is_void(bulk, frozenset("a"))
