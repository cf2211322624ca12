"""Text: whatever a caller may say is kept and given back as it was said, and never taken for anything but text."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.shop import Shop, fresh_key, opening_shop
from tests.servers import TestDatabase
from tests.verified import assert_verifies

LOOKS_LIKE_MORE = [
    "'; DROP TABLE ledger.entry; --",
    "' OR 1=1 --",
    '","points":999999,"x":"',
    "$1 %s %(points)s {points} {0.__class__} \\u0000 \\",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "null",
    "\u202eright to left",
    "e\u0301 is not é",
    "\u2028\u2029\ufeff\uffff\ufffd",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    " with spaces around ",
]
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60) | st.sampled_from(
    LOOKS_LIKE_MORE
)
VALUE = TEXT | st.booleans() | st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, width=32)


@pytest.fixture
async def shop(database: TestDatabase) -> AsyncIterator[Shop]:
    async with opening_shop(database.service_url) as opened:
        await opened.open("m-1")
        yield opened
    await assert_verifies(database.read_url)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order_id=TEXT,
    reason=TEXT,
    metadata=st.dictionaries(
        st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40), VALUE, max_size=5
    ).filter(
        lambda metadata: all(abs(value) != float("inf") for value in metadata.values() if isinstance(value, float))
    ),
)
async def test_what_a_posting_says_is_kept_and_given_back_verbatim(
    shop: Shop, order_id: str, reason: str, metadata: dict[str, object]
):
    program = await shop.get("/v1/program")
    order_id = f"{fresh_key()} {order_id}"
    body = {"points": 1, "order_id": order_id, "reason": reason, "metadata": metadata}
    key = fresh_key()

    posted = await shop.post("/v1/accounts/m-1/earn", body, idempotency_key=key)
    again = await shop.post("/v1/accounts/m-1/earn", body, idempotency_key=key)
    read = await shop.get(f"/v1/accounts/m-1/entries/{posted.json()['seq']}")
    found = await shop.client.get(
        "/v1/accounts/m-1/entries", params={"order_id": order_id}, headers={"Authorization": f"Bearer {shop.token}"}
    )

    assert posted.status_code == 201, posted.text
    said = posted.json()
    assert (said["order_id"], said["reason"], said["metadata"]) == (order_id, reason, metadata)
    assert posted.content == again.content == read.content
    assert found.json()["data"] == [said]
    assert (await shop.get("/v1/program")).content == program.content


@pytest.mark.parametrize("text", LOOKS_LIKE_MORE)
async def test_an_identifier_is_found_by_its_text_and_never_shown(shop: Shop, text: str):
    opened = await shop.post(
        "/v1/accounts", {"account_id": "m-2", "identifiers": [{"type": "external", "value": text}]}
    )
    assert opened.status_code == 201
    found = await shop.post("/v1/accounts/lookup", {"type": "external", "value": text})
    assert found.json()["account"]["account_id"] == "m-2"
    assert len(text) < 8 or text not in found.text
    other = await shop.post("/v1/accounts/lookup", {"type": "external", "value": f"{text}."})
    assert other.status_code == 404


@pytest.mark.parametrize("text", LOOKS_LIKE_MORE)
async def test_the_name_of_a_key_is_only_a_name(shop: Shop, text: str):
    made = await shop.post("/v1/keys", {"name": text, "scopes": ["read"], "source": "till"})
    assert made.json()["name"] == text
    assert text in [key["name"] for key in (await shop.get("/v1/keys")).json()["data"]]


async def test_of_a_name_given_twice_the_last_value_counts_and_a_repeat_says_the_same(shop: Shop):
    posted = await shop.post("/v1/accounts/m-1/earn", '{"points":999,"points":5}', idempotency_key="twice")
    again = await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="twice")
    assert posted.json()["points"] == 5
    assert again.content == posted.content
