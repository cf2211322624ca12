import json
import re
from typing import get_type_hints

import pytest

from ledger_service.ledger import refusals
from ledger_service.ledger.refusals import KEPT, InsufficientPoints, MergedMeanwhile, Refusal

EVERY = [
    kind
    for kind in vars(refusals).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
]


def any_value(hint: object) -> object:
    if hint is int:
        return 7
    return {"code": "insufficient_points", "available": 1} if "dict" in str(hint) else "x"


@pytest.mark.parametrize("kind", EVERY)
def test_the_fields_of_a_refusal_can_be_stored_and_told(kind: type[Refusal]):
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name in getattr(kind, "__match_args__", ())}
    refusal = kind(**{name: any_value(hint) for name, hint in hints.items()})
    stored = json.loads(json.dumps(refusal.fields()))
    assert stored == refusal.fields()
    assert kind(**{name: stored[name] for name in hints}) == refusal


def test_codes_are_unique_and_in_the_form_of_the_contract():
    # A merge that came in between is told like any other, but found and asked again instead of kept.
    codes = [kind.code for kind in EVERY if kind is not MergedMeanwhile]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


def test_exactly_the_refusals_that_are_kept_can_be_found_by_their_code():
    assert {kind.code: kind for kind in EVERY if kind.is_kept} == KEPT


def test_what_was_not_found_or_not_valid_is_not_kept():
    unkept = {kind.code for kind in EVERY if not kind.is_kept}
    assert unkept == {
        "account_merged",
        "account_not_found",
        "entry_not_found",
        "hold_not_found",
        "order_not_found",
        "not_found",
        "idempotency_key_reused",
        "validation_failed",
    }


def test_insufficient_points_say_how_many_are_missing():
    assert InsufficientPoints(available=30, requested=100, as_of_seq=4).fields() == {
        "available": 30,
        "requested": 100,
        "missing": 70,
        "as_of_seq": 4,
    }
