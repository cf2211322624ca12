import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.entries import GENESIS, Entry, canonical_bytes, chain_hash, seal
from ledger_service.ledger.lots import microseconds, movements_text
from tests.builders import DAY, NOON, entry, movement

FIXED = Entry(
    program_id=7,
    account_id="m-1",
    seq=2,
    kind="reverse_earn",
    points=-120,
    balance_after=-20,
    available_after=-20,
    held_after=0,
    order_id="A-1001",
    source="shop-berlin",
    key="0b7c8a2e-1f64",
    reason='zurück: "Größe" \\ 50 €\n☕',
    metadata='{"lane":3,"till":"Ä"}',
    movements=(
        movement(-70, datetime(2027, 12, 31, 23, tzinfo=UTC), datetime(2026, 12, 5, tzinfo=UTC)),
        movement(-30),
    ),
    available_at=None,
    expires_at=datetime(2027, 12, 31, 23, 0, 0, 1, tzinfo=UTC),
    reverses_seq=1,
    transfer_id=None,
    written_off=5,
    rule_version=3,
    occurred_at=NOON,
    recorded_at=NOON + DAY,
    previous_hash=GENESIS,
    hash=b"",
)


def test_the_canonical_bytes_of_an_entry_never_change():
    assert canonical_bytes(FIXED).decode() == (
        '[1,7,"m-1",2,"reverse_earn",-120,-20,-20,0,"A-1001","shop-berlin","0b7c8a2e-1f64",'
        '"zurück: \\"Größe\\" \\\\ 50 €\\n☕","{\\"lane\\":3,\\"till\\":\\"Ä\\"}",'
        '"[[1830294000000000,1796428800000000,-70],[null,null,-30]]",'
        "null,1830294000000001,1,null,5,3,1796299200000000,1796385600000000]"
    )


def test_the_hash_of_an_entry_never_changes():
    assert chain_hash(FIXED).hex() == "b2ec1f933ec2f274eded8369a74219857811398d9a57a3e4aa85af5d5d4ef749"
    assert (
        chain_hash(replace(FIXED, previous_hash=bytes(range(32)))).hex()
        == "d34322b8bddebe48ea07e2f3876bd21be7200afad67647a8b62e1c750cc739d8"
    )


def test_the_hash_is_sha256_over_the_previous_hash_and_the_canonical_bytes():
    assert chain_hash(FIXED) == hashlib.sha256(GENESIS + canonical_bytes(FIXED)).digest()


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def _as_json(one: Entry) -> bytes:
    """The definition: what the standard library's encoder makes of the fields, in their order."""
    values: list[Any] = [1 if one.detail is None else 2]
    for field in fields(one):
        value = getattr(one, field.name)
        if field.name in ("previous_hash", "hash") or (field.name == "detail" and value is None):
            continue
        if field.name == "movements":
            value = movements_text(value)
        values.append(_moment(value) if field.name.endswith("_at") else value)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
instants = st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        entry,
        texts,
        seq=st.integers(1, 2**60),
        points=st.integers(),
        available_after=st.integers(),
        order_id=st.none() | texts,
        source=texts,
        key=st.none() | texts,
        reason=st.none() | texts,
        metadata=texts,
        available_at=st.none() | instants,
        expires_at=st.none() | instants,
        reverses_seq=st.none() | st.integers(1, 2**60),
        transfer_id=st.none() | texts,
        detail=st.none() | texts,
        occurred_at=instants,
        movements=st.lists(st.builds(movement, st.integers(), instants, instants)).map(tuple),
    )
)
def test_the_canonical_bytes_are_the_json_array_of_all_fields(one: Entry):
    assert canonical_bytes(one) == _as_json(one)
    assert canonical_bytes(FIXED) == _as_json(FIXED)


def test_every_field_of_an_entry_is_covered_by_its_hash():
    changed: dict[str, Any] = {
        "movements": (movement(-100),),
        "available_at": NOON,
        "transfer_id": "t-1",
        "detail": "{}",
        "kind": "earn",
        "previous_hash": bytes(range(32)),
    }
    for field in fields(FIXED):
        if field.name == "hash":
            continue
        value = getattr(FIXED, field.name)
        if field.name not in changed:
            changed[field.name] = value + DAY if isinstance(value, datetime) else value + type(value)("1")
        assert chain_hash(replace(FIXED, **{field.name: changed[field.name]})) != chain_hash(FIXED), field.name


def test_sealing_gives_a_new_entry_its_hash():
    sealed = seal(replace(FIXED))
    assert sealed == replace(FIXED, hash=chain_hash(FIXED))


def test_rule_1_balance_is_available_and_pending_and_held():
    assert entry(points=620, balance_after=620, available_after=450, held_after=50).pending_after == 120
