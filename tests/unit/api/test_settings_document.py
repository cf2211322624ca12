"""The settings document: what it may say, where it is told that something does not fit, and that the books read it."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, event, given, reject, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ledger_service.api.problems import Unfit
from ledger_service.api.settings_document import SettingsDocument, settings_schema
from ledger_service.api.validation import errors_of, read_json
from ledger_service.ledger.decide import decide
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.settling import settled
from tests.builders import (
    DAY,
    NOON,
    account_state,
    earn,
    line,
    loaded,
    place_hold,
    preview,
    purchase,
    redeem,
    settle_due,
)
from tests.unit.api.settings_documents import documents

SCHEMA = settings_schema()
ADAPTER = TypeAdapter(SettingsDocument)

EVERYTHING: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "point_name": {"one": "star", "many": "stars"},
    "currency": "EUR",
    "rounding": "half_up",
    "auto_open": False,
    "expiry": {"mode": "after", "months": 12, "round_up_to": "month"},
    "available": {"mode": "after", "days": 14},
    "clawback": {"mode": "limit", "points": 500, "percent": 10},
    "restore_expired": {"mode": "grace", "days": 10},
    "transfer_expiry": "restart",
    "rules": [
        {
            "id": "base",
            "type": "spend",
            "points": 1,
            "per": "1.00",
            "currency": "EUR",
            "whole_steps": False,
            "stackable": True,
            "priority": 0,
            "tax": "included",
            "when": {
                "min_amount": "10.00",
                "skus": {"exclude": ["gift-card"]},
                "categories": {"include": ["MILK"]},
                "tiers": ["gold"],
                "channels": ["pos"],
                "weekdays": ["sat"],
                "between": ["08:00", "12:00"],
                "from": "2026-12-01",
                "until": "2027-01-01",
                "first_purchase": True,
            },
            "expiry": {"mode": "never"},
        },
        {"id": "visit", "type": "visit", "points": 5},
        {"id": "coffee", "type": "item", "points": 1, "when": {"skus": {"include": ["coffee"]}}},
        {"id": "hello", "type": "fixed", "points": 100},
    ],
    "campaigns": [
        {
            "id": "double",
            "type": "multiply",
            "factor": "2",
            "stackable": False,
            "when": {"categories": {"include": ["MILK"]}},
        },
        {"id": "plus", "type": "add", "points": 50},
    ],
    "tiers": {
        "measure": "points_earned",
        "window": {"mode": "rolling", "months": 12},
        "retention": {"mode": "end_of_next_period"},
        "downgrade": "to_eligible",
        "grace_days": 30,
        "levels": [
            {"id": "bronze", "at": 0},
            {"id": "gold", "at": 1000, "multiplier": "1.25", "expiry": {"mode": "after", "months": 18}},
        ],
    },
    "limits": {"max_points_per_entry": 1000000, "max_redeem_per_day": None, "max_backdate_days": 0},
}

HANGS_TOGETHER = {"contradicts", "not_unique", "out_of_order", "unknown_level"}
"""What no schema says: rules over several fields."""


def refused(document: Any) -> list[tuple[str, str]]:
    """The pointers and codes with which a document is refused."""
    with pytest.raises(Unfit) as raised:
        read_json(ADAPTER, json.dumps(document).encode())
    assert raised.value.code == "validation_failed"
    return [(each["pointer"], each["code"]) for each in raised.value.fields["errors"]]


@pytest.mark.parametrize("document", [{}, EVERYTHING, *SCHEMA["examples"]], ids=["nothing", "everything", "one", "two"])
def test_settings_are_kept_as_they_were_sent(document: dict[str, Any]) -> None:
    assert read_json(ADAPTER, json.dumps(document).encode()).document() == document
    ProgramSettings.of(1, document)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(documents())
def test_the_books_read_every_document_that_passes(document: dict[str, Any]) -> None:
    """Drawn from the published schema, which is wrong about nothing that a schema can say."""
    try:
        read = SettingsDocument.model_validate_json(json.dumps(document))
    except ValidationError as wrong:
        errors = errors_of(wrong.errors(include_url=False, include_input=False))
        assert all(each["code"] in HANGS_TOGETHER or is_threshold(each) for each in errors), errors
        event("refused")
        return
    event("passes")
    assert read.document() == document
    assert ProgramSettings.of(7, document).version == 7


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(documents(), st.integers(0, 400), st.sampled_from(["0.01", "10.00", "99999.99"]))
def test_under_every_document_that_passes_points_are_earned_used_and_settled(
    document: dict[str, Any], days: int, amount: str
) -> None:
    try:
        SettingsDocument.model_validate_json(json.dumps(document))
    except ValidationError:
        reject()
    program = ProgramSettings.of(1, document)
    bought = purchase(None, line("coffee", amount), line("milk", "5.00", category="MILK", quantity=Decimal("2.5")))
    commands = [earn(None, purchase=bought), earn(50), redeem(20), place_hold(10), preview(bought), settle_due()]
    proposal = decide(loaded(account_state(seq=0), settings=program), commands)
    assert len(proposal.outcomes) == len(commands)
    for change in proposal.accounts:
        account = settled(change.after, program, NOON + days * DAY)
        assert account.balance == sum(lot.remaining for lot in account.lots) + account.held - account.debt


def is_threshold(error: dict[str, str]) -> bool:
    """A level's `at` is an amount of money only when money is measured."""
    return error["code"] == "not_an_integer" and bool(re.fullmatch(r"/tiers/levels/\d+/at", error["pointer"]))


@pytest.mark.parametrize("part", ["rules", "campaigns", "limits", "point_name", "tiers"])
def test_what_the_document_says_reaches_the_books(part: str) -> None:
    without = {name: value for name, value in EVERYTHING.items() if name != part}
    if part == "tiers":
        without["rules"], without["campaigns"] = [], []
    assert ProgramSettings.of(1, without) != ProgramSettings.of(1, EVERYTHING)


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ([], "", "not_an_object"),
        ({"points_name": {}}, "/points_name", "unknown_field"),
        ({"time_zone": "Europe/Atlantis"}, "/time_zone", "unknown_zone"),
        ({"currency": "eur"}, "/currency", "bad_format"),
        ({"point_name": {"one": "point"}}, "/point_name/many", "required"),
        ({"auto_open": "yes"}, "/auto_open", "not_a_boolean"),
        ({"rounding": "up"}, "/rounding", "not_one_of"),
        ({"transfer_expiry": None}, "/transfer_expiry", "not_one_of"),
        ({"limits": {"max_backdate_days": 36501}}, "/limits/max_backdate_days", "out_of_range"),
        ({"limits": {"max_redeem_per_day": 0}}, "/limits/max_redeem_per_day", "out_of_range"),
        ({"limits": {"max_points_per_entry": POINTS_MAX + 1}}, "/limits/max_points_per_entry", "out_of_range"),
        # expiry
        ({"expiry": 5}, "/expiry", "not_an_object"),
        ({"expiry": {}}, "/expiry/mode", "required"),
        ({"expiry": {"mode": "later"}}, "/expiry/mode", "not_one_of"),
        ({"expiry": {"mode": "never", "months": 5}}, "/expiry/months", "unknown_field"),
        ({"expiry": {"mode": "after", "after": 5}}, "/expiry/after", "unknown_field"),
        ({"expiry": {"mode": "after"}}, "/expiry", "required"),
        ({"expiry": {"mode": "after", "months": None}}, "/expiry", "required"),
        ({"expiry": {"mode": "after", "months": 0}}, "/expiry/months", "out_of_range"),
        ({"expiry": {"mode": "after", "months": "12"}}, "/expiry/months", "not_an_integer"),
        ({"expiry": {"mode": "after", "hours": 1, "days": 1}}, "/expiry/days", "contradicts"),
        ({"expiry": {"mode": "after", "hours": 1, "round_up_to": "year"}}, "/expiry/round_up_to", "contradicts"),
        ({"expiry": {"mode": "after", "days": 1, "round_up_to": "week"}}, "/expiry/round_up_to", "not_one_of"),
        ({"expiry": {"mode": "fixed"}}, "/expiry/dates", "required"),
        ({"expiry": {"mode": "fixed", "dates": []}}, "/expiry/dates", "too_short"),
        ({"expiry": {"mode": "fixed", "dates": ["12-31", "02-30"]}}, "/expiry/dates/1", "not_a_day"),
        ({"expiry": {"mode": "fixed", "dates": ["2026-02-29"]}}, "/expiry/dates/0", "not_a_day"),
        ({"expiry": {"mode": "fixed", "dates": ["2026-W01-1"]}}, "/expiry/dates/0", "not_a_day"),
        ({"expiry": {"mode": "fixed", "dates": ["0000-01-01"]}}, "/expiry/dates/0", "not_a_day"),
        ({"expiry": {"mode": "fixed", "dates": [1231]}}, "/expiry/dates/0", "not_a_day"),
        ({"expiry": {"mode": "inactivity"}}, "/expiry/months", "required"),
        ({"expiry": {"mode": "inactivity", "months": 6, "activities": []}}, "/expiry/activities", "too_short"),
        # available, clawback, restored points
        ({"available": {"mode": "after"}}, "/available", "required"),
        ({"available": {"mode": "after", "hours": 2, "months": 1}}, "/available/months", "contradicts"),
        ({"available": {"mode": "on_event", "days": 1}}, "/available/days", "unknown_field"),
        ({"clawback": {"mode": "limit"}}, "/clawback", "required"),
        ({"clawback": {"mode": "clamp", "points": 5}}, "/clawback/points", "unknown_field"),
        ({"clawback": {"mode": "limit", "percent": 101}}, "/clawback/percent", "out_of_range"),
        ({"restore_expired": {"mode": "grace"}}, "/restore_expired/days", "required"),
        ({"restore_expired": {"mode": "expire", "days": 3}}, "/restore_expired/days", "unknown_field"),
        # limits of rules
        ({"rules": {}}, "/rules", "not_an_array"),
        ({"rules": None}, "/rules", "not_an_array"),
        ({"rules": [{"type": "spend"}] * 201}, "/rules", "too_long"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_pointer(document: Any, pointer: str, code: str) -> None:
    assert (pointer, code) in refused(document)


BASE = {"id": "base", "type": "spend", "points": 1, "per": "1.00"}
DOUBLE = {"id": "double", "type": "multiply", "factor": "2"}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"type": "spent"}, "/type", "not_one_of"),
        ({"per": None}, "/per", "not_a_decimal"),
        ({"per": "0.00"}, "/per", "out_of_range"),
        ({"per": "1,00"}, "/per", "not_a_decimal"),
        ({"per": "-1.00"}, "/per", "not_a_decimal"),
        ({"per": "1.00001"}, "/per", "not_a_decimal"),
        ({"per": 1}, "/per", "not_a_decimal"),
        ({"per": "1e3"}, "/per", "not_a_decimal"),
        ({"per": "٣"}, "/per", "not_a_decimal"),
        ({"points": 0}, "/points", "out_of_range"),
        ({"points": 1.5}, "/points", "not_an_integer"),
        ({"sku": "coffee"}, "/sku", "unknown_field"),
        ({"tax": "without"}, "/tax", "not_one_of"),
        ({"id": "a b"}, "/id", "bad_format"),
        ({"id": ""}, "/id", "bad_format"),
        ({"stackable": None}, "/stackable", "not_a_boolean"),
        ({"expiry": {"mode": "inactivity", "months": 3}}, "/expiry/mode", "not_one_of"),
        ({"expiry": {"mode": "after"}}, "/expiry", "required"),
        ({"when": {"skus": {}}}, "/when/skus", "required"),
        ({"when": {"skus": {"include": []}}}, "/when/skus/include", "too_short"),
        ({"when": {"skus": {"include": ["a\u0000"]}}}, "/when/skus/include/0", "bad_character"),
        ({"when": {"tiers": ["gold", "lead"]}}, "/when/tiers/1", "unknown_level"),
        ({"when": {"weekdays": ["sat", "so"]}}, "/when/weekdays/1", "not_one_of"),
        ({"when": {"between": ["08:00"]}}, "/when/between", "too_short"),
        ({"when": {"between": ["08:00", "24:00"]}}, "/when/between/1", "bad_format"),
        ({"when": {"between": ["08:00", "08:00"]}}, "/when/between/1", "contradicts"),
        ({"when": {"from": "2026-12-01", "until": "2026-12-01"}}, "/when/until", "contradicts"),
        ({"when": {"from": "2026-12-01T00:00:00Z"}}, "/when/from", "not_a_day"),
        ({"when": {"from_": "2026-12-01"}}, "/when/from_", "unknown_field"),
        ({"when": {"min_amount": 10}}, "/when/min_amount", "not_a_decimal"),
        ({"when": {"first_purchase": "yes"}}, "/when/first_purchase", "not_a_boolean"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused_with_a_pointer(change: dict[str, Any], pointer: str, code: str) -> None:
    document = EVERYTHING | {"rules": [BASE, BASE | {"id": "wrong"} | change]}
    assert refused(document) == [(f"/rules/1{pointer}", code)]


def test_names_are_given_once_and_levels_are_known() -> None:
    twice = {"rules": [BASE, BASE], "campaigns": [DOUBLE, DOUBLE | {"when": {"tiers": ["gold"]}}]}
    assert refused(twice) == [
        ("/rules/1/id", "not_unique"),
        ("/campaigns/1/id", "not_unique"),
        ("/campaigns/1/when/tiers/0", "unknown_level"),
    ]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"factor": "0.99"}, "/factor", "out_of_range"),
        ({"factor": "1000.01"}, "/factor", "out_of_range"),
        ({"factor": 2}, "/factor", "not_a_decimal"),
        ({"points": 5}, "/points", "unknown_field"),
        ({"priority": 5}, "/priority", "unknown_field"),
    ],
)
def test_a_campaign_that_does_not_fit_is_refused_with_a_pointer(change: Any, pointer: str, code: str) -> None:
    assert refused({"campaigns": [DOUBLE | change]}) == [(f"/campaigns/0{pointer}", code)]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"levels": []}, "/levels", "too_short"),
        ({"levels": None}, "/levels", "not_an_array"),
        ({"measure": "smiles"}, "/measure", "not_one_of"),
        ({"window": {"mode": "rolling"}}, "/window/months", "required"),
        ({"window": {"mode": "rolling", "months": 37}}, "/window/months", "out_of_range"),
        ({"window": {"mode": "lifetime", "months": 12}}, "/window/months", "unknown_field"),
        ({"retention": {"mode": "days"}}, "/retention/days", "required"),
        ({"downgrade": "at_once"}, "/downgrade", "not_one_of"),
        ({"grace_days": -1}, "/grace_days", "out_of_range"),
        ({"levels": [{"id": "a", "at": 5}, {"id": "b", "at": 5}]}, "/levels/1/at", "out_of_order"),
        ({"levels": [{"id": "a", "at": 5}, {"id": "b", "at": 4}]}, "/levels/1/at", "out_of_order"),
        ({"levels": [{"id": "a", "at": 5}, {"id": "a", "at": 6}]}, "/levels/1/id", "not_unique"),
        ({"levels": [{"id": "a", "at": "5.00"}]}, "/levels/0/at", "not_an_integer"),
        ({"levels": [{"id": "a", "at": -1}]}, "/levels/0/at", "not_a_threshold"),
        ({"levels": [{"id": "a", "at": True}]}, "/levels/0/at", "not_a_threshold"),
        ({"levels": [{"id": "a", "at": 1.5}]}, "/levels/0/at", "not_a_threshold"),
        ({"levels": [{"id": "a", "at": 0, "multiplier": "0.5"}]}, "/levels/0/multiplier", "out_of_range"),
        ({"levels": [{"id": "a", "at": 0, "expiry": {"mode": "after"}}]}, "/levels/0/expiry", "required"),
        ({"measure": "spend", "levels": [{"id": "a", "at": "5,00"}]}, "/levels/0/at", "not_a_decimal"),
        (
            {"measure": "spend", "levels": [{"id": "a", "at": 5}, {"id": "b", "at": "5.00"}]},
            "/levels/1/at",
            "out_of_order",
        ),
    ],
)
def test_tiers_that_do_not_fit_are_refused_with_a_pointer(change: Any, pointer: str, code: str) -> None:
    assert refused({"tiers": {"levels": [{"id": "a", "at": 0}]} | change}) == [(f"/tiers{pointer}", code)]


def test_a_level_of_spend_is_reached_at_an_amount() -> None:
    levels = [{"id": "a", "at": "99.50"}, {"id": "b", "at": 500}]
    ladder = ProgramSettings.of(1, {"tiers": {"measure": "spend", "levels": levels}}).ladder
    assert ladder is not None
    assert [str(level.at) for level in ladder.levels] == ["99.50", "500"]
    assert read_json(ADAPTER, json.dumps({"tiers": {"measure": "spend", "levels": levels}}).encode())


def test_at_most_20_errors_are_told_and_no_value_of_the_caller_is_repeated() -> None:
    secret = "4111111111111111"
    rules = [{"id": secret * 5, "type": "visit", "points": secret} for _ in range(30)]
    with pytest.raises(Unfit) as raised:
        read_json(ADAPTER, json.dumps({"rules": rules}).encode())
    assert len(raised.value.fields["errors"]) == 20
    assert secret not in json.dumps(raised.value.fields)


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of every object of the schema."""
    for name, each in {"document": schema, **schema["$defs"]}.items():
        for field, inner in each["properties"].items():
            yield f"{name}.{field}", inner


@pytest.mark.parametrize(("name", "field"), list(fields(SCHEMA)))
def test_every_field_of_the_schema_is_described(name: str, field: dict[str, Any]) -> None:
    assert len(field.get("description", "")) > 10, name
    assert field["description"].endswith("."), name


def test_the_schema_is_one_and_admits_what_passes() -> None:
    assert (SCHEMA["$schema"], "$id" in SCHEMA) == ("https://json-schema.org/draft/2020-12/schema", False)
    assert jsonschema_rs.meta.is_valid(SCHEMA)
    validator = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)
    for document in ({}, EVERYTHING, *SCHEMA["examples"]):
        validator.validate(document)
    for each in SCHEMA["$defs"].values():
        for example in each.get("examples", ()):
            jsonschema_rs.Draft202012Validator(each | {"$defs": SCHEMA["$defs"]}).validate(example)
    for wrong in ({"expiry": {"mode": "after"}}, {"rules": [BASE | {"per": "0"}]}, {"expiry": {"mode": "x"}}):
        assert not validator.is_valid(wrong), wrong


def test_every_object_refuses_unknown_fields_and_none_is_left_without_a_description() -> None:
    for name, each in {"document": SCHEMA, **SCHEMA["$defs"]}.items():
        assert each["additionalProperties"] is False, name
        assert each["description"], name
