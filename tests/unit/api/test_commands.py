"""Commands: what a body means is what the books are asked for, under a fingerprint that never changes."""

from typing import Any, cast

import pytest
from pydantic import TypeAdapter

from ledger_service.api.calls import Call
from ledger_service.api.commands import Target
from ledger_service.api.identity import Identity
from ledger_service.api.patience import Patience
from ledger_service.api.problems import Unfit
from ledger_service.api.verbs import VERBS
from ledger_service.ledger.commands import Capture, Command, Earn, PlaceHold, Transfer, Unmerge
from ledger_service.storage.keys import Principal

BY_NAME = {verb.name: verb for verb in VERBS}
PURCHASE = {
    "amount": "24.70",
    "currency": "EUR",
    "tax": "3.10",
    "channel": "pos",
    "redeemed_value": "5.00",
    "lines": [
        {"sku": "coffee", "category": "DRINKS", "quantity": 2, "amount": "19.80", "tax": "1.30"},
        {"sku": "apples", "quantity": "1.240", "amount": "4.90"},
        {"sku": "mistake", "quantity": 1, "amount": "3.00", "voided": True},
    ],
}


def call(key: str | None = "k-1", *scopes: str) -> Call:
    return Call(
        principal=Principal(7, "demo", "live", "key", "shop-berlin", frozenset(scopes or ("admin",)), None),
        request_id="req-1",
        deadline=0.0,
        headers={},
        key=key,
        services=cast(Any, None),
        identity=Identity(b"a pepper of thirty-two bytes or more"),
        patience=Patience(),
    )


def command(verb: str, target: Target, body: dict[str, Any], key: str | None = "k-1") -> Command:
    adapter: TypeAdapter[Any] = TypeAdapter(BY_NAME[verb].body)
    return BY_NAME[verb].to_command(call(key), target, adapter.validate_python(body))


ON_ACCOUNT = Target("m-1")
ON_HOLD = Target("m-1", hold_id="hold_1", order_id="A-1", chain=("m-2",))
ON_ORDER = Target("m-1", order_id="A/1 ü", chain=("m-2", "m-3"))
REFUNDED_LINES = [{"sku": "coffee", "quantity": 1}, {"sku": "apples", "amount": "2.50"}]

GOLDEN = [
    ("earn", ON_ACCOUNT, {"purchase": PURCHASE, "order_id": "A-1"}, "fe7e8b394f8e389594f2c3b742e6d6a3"),
    ("earn", ON_ACCOUNT, {"purchase": {"amount": "10", "currency": "EUR"}}, "7d421d06b1631a5d77fa326a6b2f6f0a"),
    ("hold", ON_ACCOUNT, {"points": 5}, "23c7b8750fdb309c8658c1bcca9146d7"),
    (
        "hold",
        ON_ACCOUNT,
        {"points": 5, "expires_in_seconds": 60, "order_id": "A-1", "metadata": {"till": 7}},
        "cf2175bdcb58f558face96c236b4aa69",
    ),
    ("capture", ON_HOLD, {}, "3359953aedf2e2a959bafc83d21329e2"),
    ("capture", ON_HOLD, {"points": 5}, "7d26e1360108cac84660779c276cb3ab"),
    ("release", ON_HOLD, {}, "5c465b604f7440b178ad5036101ed289"),
    (
        "refund",
        ON_ORDER,
        {"amount": "12.00", "currency": "EUR", "reason": "returned"},
        "be50ae8080357256d77a808b07386232",
    ),
    ("refund", ON_ORDER, {"lines": REFUNDED_LINES, "currency": "EUR"}, "fa8fa9ae584e67b87815bf4440ec4581"),
    ("confirm", ON_ORDER, {}, "b1cfeb5330484689b4eacb4c53187af7"),
    ("cancel", ON_ORDER, {"reason": "not delivered"}, "89ff4255ed1af212af797cdc80ca0a44"),
    (
        "transfer",
        Target(),
        {"from_account": "m-1", "to_account": "m-2", "points": 5},
        "59960495dfd08441dc862428622eb153",
    ),
    ("merge", ON_ACCOUNT, {"into": "m-2", "reason": "one person"}, "36c9012372401d2e071196d25065a828"),
    ("unmerge", ON_ACCOUNT, {"reason": "two people"}, "d6a65c3f8b25d3728ccb15b9f5fbdd82"),
    (
        "tier",
        ON_ACCOUNT,
        {"tier": "gold", "reason": "a gift", "until": "2027-01-01T00:00:00Z"},
        "5893a2f822ac563287aa2d9fcb53aae9",
    ),
    ("tier", ON_ACCOUNT, {"tier": None, "reason": "over"}, "e694413f7d898723d920fa1d10a97a03"),
]


@pytest.mark.parametrize(("verb", "target", "body", "fingerprint"), GOLDEN)
def test_fingerprints_are_the_same_for_the_life_of_the_ledger(
    verb: str, target: Target, body: dict[str, Any], fingerprint: str
) -> None:
    """Never change these values: entries that are in the books were made with this form."""
    assert command(verb, target, body).fingerprint.hex() == fingerprint


def test_all_commands_on_the_same_thing_have_fingerprints_of_their_own() -> None:
    assert len({fingerprint for *_, fingerprint in GOLDEN}) == len(GOLDEN)


@pytest.mark.parametrize("verb", ["capture", "release", "refund", "confirm", "cancel"])
def test_whose_books_it_was_found_in_is_no_part_of_the_meaning(verb: str) -> None:
    body = {"amount": "1.00", "currency": "EUR"} if verb == "refund" else {}
    before = command(verb, Target("m-1", hold_id="hold_1", order_id="A-1"), body)
    merged = command(verb, Target("m-1", hold_id="hold_1", order_id="A-1", chain=("m-2",)), body)
    assert before.fingerprint == merged.fingerprint
    assert (before.account_ids, merged.account_ids) == (("m-1",), ("m-1", "m-2"))


def test_ids_are_made_from_the_key_and_differ_by_what_they_name() -> None:
    hold, again, other = (command("hold", ON_ACCOUNT, {"points": 5}, key) for key in ("k-1", "k-1", "k-2"))
    transfer = command("transfer", Target(), {"from_account": "m-1", "to_account": "m-2", "points": 5})
    assert isinstance(hold, PlaceHold)
    assert isinstance(again, PlaceHold)
    assert isinstance(other, PlaceHold)
    assert isinstance(transfer, Transfer)
    assert hold.hold_id == again.hold_id != other.hold_id
    assert (hold.hold_id[:5], transfer.transfer_id[:3]) == ("hold_", "tr_")
    assert hold.hold_id[5:] != transfer.transfer_id[3:]


def test_without_a_key_a_rehearsal_makes_ids_that_nobody_has() -> None:
    first, second = (command("hold", ON_ACCOUNT, {"points": 5}, None) for _ in range(2))
    assert isinstance(first, PlaceHold)
    assert isinstance(second, PlaceHold)
    assert first.hold_id != second.hold_id


def test_the_capture_of_a_hold_is_counted_under_the_order_of_the_hold() -> None:
    of_order, of_none = command("capture", ON_HOLD, {}), command("capture", Target("m-1", hold_id="hold_1"), {})
    assert isinstance(of_order, Capture)
    assert isinstance(of_none, Capture)
    assert (of_order.order_id, of_none.order_id) == ("A-1", None)


def test_an_account_that_was_not_merged_stands_for_itself_when_a_merge_is_undone() -> None:
    merged = command("unmerge", Target("m-1", chain=("m-2",)), {"reason": "x"})
    not_merged = command("unmerge", ON_ACCOUNT, {"reason": "x"})
    assert isinstance(merged, Unmerge)
    assert isinstance(not_merged, Unmerge)
    assert (merged.into, not_merged.into) == ("m-2", "m-1")


@pytest.mark.parametrize(
    ("verb", "body", "pointer", "code"),
    [
        ("earn", {}, "/points", "required"),
        ("earn", {"points": None, "order_id": "A-1"}, "/points", "required"),
        ("earn", {"points": 5, "purchase": PURCHASE}, "/purchase", "one_of_two"),
        ("refund", {"currency": "EUR"}, "/amount", "required"),
        ("refund", {"currency": "EUR", "amount": "1", "lines": REFUNDED_LINES}, "/lines", "one_of_two"),
        ("refund", {"currency": "EUR", "amount": "0.00"}, "/amount", "out_of_range"),
        ("refund", {"currency": "EUR", "lines": [REFUNDED_LINES[0], {"sku": "a"}]}, "/lines/1/quantity", "required"),
        (
            "refund",
            {"currency": "EUR", "lines": [{"sku": "a", "quantity": 1, "amount": "1"}]},
            "/lines/0/amount",
            "one_of_two",
        ),
        ("refund", {"currency": "EUR", "lines": [{"sku": "a", "amount": "0"}]}, "/lines/0/amount", "out_of_range"),
        ("merge", {"into": "m-1", "reason": "x"}, "/into", "the_same_account"),
        ("tier", {"tier": None, "reason": "x", "until": "2027-01-01T00:00:00Z"}, "/until", "invalid"),
    ],
)
def test_what_does_not_fit_together_is_told_where(verb: str, body: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Unfit) as raised:
        command(verb, ON_ACCOUNT, body)
    assert [(error["pointer"], error["code"]) for error in raised.value.fields["errors"]] == [(pointer, code)]


def test_a_purchase_with_explicit_dates_needs_the_scope_adjust() -> None:
    body = BY_NAME["earn"].body.model_validate({"purchase": PURCHASE, "expires_at": "2999-01-01T00:00:00Z"})
    with pytest.raises(Unfit) as raised:
        BY_NAME["earn"].to_command(call("k-1", "earn"), ON_ACCOUNT, body)
    assert (raised.value.code, raised.value.fields) == ("forbidden", {"scope": "adjust"})
    earn = BY_NAME["earn"].to_command(call("k-1", "earn", "adjust"), ON_ACCOUNT, body)
    assert isinstance(earn, Earn)
    assert earn.points is None
