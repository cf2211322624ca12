"""Answers: equal outcomes are equal bytes, and every outcome has an answer."""

import json

import pytest

from ledger_service.api.answers import answer, entry_json, problem_of
from ledger_service.api.problems import Unfit
from ledger_service.api.views import Entries
from ledger_service.api.views import Entry as EntryView
from ledger_service.api.views_of_orders import Hold, Refunded
from ledger_service.errors import DatabaseUnavailable, KeyTaken, OutcomeUnknown, Overloaded, ProposalRejected
from ledger_service.ledger.lots import NEVER, microseconds
from ledger_service.ledger.outcomes import Answered, Posted, PostedSeveral, Refused, Repeated, Replayed, WrittenTogether
from ledger_service.ledger.refusals import (
    AccountNotActive,
    ExceedsRemaining,
    HoldNotOpen,
    IdentifierInUse,
    InsufficientPoints,
    OutOfRange,
)
from tests.builders import DAY, NOON, entry

ENTRY = entry(order_id='A-"1"\\', reason="für Ärzte", metadata='{"a":"é","b":1}', expires_at=NOON)
HOLD = entry(
    kind="hold",
    points=0,
    order_id="A-1",
    metadata='{"till":7}',
    detail=f'{{"hold":{{"expires_at":{microseconds(NOON + DAY)},"points":60}},"hold_id":"hold_1"}}',
)
REFUND = entry(
    kind="reverse_earn",
    points=-5,
    reverses_seq=1,
    detail='{"refund":{"amount":"5.00","remaining":{"amount":"7.00","lines":[{"amount":"7.00","quantity":"1","sku":"é"}]},'
    '"shares":["7/12"]}}',
)
REPLAYED = (b"idempotent-replayed", b"true")


def test_an_entry_is_written_as_the_contract_says() -> None:
    view = json.loads(entry_json(ENTRY))
    EntryView.model_validate(view)
    assert list(view)[:4] == ["account_id", "seq", "kind", "points"]
    assert (view["order_id"], view["reason"], view["metadata"]) == ('A-"1"\\', "für Ärzte", {"a": "é", "b": 1})
    assert view["expires_at"] == "2026-12-03T12:00:00Z"
    assert view["balance_after"] == view["available_after"] + view["pending_after"] + view["held_after"]


def test_a_replay_is_the_first_answer_again_byte_for_byte() -> None:
    refused = Refused(InsufficientPoints(available=1, requested=5, as_of_seq=3), "req-1")
    several = PostedSeveral((ENTRY, REFUND))
    for first in (Posted(ENTRY), Posted(HOLD), several, PostedSeveral(()), Answered('{"a":1}'), refused):
        once, again = answer(first, 201), answer(Replayed(first), 201)
        assert (once.status, once.body) == (again.status, again.body)
        assert REPLAYED not in once.headers
        assert REPLAYED in again.headers


def test_an_order_repeated_under_another_key_is_answered_200_now_and_at_every_replay() -> None:
    for outcome in (Repeated(ENTRY), Replayed(Repeated(ENTRY))):
        answered = answer(outcome, 201)
        assert (answered.status, answered.body) == (200, entry_json(ENTRY))
        assert answered.headers.count(REPLAYED) == 1


def test_a_hold_is_answered_as_it_was_when_it_was_placed() -> None:
    view = json.loads(answer(Posted(HOLD), 201).body)
    Hold.model_validate(view)
    told = {name: view[name] for name in ("hold_id", "account_id", "points", "status", "expires_at", "metadata")}
    assert told == {
        "hold_id": "hold_1",
        "account_id": "m-1",
        "points": 60,
        "status": "open",
        "expires_at": "2026-12-04T12:00:00Z",
        "metadata": {"till": 7},
    }


def test_entries_of_one_answer_are_in_a_list_and_a_refund_says_what_is_left() -> None:
    transferred = json.loads(answer(PostedSeveral((ENTRY, ENTRY)), 201).body)
    Entries.model_validate(transferred)
    assert transferred == {"entries": [json.loads(entry_json(ENTRY))] * 2}
    refunded = json.loads(answer(PostedSeveral((ENTRY, REFUND)), 201).body)
    Refunded.model_validate(refunded)
    assert refunded["remaining_purchase"] == {
        "amount": "7.00",
        "lines": [{"sku": "é", "quantity": "1", "amount": "7.00"}],
    }
    assert answer(PostedSeveral(()), 201).body == b'{"entries":[]}'


def test_an_order_that_was_confirmed_before_is_answered_like_the_first_time_but_200() -> None:
    confirmed = entry(kind="confirm", points=0, reverses_seq=1)
    answered = answer(Repeated(confirmed), 201)
    assert (answered.status, answered.body) == (200, answer(PostedSeveral((confirmed,)), 201).body)
    assert REPLAYED in answered.headers


def test_points_that_wait_are_available_at_the_end_of_time() -> None:
    view = json.loads(entry_json(entry(available_at=NEVER)))
    EntryView.model_validate(view)
    assert view["available_at"] == "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize("remaining", [20, "12.50"])
def test_what_is_left_is_told_in_points_or_in_money(remaining: int | str) -> None:
    document = json.loads(answer(Refused(ExceedsRemaining(remaining), "r"), 201).body)
    assert (document["remaining"], document["status"]) == (remaining, 409)
    assert document["detail"] == f"More was asked for than is left, which is {remaining}."


def test_a_refusal_tells_the_request_that_was_refused_first() -> None:
    outcome = Replayed(Refused(InsufficientPoints(available=120, requested=200, as_of_seq=7), "till 7/ä"))
    document = json.loads(answer(outcome, 201).body)
    assert document == {
        "type": "/problems/insufficient_points",
        "title": "Not enough points",
        "status": 409,
        "detail": "120 points are available and 200 were asked for.",
        "instance": "urn:ledger:request:till%207%2F%C3%A4",
        "code": "insufficient_points",
        "request_id": "till 7/ä",
        "retryable": False,
        "available": 120,
        "requested": 200,
        "as_of_seq": 7,
        "missing": 80,
    }


def test_fields_of_a_refusal_never_hide_those_of_the_problem() -> None:
    closed = json.loads(answer(Refused(AccountNotActive("closed"), "r"), 201).body)
    assert (closed["status"], closed["account_status"]) == (409, "closed")
    in_use = json.loads(answer(Refused(IdentifierInUse("card", "****1234"), "r"), 201).body)
    assert (in_use["type"], in_use["identifier_type"]) == ("/problems/identifier_in_use", "card")


def test_the_status_of_a_hold_does_not_hide_that_of_the_problem() -> None:
    document = json.loads(answer(Refused(HoldNotOpen("hold_1", "timed_out"), "r"), 201).body)
    assert (document["status"], document["hold_id"], document["hold_status"]) == (409, "hold_1", "timed_out")


def test_out_of_range_looks_like_any_other_field_that_does_not_fit() -> None:
    document = json.loads(answer(Refused(OutOfRange("/occurred_at", "too late"), "r"), 201).body)
    assert (document["status"], document["code"]) == (422, "validation_failed")
    assert document["errors"] == [{"pointer": "/occurred_at", "code": "out_of_range", "detail": "too late"}]


def test_what_was_written_together_is_no_single_answer() -> None:
    with pytest.raises(TypeError):
        answer(WrittenTogether(()), 201)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (Overloaded("x"), 503, "overloaded"),
        (KeyTaken("x"), 503, "overloaded"),
        (DatabaseUnavailable("secret host"), 503, "database_unavailable"),
        (OutcomeUnknown("x"), 503, "outcome_unknown"),
        (ProposalRejected("secret sql"), 500, "internal_error"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_a_failure_says_when_to_come_back_and_nothing_of_its_inside(failure: Exception, status: int, code: str) -> None:
    answered = problem_of(failure, "req-1")
    assert (answered.status, answered.code) == (status, code)
    assert b"secret" not in answered.body
    seconds = dict(answered.headers).get(b"retry-after")
    assert (seconds in (b"1", b"2", b"3")) == (status == 503)


def test_401_says_how_to_authenticate() -> None:
    assert dict(problem_of(Unfit("unauthenticated"), "r").headers)[b"www-authenticate"].startswith(b"Bearer")
