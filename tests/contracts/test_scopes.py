"""Scopes: what each key may, and what looks like nothing to whom. Every documented operation is tried."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ledger_service.api.documents import openapi_document
from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase

SCOPES = ("read", "earn", "redeem", "adjust", "accounts", "admin", "operator")
OF_EACH = "of each operation"

DOCUMENT = openapi_document()
OPERATIONS = [
    (path, method.upper(), operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


@pytest.fixture
async def shop(shared_database: TestDatabase) -> AsyncIterator[Shop]:
    async with opening_shop(shared_database.service_url) as opened:
        yield opened


def fitting(path: str, operation: dict[str, Any], **named: str) -> tuple[str, Any]:
    """A path and a body that fit, so that nothing but the key can be wrong."""
    given = {
        "account_id": "m-1",
        "seq": "1",
        "identifier_id": "idn_1",
        "key_id": "none",
        "hold_id": "hold_1",
        "order_id": "A-1",
    } | named
    if "requestBody" not in operation:
        return path.format(**given), None
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return path.format(**given), DOCUMENT["components"]["schemas"][name]["examples"][0]


async def test_without_a_valid_key_nothing_is_answered(shop: Shop) -> None:
    for path, method, operation in OPERATIONS:
        url, body = fitting(path, operation)
        for authorization in (None, "Bearer lsk_live_guessed", "Basic x"):
            answer = await shop.call(method, url, body, authorization=authorization)
            assert answer.status_code == 401, (method, url)
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_without_the_scope_is_forbidden_and_one_with_it_is_not(shop: Shop) -> None:
    shop = await shop.neighbour(mode="test")  # in a live program nobody moves the clock
    holders = {scope: await shop.key(scope) for scope in SCOPES}
    for path, method, operation in OPERATIONS:
        needed = operation["x-scope"]
        if needed == OF_EACH:
            continue
        for scope, holder in holders.items():
            url, body = fitting(path, operation)
            answer = await holder.call(method, url, body)
            may = scope == needed or (scope == "admin" and needed != "operator")
            assert (answer.status_code != 403) == may, (method, url, scope, answer.text)
            if not may:
                assert (answer.json()["code"], answer.json()["scope"]) == ("forbidden", needed)


async def test_another_programs_objects_look_like_those_that_do_not_exist(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    identifier = await shop.post("/v1/accounts/m-1/identifiers", {"type": "card", "value": "2900000012345"})
    key_id = (await shop.get("/v1/keys")).json()["data"][0]["key_id"]
    named = {"identifier_id": identifier.json()["identifier_id"], "key_id": key_id}
    neighbour = await shop.neighbour()
    tried = 0
    for path, method, operation in OPERATIONS:
        if "{" not in path and path != "/v1/accounts/lookup":
            continue
        url, body = fitting(path, operation, **named)
        if path == "/v1/accounts/lookup":
            body = {"type": "card", "value": "2900000012345"}
        theirs = await neighbour.call(method, url, body, x_request_id="r")
        assert theirs.status_code == 404, (method, url, theirs.text)
        url, body = fitting(path, operation, account_id="nobody", identifier_id="idn_nobody", key_id="nobody")
        nobodys = await neighbour.call(method, url, body, x_request_id="r")
        assert nobodys.text.replace("nobody", "m-1") == theirs.text.replace(named["identifier_id"], "idn_m-1")
        tried += 1
    assert tried > 10
    assert (await shop.balance("m-1"))["available"] == 100


async def test_lists_of_a_program_show_nothing_of_another(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    neighbour = await shop.neighbour()
    assert (await neighbour.get("/v1/events")).json()["data"] == []
    assert len((await neighbour.get("/v1/keys")).json()["data"]) == 1
    assert (await neighbour.get("/v1/program")).json()["slug"].startswith("neighbour-")


async def test_bulk_operations_need_the_scope_of_their_verb(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    earner = await shop.key("earn")
    operations = [
        {"op": "earn", "account_id": "m-1", "idempotency_key": "b-1", "points": 5},
        {"op": "redeem", "account_id": "m-1", "idempotency_key": "b-2", "points": 5},
        {"op": "adjust", "account_id": "m-1", "idempotency_key": "b-3", "points": 5, "reason": "x"},
        {"op": "reverse", "account_id": "m-1", "idempotency_key": "b-4", "seq": 1, "reason": "x"},
        {
            "op": "earn",
            "account_id": "m-1",
            "idempotency_key": "b-5",
            "points": 5,
            "expires_at": "2999-01-01T00:00:00Z",
        },
    ]
    results = (await earner.post("/v1/bulk", {"mode": "independent", "operations": operations})).json()["results"]
    assert [result["status"] for result in results] == [201, 403, 403, 403, 403]
    needed = {
        "redeem": ("hold", "capture", "release"),
        "adjust": ("refund", "confirm", "cancel", "transfer", "merge", "unmerge"),
        "accounts": ("tier",),
    }
    for scope, names in needed.items():
        others = [{"op": name, "idempotency_key": name} for name in names]
        answer = await earner.post("/v1/bulk", {"mode": "independent", "operations": others})
        problems = [result["body"] for result in answer.json()["results"]]
        assert [(problem["code"], problem["scope"]) for problem in problems] == [("forbidden", scope)] * len(names)
    whole = await earner.post("/v1/bulk", {"mode": "atomic", "operations": operations})
    assert (whole.status_code, whole.json()["scope"]) == (403, "redeem")
    assert (await shop.balance("m-1"))["available"] == 105


async def test_explicit_dates_need_the_scope_adjust(shop: Shop) -> None:
    await shop.open("m-1")
    earner, corrector = await shop.key("earn"), await shop.key("earn", "adjust")
    for dates in ({"expires_at": "2999-01-01T00:00:00Z"}, {"available_at": "2999-01-01T00:00:00Z"}):
        refused = await earner.post("/v1/accounts/m-1/earn", {"points": 5} | dates)
        assert (refused.status_code, refused.json()["scope"]) == (403, "adjust")
        assert (await corrector.post("/v1/accounts/m-1/earn", {"points": 5} | dates)).status_code == 201


async def test_a_revoked_key_stops_working_once_it_is_no_longer_trusted(database: TestDatabase) -> None:
    from ledger_service.settings import Settings

    async with opening_shop(database.service_url, Settings(key_cache_seconds=0)) as shop:
        other = await shop.key("read")
        await shop.open("m-1")
        assert (await other.get("/v1/accounts/m-1")).status_code == 200
        keys = (await shop.get("/v1/keys")).json()["data"]
        (key_id,) = [key["key_id"] for key in keys if key["scopes"] == ["read"]]
        for _ in range(2):
            assert (await shop.call("DELETE", f"/v1/keys/{key_id}")).status_code == 204
        assert (await other.get("/v1/accounts/m-1")).status_code == 401
