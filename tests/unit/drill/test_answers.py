"""Answers: what each means to a caller who has to know whether the points moved."""

import pytest

from ledger_service.api.catalogue import CATALOGUE
from ledger_service.cli.drill.answers import FROZEN_REFUSALS, SENT_AGAIN, Outcome, is_worth_another_try, outcome_of


@pytest.mark.parametrize("status", [200, 201])
def test_a_success_is_a_success(status: int):
    assert outcome_of(status, None) is Outcome.OK


@pytest.mark.parametrize("code", sorted(FROZEN_REFUSALS))
def test_a_refusal_that_is_kept_under_its_key_is_an_answer(code: str):
    assert CATALOGUE[code].status == 409
    assert outcome_of(409, code) is Outcome.REFUSED
    assert not is_worth_another_try(409, code)


@pytest.mark.parametrize("code", sorted(SENT_AGAIN))
def test_whoever_is_told_to_come_again_knows_that_nothing_was_written(code: str):
    status = CATALOGUE[code].status
    assert outcome_of(status, code) is Outcome.FAILED
    assert is_worth_another_try(status, code)


def test_an_unknown_outcome_is_unknown_and_asked_again():
    assert outcome_of(503, "outcome_unknown") is Outcome.UNKNOWN
    assert is_worth_another_try(503, "outcome_unknown")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_a_proxy_answers_says_nothing_about_the_books(status: int):
    assert outcome_of(status, None) is Outcome.UNKNOWN


def test_no_answer_is_unknown_unless_no_byte_was_sent():
    assert outcome_of(None, None) is Outcome.UNKNOWN
    assert outcome_of(None, None, sent=False) is Outcome.FAILED
    assert is_worth_another_try(None, None)


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_mistake_of_the_caller_is_not_sent_again(status: int):
    assert outcome_of(status, "validation_failed") is Outcome.FAILED
    assert not is_worth_another_try(status, "validation_failed")


NEVER_ASKED_FOR = {"identifier_in_use", "program_exists", "bulk_aborted"}
"""Refusals of calls that no drill makes."""


def test_every_conflict_that_a_drill_can_meet_is_known_to_it():
    conflicts = {code for code, problem in CATALOGUE.items() if problem.status == 409}
    assert conflicts - NEVER_ASKED_FOR <= FROZEN_REFUSALS | SENT_AGAIN
