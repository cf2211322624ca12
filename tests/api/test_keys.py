"""API keys over HTTP."""

from typing import Any

import pytest

from ledger_service.api.configuration import ApiKeys, MadeKey
from tests.api.shop import Shop

NEW = {"name": "till 7", "scopes": ["redeem", "earn", "earn"], "source": "shop-hamburg"}


async def test_a_key_is_shown_once_and_works(shop: Shop) -> None:
    await shop.open("m-1")
    first = await shop.post("/v1/keys", NEW, idempotency_key="k-1")
    assert first.status_code == 201
    made = MadeKey.model_validate(first.json())
    assert (made.scopes, made.source, made.name) == (["earn", "redeem"], "shop-hamburg", "till 7")
    assert made.api_key is not None
    assert made.api_key.startswith("lsk_live_")
    earned = await shop.with_token(made.api_key).post("/v1/accounts/m-1/earn", {"points": 5})
    assert earned.json()["source"] == "shop-hamburg"
    again = await shop.post("/v1/keys", NEW | {"scopes": ["earn", "redeem"]}, idempotency_key="k-1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json() == first.json() | {"api_key": None}
    listed = await shop.get("/v1/keys")
    assert made.api_key not in listed.text
    keys = ApiKeys.model_validate(listed.json()).data
    assert [key.name for key in keys].count("till 7") == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": ["operator"], "source": "s"}, "/scopes/0"),
        ({"scopes": [], "source": "s"}, "/scopes"),
        ({"scopes": ["read"]}, "/source"),
        ({"scopes": ["read"], "source": "a b"}, "/source"),
        ({"scopes": ["read"], "source": "ledger"}, "/source"),
        ({"scopes": ["read"], "source": "s", "expires_at": "tomorrow"}, "/expires_at"),
    ],
)
async def test_a_key_that_does_not_fit_is_refused(shop: Shop, body: Any, pointer: str) -> None:
    answer = await shop.post("/v1/keys", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_key_is_kept_under_the_programs_idempotency_keys(shop: Shop) -> None:
    await shop.open("m-1")
    await shop.post("/v1/accounts/m-1/earn", {"points": 5}, idempotency_key="k-1")
    answer = await shop.post("/v1/keys", NEW, idempotency_key="k-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_an_expired_key_does_not_work(shop: Shop) -> None:
    made = await shop.post("/v1/keys", NEW | {"expires_at": "2020-01-01T00:00:00Z"})
    assert (await shop.with_token(made.json()["api_key"]).get("/v1/accounts/m-1")).status_code == 401


@pytest.mark.parametrize("key_id", ["nobody", "a%20b", "%00"])
async def test_a_key_that_is_not_there_is_not_found(shop: Shop, key_id: str) -> None:
    answer = await shop.call("DELETE", f"/v1/keys/{key_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
