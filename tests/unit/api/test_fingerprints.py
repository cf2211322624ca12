"""Fingerprints: stable for the life of the ledger, equal for equal meaning."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ledger_service.api.commands import EARN_DEFAULTS, REVERSE_DEFAULTS
from ledger_service.api.fingerprints import canonical_metadata, fingerprint, meaning_of
from ledger_service.api.schemas import EarnBody, ReverseBody

EARN: TypeAdapter[EarnBody] = TypeAdapter(EarnBody)

scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text("abc é", max_size=9)
metadata = st.dictionaries(st.text("abcdef", min_size=1, max_size=5), scalars, max_size=5)


def of_earn(body: dict[str, Any] | bytes) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return fingerprint("earn", ("m-1",), meaning_of(EARN.validate_json(content), EARN_DEFAULTS))


def test_fingerprints_are_the_same_for_the_life_of_the_ledger() -> None:
    """Never change these values: entries that are in the books were made with this form."""
    assert of_earn({"points": 120}).hex() == "812693edd2532bdbfe79896cbcdf7305"
    full = {
        "points": 9007199254740991,
        "order_id": "Ä-1001",
        "occurred_at": "2026-12-03T12:00:00.000001+01:00",
        "reason": "double day",
        "metadata": {"b": 1, "a": "x", "c": None, "d": True, "e": 1.5},
        "available_at": "2026-12-05T00:00:00Z",
        "expires_at": "2027-12-31T23:00:00Z",
    }
    assert of_earn(full).hex() == "3264deceb0aaee948067848e6a5231bb"
    reverse = ReverseBody(reason="returned", points=40)
    assert (
        fingerprint("reverse", ("m-1", 7), meaning_of(reverse, REVERSE_DEFAULTS)).hex()
        == "ecb1532414ea5cd96e3c48fe3ad02e27"
    )


def purchase(**fields: Any) -> dict[str, Any]:
    return {"amount": "10.50", "currency": "EUR"} | fields


@pytest.mark.parametrize(
    "same",
    [
        purchase(amount="10.5"),
        purchase(amount="0010.5000"),
        purchase(tax="0.00", channel=None, redeemed_value="0", lines=[]),
    ],
)
def test_money_is_the_same_however_many_zeros_it_has(same: dict[str, Any]) -> None:
    assert of_earn({"purchase": same}) == of_earn({"purchase": purchase()})


def test_a_quantity_is_the_same_however_it_is_written() -> None:
    def of(quantity: str) -> bytes:
        line = b'{"sku":"a","amount":"1","quantity":%b}' % quantity.encode()
        return of_earn(b'{"purchase":{"amount":"1","currency":"EUR","lines":[%b]}}' % line)

    assert len({of(written) for written in ("2", "2.0", "2e0", '"2"', '"2.000"')}) == 1
    assert of("2") != of("3")


@pytest.mark.parametrize(
    "other",
    [
        purchase(amount="10.51"),
        purchase(currency="USD"),
        purchase(tax="1.00"),
        purchase(channel="web"),
        purchase(redeemed_value="1.00"),
        purchase(lines=[{"sku": "a", "quantity": 1, "amount": "10.50"}]),
        purchase(lines=[{"sku": "a", "quantity": 1, "amount": "10.50", "category": "b"}]),
        purchase(lines=[{"sku": "a", "quantity": 1, "amount": "10.50", "tax": "1"}]),
        purchase(lines=[{"sku": n, "quantity": 1, "amount": "5.25"} for n in "ab"]),
        purchase(lines=[{"sku": n, "quantity": 1, "amount": "5.25"} for n in "ba"]),
    ],
)
def test_another_purchase_is_another_fingerprint(other: dict[str, Any]) -> None:
    assert of_earn({"purchase": other}) != of_earn({"purchase": purchase()})


@given(metadata, st.randoms())
def test_the_order_of_fields_and_keys_does_not_matter(facts: dict[str, Any], random: Any) -> None:
    fields = [("points", 5), ("order_id", "A-1"), ("metadata", facts)]
    random.shuffle(fields)
    shuffled = list(facts.items())
    random.shuffle(shuffled)
    assert of_earn(dict(fields) | {"metadata": dict(shuffled)}) == of_earn(
        {"points": 5, "order_id": "A-1", "metadata": facts}
    )


@pytest.mark.parametrize(
    "same",
    [
        b'{"points": 5, "reason": null}',
        b'{"points": 5, "metadata": {}}',
        b'{"order_id": null, "points": 5, "occurred_at": null}',
        b' {"points":\n5} ',
    ],
)
def test_leaving_a_field_out_is_the_same_as_its_default(same: bytes) -> None:
    assert of_earn(same) == of_earn({"points": 5})


def test_the_same_instant_in_another_zone_is_the_same() -> None:
    assert of_earn({"points": 5, "occurred_at": "2026-12-03T12:00:00Z"}) == of_earn(
        {"points": 5, "occurred_at": "2026-12-03T13:00:00.000+01:00"}
    )


def test_a_whole_number_is_the_same_however_it_is_written() -> None:
    assert of_earn(b'{"points":5,"metadata":{"a":100}}') == of_earn(b'{"points":5,"metadata":{"a":1e2}}')


@pytest.mark.parametrize(
    "other",
    [
        {"points": 6},
        {"points": 5, "order_id": "A-2"},
        {"points": 5, "reason": "x"},
        {"points": 5, "metadata": {"a": None}},
        {"points": 5, "occurred_at": "2026-12-03T12:00:00Z"},
    ],
)
def test_another_meaning_is_another_fingerprint(other: dict[str, Any]) -> None:
    assert of_earn(other) != of_earn({"points": 5})


def test_true_and_1_and_text_are_not_the_same() -> None:
    values: list[Any] = [True, 1, "1", None]
    assert len({of_earn({"points": 5, "metadata": {"a": value}}) for value in values}) == 4


def test_verb_and_path_are_part_of_it() -> None:
    prints = {
        fingerprint("earn", ("m-1",), {}),
        fingerprint("redeem", ("m-1",), {}),
        fingerprint("earn", ("m-2",), {}),
        fingerprint("reverse", ("m-1", 1), {}),
        fingerprint("reverse", ("m-1", "1"), {}),
    }
    assert len(prints) == 5


def test_canonical_metadata_is_sorted_and_without_white_space() -> None:
    assert canonical_metadata({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    assert canonical_metadata({}) == "{}"


def test_what_is_no_json_has_no_fingerprint() -> None:
    assert fingerprint("earn", (), {"at": datetime(2026, 12, 3, 12, tzinfo=UTC)})
    with pytest.raises(TypeError):
        fingerprint("earn", (), {"at": object()})
