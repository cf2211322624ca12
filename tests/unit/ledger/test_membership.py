import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.membership import Attachment, Revocation, rfc3339
from ledger_service.ledger.outcomes import Answered
from ledger_service.ledger.refusals import AccountExists, IdentifierInUse, IdentifierNotFound
from ledger_service.ledger.states import Identifier
from tests.builders import (
    DAY,
    NOON,
    account_state,
    attach,
    claim,
    earn,
    entry_of,
    loaded,
    lot,
    open_account,
    refusal_of,
    revoke,
    set_status,
)


def told(outcome) -> dict:
    """What the caller is told."""
    assert isinstance(outcome, Answered), outcome
    return json.loads(outcome.detail)


def test_an_opened_account_is_active_and_empty_and_says_so():
    card = claim("1234")
    proposal = decide(loaded(), [open_account("m-9", identifiers=[card], metadata='{"name":"Zoë"}')])
    assert told(proposal.outcomes[0]) == {
        "account_id": "m-9",
        "status": "active",
        "tier": None,
        "counters": {"lifetime_points": 0, "spend": "0", "visits": 0},
        "merged_into": None,
        "metadata": {"name": "Zoë"},
        "identifiers": [
            {
                "identifier_id": card.identifier_id,
                "type": "card",
                "masked": "…34",
                "created_at": "2026-12-03T12:00:00Z",
            }
        ],
        "seq": 0,
        "version": 1,
        "created_at": "2026-12-03T12:00:00Z",
    }
    (change,) = proposal.accounts
    assert (change.loaded_version, change.after.seq) == (0, 0)
    assert proposal.attachments == (Attachment("m-9", card, NOON),)


def test_an_account_is_opened_once():
    proposal = decide(loaded(account_state("old")), [open_account("old"), open_account("new"), open_account("new")])
    assert refusal_of(proposal.outcomes[0]) == AccountExists("old")
    assert refusal_of(proposal.outcomes[2]) == AccountExists("new")


def test_an_account_can_be_posted_to_in_the_batch_that_opens_it():
    proposal = decide(loaded(), [open_account("m-9"), earn(10, account_id="m-9")])
    assert entry_of(proposal.outcomes[1]).seq == 1


def test_an_account_is_not_opened_with_an_identifier_of_another():
    held = Identifier(claim("1234"), "other", NOON - DAY)
    proposal = decide(loaded(identifiers=[held]), [open_account("m-9", identifiers=[claim("99"), claim("1234")])])
    assert refusal_of(proposal.outcomes[0]) == IdentifierInUse("card", "…34")
    assert proposal.accounts == proposal.attachments == ()


def test_the_same_identifier_named_twice_is_attached_once():
    proposal = decide(loaded(), [open_account(identifiers=[claim("1234"), claim("1234")])])
    assert len(proposal.attachments) == len(told(proposal.outcomes[0])["identifiers"]) == 1


def test_equal_values_of_different_types_are_different_identifiers():
    proposal = decide(loaded(), [open_account(identifiers=[claim("1234", "card"), claim("1234", "external")])])
    assert len(proposal.attachments) == 2


@pytest.mark.parametrize("status", ["active", "suspended", "closed"])
def test_a_status_is_set_and_the_whole_account_answered(status):
    card = Identifier(claim("1234"), "m-1", NOON - DAY)
    account = account_state(seq=4, version=6, lots=[lot(10)], lifetime_points=10)
    proposal = decide(loaded(account, identifiers=[card]), [set_status(status)])
    view = told(proposal.outcomes[0])
    assert (view["status"], view["seq"], view["version"]) == (status, 4, 7)
    assert [one["identifier_id"] for one in view["identifiers"]] == [card.claim.identifier_id]
    assert proposal.accounts[0].after.status == status
    assert proposal.entries == ()


def test_rule_2_due_work_is_done_before_a_status_is_set():
    proposal = decide(loaded(account_state(seq=4, lots=[lot(10, NOON)])), [set_status("closed")])
    assert told(proposal.outcomes[0])["seq"] == 5
    assert proposal.accounts[0].after.balance == 0


def test_an_identifier_is_attached_and_attached_again_is_the_same():
    card = claim("1234")
    proposal = decide(loaded(account_state()), [attach(card), attach(claim("1234"))])
    assert proposal.attachments == (Attachment("m-1", card, NOON),)
    assert told(proposal.outcomes[0]) == told(proposal.outcomes[1])
    assert told(proposal.outcomes[0])["identifier_id"] == card.identifier_id


def test_an_identifier_finds_one_account_only():
    held = Identifier(claim("1234"), "other", NOON - DAY)
    proposal = decide(loaded(account_state(), identifiers=[held]), [attach(claim("1234"))])
    assert refusal_of(proposal.outcomes[0]) == IdentifierInUse("card", "…34")


def test_a_revoked_identifier_is_free_for_another_account():
    card, again = claim("1234"), claim("1234")
    held = Identifier(card, "m-1", NOON - DAY)
    commands = [revoke(card.identifier_id), attach(again, account_id="m-2"), revoke(card.identifier_id)]
    proposal = decide(loaded(account_state(), account_state("m-2"), identifiers=[held]), commands)
    assert told(proposal.outcomes[0]) == {"identifier_id": card.identifier_id, "revoked": True}
    assert proposal.revocations == (Revocation("m-1", card.identifier_id, NOON),)
    assert proposal.attachments == (Attachment("m-2", again, NOON),)
    assert refusal_of(proposal.outcomes[2]) == IdentifierNotFound(card.identifier_id)


def test_only_its_own_account_may_revoke_an_identifier():
    held = Identifier(claim("1234"), "other", NOON - DAY)
    proposal = decide(loaded(account_state(), identifiers=[held]), [revoke(held.claim.identifier_id)])
    assert refusal_of(proposal.outcomes[0]) == IdentifierNotFound(held.claim.identifier_id)
    assert proposal.is_empty


def test_instants_are_written_in_utc_with_z_and_microseconds_only_when_there_are_any():
    assert rfc3339(NOON) == "2026-12-03T12:00:00Z"
    assert rfc3339(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-12-03T12:00:00Z"
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC)) == "2026-01-02T03:04:05.000060Z"
