"""Validation: what bodies may be, and how it is told where they do not fit."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import AdjustBody, Body, EarnBody, OpenAccountBody, ReverseBody
from ledger_service.api.validation import pointer_of, read_json
from ledger_service.ledger.points import POINTS_MAX


def refused(model: type[Body], content: bytes | dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """The code of the problem, and the pointers and codes of its errors."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(Unfit) as raised:
        read_json(TypeAdapter(model), text)
    return raised.value.code, [(each["pointer"], each["code"]) for each in raised.value.fields.get("errors", [])]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"points":5}x',
        b'{"points":NaN}',
        b'{"points":5,"metadata":{"a":Infinity}}',
        b'{"points":5,"metadata":{"a":-Infinity}}',
        b"\xff\xfe",
        b'{"points":5,"reason":"\xff"}',
        b'{"points":5,"reason":"\\ud800"}',
        b"\xef\xbb\xbf" + b'{"points":5}',
        '{"points":5}'.encode("utf-16"),
        b'{"points":' + b"9" * 5000 + b"}",
        b"[" * 5000,
        b'{"metadata":' * 1000,
        b"{'points':5}",
    ],
)
def test_what_is_not_json_is_malformed(content: bytes) -> None:
    assert refused(EarnBody, content) == ("malformed_request", [])


@pytest.mark.parametrize("points", ["5", 5.0, True, [5], 1e3])
def test_points_are_whole_numbers_without_quotes(points: Any) -> None:
    assert refused(EarnBody, {"points": points}) == ("validation_failed", [("/points", "not_an_integer")])


@pytest.mark.parametrize("points", [0, -1, POINTS_MAX + 1, 2**64, 10**30])
def test_points_have_bounds(points: int) -> None:
    assert refused(EarnBody, {"points": points}) == ("validation_failed", [("/points", "out_of_range")])


@pytest.mark.parametrize("points", [0, POINTS_MAX + 1, -POINTS_MAX - 1])
def test_an_adjust_is_neither_nothing_nor_too_much(points: int) -> None:
    assert refused(AdjustBody, {"points": points, "reason": "x"})[1] == [("/points", "out_of_range")]


@pytest.mark.parametrize("points", [1, -1, POINTS_MAX, -POINTS_MAX])
def test_an_adjust_goes_both_ways(points: int) -> None:
    assert read_json(TypeAdapter(AdjustBody), json.dumps({"points": points, "reason": "x"}).encode()).points == points


def test_an_unknown_field_is_refused_not_ignored() -> None:
    body = {"points": 5, "receipt": {"amount": "1.00"}}
    assert refused(EarnBody, body) == ("validation_failed", [("/receipt", "unknown_field")])


def test_a_missing_field_is_named() -> None:
    assert refused(ReverseBody, {}) == ("validation_failed", [("/reason", "required")])


@pytest.mark.parametrize("content", [b"[]", b'"x"', b"5", b"null", b"true"])
def test_a_body_is_an_object(content: bytes) -> None:
    assert refused(EarnBody, content) == ("validation_failed", [("", "not_an_object")])


def test_of_a_name_given_twice_the_last_value_counts() -> None:
    assert read_json(TypeAdapter(EarnBody), b'{"points":5,"points":6}').points == 6


@pytest.mark.parametrize(
    "instant",
    [
        "2026-12-03",
        "2026-12-03T12:00:00",
        "2026-12-03 12:00:00Z",
        "2026-12-03T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-12-03T24:00:00Z",
        "2026-12-03T12:00:60Z",
        "2026-12-03T12:00:00+25:00",
        "20261203T120000Z",
        "1764763200",
        1764763200,
        "２026-12-03T12:00:00Z",
        "",
    ],
)
def test_times_are_rfc_3339_with_an_offset(instant: Any) -> None:
    assert refused(EarnBody, {"points": 5, "occurred_at": instant})[1] == [("/occurred_at", "not_an_instant")]


@pytest.mark.parametrize(
    "instant", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59", "1899-12-31T00:00:00Z"]
)
def test_times_at_the_end_of_time_are_refused(instant: str) -> None:
    _, errors = refused(EarnBody, {"points": 5, "expires_at": instant})
    assert errors[0][0] == "/expires_at"


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1f", "\x7f", "\x85"])
@pytest.mark.parametrize("field", ["reason", "order_id"])
def test_text_has_no_control_characters(field: str, character: str) -> None:
    assert refused(EarnBody, {"points": 5, field: f"a{character}b"})[1] == [(f"/{field}", "bad_character")]


@pytest.mark.parametrize(("field", "size"), [("order_id", 129), ("reason", 501), ("order_id", 0), ("reason", 0)])
def test_text_has_bounds(field: str, size: int) -> None:
    assert refused(EarnBody, {"points": 5, field: "é" * size})[1][0][0] == f"/{field}"


@pytest.mark.parametrize(
    ("metadata", "pointer", "code"),
    [
        ({"a": [1]}, "/metadata/a", "not_a_scalar"),
        ({"a": {"b": 1}}, "/metadata/a", "not_a_scalar"),
        ({"a/b~c": []}, "/metadata/a~1b~0c", "not_a_scalar"),
        ({"a": "x" * 501}, "/metadata/a", "too_long"),
        ({"a": "\x00"}, "/metadata/a", "bad_character"),
        ({"a": 2**53}, "/metadata/a", "out_of_range"),
        ({"": 1}, "/metadata/", "too_short"),
        ({"k" * 41: 1}, "/metadata/" + "k" * 41, "too_long"),
        ({str(number): 1 for number in range(51)}, "/metadata", "too_long"),
        ([], "/metadata", "not_an_object"),
    ],
)
def test_metadata_is_small_and_flat(metadata: Any, pointer: str, code: str) -> None:
    assert refused(EarnBody, {"points": 5, "metadata": metadata})[1] == [(pointer, code)]


def test_a_number_that_is_too_large_for_a_float_is_json_but_does_not_fit() -> None:
    content = b'{"points":5,"metadata":{"a":1e999}}'
    assert refused(EarnBody, content) == ("validation_failed", [("/metadata/a", "out_of_range")])


def test_pointers_lead_into_arrays() -> None:
    body = {"identifiers": [{"type": "card", "value": "1"}, {"type": "fax", "value": "1"}]}
    assert refused(OpenAccountBody, body)[1] == [("/identifiers/1/type", "not_one_of")]


def test_long_names_are_cut_in_pointers() -> None:
    assert pointer_of(("x" * 1000,)) == "/" + "x" * 64


@given(st.text(min_size=4, alphabet="QXZ"))
def test_what_was_sent_is_never_repeated(secret: str) -> None:
    for body in ({"points": secret}, {"points": 5, "occurred_at": secret}, {"points": 5, "metadata": {"a": [secret]}}):
        with pytest.raises(Unfit) as raised:
            read_json(TypeAdapter(EarnBody), json.dumps(body).encode())
        assert secret not in json.dumps(raised.value.fields)


def test_at_most_20_errors_are_told() -> None:
    errors = refused(EarnBody, {f"field-{number}": 1 for number in range(100)})[1]
    assert len(errors) == 20


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELD_NAMES = sorted(EarnBody.model_fields)


@given(st.dictionaries(st.sampled_from([*FIELD_NAMES, "other"]), json_values, max_size=6))
def test_a_single_call_and_a_bulk_operation_accept_the_same(body: dict[str, Any]) -> None:
    """Single bodies are read from bytes, those of a bulk from values that were read before."""
    try:
        from_bytes: EarnBody | None = read_json(TypeAdapter(EarnBody), json.dumps(body).encode())
    except Unfit:
        from_bytes = None
    try:
        from_values: EarnBody | None = EarnBody.model_validate(json.loads(json.dumps(body)))
    except ValidationError:
        from_values = None
    assert from_bytes == from_values
