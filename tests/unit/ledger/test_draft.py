from ledger_service.ledger.draft import Draft
from ledger_service.ledger.membership import Attachment
from ledger_service.ledger.outcomes import Answered
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.states import EntryFacts
from tests.builders import NOON, account_state, claim, earn, entry, facts, loaded, movement

POSTING = Posting(
    kind="earn", points=5, movements=(movement(5),), source="web", key="k", occurred_at=NOON, order_id="A-1"
)


def test_a_branch_reads_through_and_changes_nothing_until_it_is_taken():
    account = account_state(seq=1)
    draft = Draft(loaded(account, entries=facts(entry(seq=1))))
    command = earn(5, source="web", order_id="A-1")
    card = claim()
    branch = draft.branch()
    made = branch.post(account, POSTING)
    branch.record(command, Answered("{}"))
    branch.attach(Attachment("m-1", card, NOON))

    assert draft.account("m-1") == account
    assert draft.order(command.source, "earn", command.order_id, command.account_id) is None
    assert draft.known(command) is None
    assert draft.identifier(card, "m-1") is None
    assert draft.entry("m-1", 2) is None
    assert branch.entry("m-1", 1) == EntryFacts(entry(seq=1))

    draft.take(branch)
    assert draft.account("m-1") == branch.account("m-1") != account
    assert draft.order(command.source, "earn", command.order_id, command.account_id) == made
    assert draft.known(command) is not None
    assert draft.identifier(card, "m-1") is not None
    assert draft.entry("m-1", 2) == EntryFacts(made)
    assert draft.proposal(()).entries == (made,)


def test_a_branch_sees_what_the_draft_decided_before_it():
    draft = Draft(loaded(account_state(seq=1)))
    made = draft.post(account_state(seq=1), POSTING)
    branch = draft.branch()
    assert branch.entry("m-1", 2) == EntryFacts(made)
    assert branch.account("m-1") == draft.account("m-1")
    assert branch.order("web", "earn", "A-1", "m-1") == made
