"""Rows: outcomes are stored and come back the same."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger import refusals
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.outcomes import Answered, First, Posted, PostedSeveral, Refused, Repeated, WrittenTogether
from ledger_service.ledger.refusals import KEPT, Refusal
from ledger_service.storage.rows import first_of, instant, named_by, outcome_form
from tests.builders import NOON, entry

REFUSALS: list[Refusal] = [
    refusals.InsufficientPoints(available=3, requested=9, as_of_seq=4),
    refusals.AccountNotActive("suspended"),
    refusals.AccountMerged("m-2"),
    refusals.AccountMerged(None),
    refusals.AccountExists("m-1"),
    refusals.IdentifierInUse("phone", "…67"),
    refusals.DuplicateOrder(order_id="Ä-1", account_id="m-1", seq=7, points=3),
    refusals.AlreadyReversed(3),
    refusals.ExceedsRemaining(9),
    refusals.ExceedsRemaining("12.50"),
    refusals.HoldNotOpen("hold_1", "timed_out"),
    refusals.NothingToReverse("adjust"),
    refusals.LimitExceeded(limit=1, allowed=0),
    refusals.BulkAborted(failed_index=2, refused={"code": "insufficient_points", "missing": 6}),
    refusals.ProgramExists(slug="coffee"),
]
OUTCOMES: list[First] = [
    Posted(entry()),
    PostedSeveral((entry(account_id='ä"', seq=3), entry(account_id="m-2", seq=1))),
    PostedSeveral(()),
    Repeated(entry()),
    Answered('{"a":"ü"}'),
    WrittenTogether(()),
    *(Refused(refusal, "request-1") for refusal in REFUSALS),
]


@pytest.mark.parametrize(
    "first", OUTCOMES, ids=[f"{number}-{type(one).__name__}" for number, one in enumerate(OUTCOMES)]
)
def test_an_outcome_comes_back_as_it_was_stored(first: First):
    form, one, detail = outcome_form(first)
    entries = first.entries if isinstance(first, PostedSeveral) else () if one is None else (one,)
    places = None if one is None else (one.account_id, one.seq)
    assert named_by(form, *(places or (None, None)), detail) == tuple((each.account_id, each.seq) for each in entries)
    assert first_of(form, entries, detail) == first


def test_every_refusal_that_is_kept_is_among_them():
    assert {type(refusal) for refusal in REFUSALS} == set(KEPT.values())


def test_a_form_that_nobody_knows_is_a_mistake():
    with pytest.raises(ValueError, match="forgotten"):
        first_of("forgotten", (), None)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_stays_what_it_is(value: datetime):
    assert instant(value) == value


def test_infinity_is_never_or_always():
    unzoned = [NEVER.replace(tzinfo=None), ALWAYS.replace(tzinfo=None)]
    assert [instant(value) for value in unzoned] == [NEVER, ALWAYS]
    assert instant(NOON) - NOON == timedelta(0)
