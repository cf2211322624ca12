"""Two programs in one ledger: neither can see, change, or even notice anything of the other."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase

OF_AN_ACCOUNT: list[tuple[str, str, Any]] = [
    ("GET", "/v1/accounts/{account}", None),
    ("GET", "/v1/accounts/{account}/balance", None),
    ("GET", "/v1/accounts/{account}/entries", None),
    ("GET", "/v1/accounts/{account}/entries/1", None),
    ("GET", "/v1/accounts/{account}/lots", None),
    ("POST", "/v1/accounts/{account}/earn", {"points": 5}),
    ("POST", "/v1/accounts/{account}/redeem", {"points": 5}),
    ("POST", "/v1/accounts/{account}/adjust", {"points": -5, "reason": "x"}),
    ("POST", "/v1/accounts/{account}/entries/1/reverse", {"reason": "x"}),
    ("GET", "/v1/accounts/{account}/holds", None),
    ("POST", "/v1/accounts/{account}/holds", {"points": 5}),
    ("GET", "/v1/holds/{hold}", None),
    ("POST", "/v1/holds/{hold}/capture", None),
    ("POST", "/v1/holds/{hold}/release", {}),
    ("POST", "/v1/orders/{order}/refund", {"amount": "1.00", "currency": "EUR"}),
    ("POST", "/v1/orders/{order}/confirm", None),
    ("POST", "/v1/orders/{order}/cancel", {"reason": "x"}),
    ("POST", "/v1/transfers", {"from_account": "{account}", "to_account": "m-1", "points": 5}),
    ("POST", "/v1/transfers", {"from_account": "m-1", "to_account": "{account}", "points": 5}),
    ("POST", "/v1/accounts/{account}/merge", {"into": "m-1", "reason": "x"}),
    ("POST", "/v1/accounts/m-1/merge", {"into": "{account}", "reason": "x"}),
    ("POST", "/v1/accounts/{account}/unmerge", {"reason": "x"}),
    ("POST", "/v1/accounts/{account}/tier", {"tier": None, "reason": "x"}),
    ("POST", "/v1/purchases/preview", {"account_id": "{account}", "purchase": {"amount": "1", "currency": "EUR"}}),
    ("POST", "/v1/accounts/{account}/status", {"status": "closed", "reason": "x"}),
    ("POST", "/v1/accounts/{account}/identifiers", {"type": "card", "value": "2900"}),
    ("DELETE", "/v1/accounts/{account}/identifiers/{identifier}", None),
    ("DELETE", "/v1/keys/{key}", None),
    ("POST", "/v1/accounts/lookup", {"type": "card", "value": "{card}"}),
    *(
        ("POST", "/v1/bulk", {"mode": mode, "operations": [{"op": "earn", "idempotency_key": "b"} | operation]})
        for mode in ("independent", "atomic")
        for operation in [
            {"account_id": "{account}", "points": 5},
            {"op": "capture", "hold_id": "{hold}"},
            {"op": "cancel", "order_id": "{order}"},
        ]
    ),
]


@pytest.fixture
async def shop(shared_database: TestDatabase) -> AsyncIterator[Shop]:
    async with opening_shop(shared_database.service_url) as opened:
        yield opened


@pytest.mark.parametrize(("method", "path", "body"), OF_AN_ACCOUNT)
async def test_what_another_program_has_is_answered_like_what_nobody_has(shop: Shop, method: str, path: str, body: Any):
    theirs = await shop.neighbour()
    await shop.open("m-1", points=100)
    await theirs.open("theirs-1", points=100)
    await theirs.post("/v1/accounts/theirs-1/earn", {"points": 5, "order_id": "order-1"})
    hold = await theirs.post("/v1/accounts/theirs-1/holds", {"points": 5})
    card = await theirs.post("/v1/accounts/theirs-1/identifiers", {"type": "card", "value": "29001234"})
    key_id = (await theirs.get("/v1/keys")).json()["data"][0]["key_id"]
    known = {
        "account": "theirs-1",
        "hold": hold.json()["hold_id"],
        "order": "order-1",
        "identifier": card.json()["identifier_id"],
        "key": key_id,
        "card": "29001234",
    }
    unknown = {name: turned(value) for name, value in known.items()}
    before = await everything(theirs)

    answers = [
        await shop.call(
            method,
            filled(path, named),
            None if body is None else json.loads(filled(json.dumps(body), named)),
            x_request_id="the-same",
            idempotency_key="the-same" if method == "POST" else None,
        )
        for named in (known, unknown)
    ]

    status = 200 if "independent" in str(body) else 404
    assert [answer.status_code for answer in answers] == [status, status], answers[0].text
    said = answers[0].text
    for name, value in known.items():
        said = said.replace(value, unknown[name])
    assert said == answers[1].text
    own = ("date", "etag")
    headers = [{name: value for name, value in answer.headers.items() if name not in own} for answer in answers]
    assert headers[0] == headers[1]
    assert await everything(theirs) == before


async def test_keys_orders_accounts_and_cards_of_one_program_are_free_in_another(shop: Shop):
    theirs = await shop.neighbour()
    for each in (shop, theirs):
        opened = await each.post(
            "/v1/accounts",
            {"account_id": "m-1", "identifiers": [{"type": "card", "value": "29001234"}]},
            idempotency_key="open",
        )
        earned = await each.post("/v1/accounts/m-1/earn", {"points": 5, "order_id": "A-1"}, idempotency_key="earn")
        assert (opened.status_code, earned.status_code) == (201, 201)
        assert "idempotent-replayed" not in {*opened.headers, *earned.headers}
        assert (await each.balance("m-1"))["balance"] == 5


async def test_a_cursor_of_one_program_is_none_in_another(shop: Shop):
    theirs = await shop.neighbour()
    for each in (shop, theirs):
        await each.open("m-1", points=1)
        await each.post("/v1/accounts/m-1/earn", {"points": 2})
    for path, cursor in (("/v1/accounts/m-1/entries?limit=1", "cursor"), ("/v1/events?limit=1", "after")):
        place = (await theirs.get(path)).json()["next_cursor"]
        refused = await shop.get(f"{path}&{cursor}={place}")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "bad_cursor")


def turned(value: str) -> str:
    """Another one of the same length and the same characters."""
    return value[:-1] + ("3" if value[-1] != "3" else "4")


def filled(template: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        template = template.replace("{" + name + "}", value)
    return template


async def everything(shop: Shop) -> list[str]:
    """What its owner sees of it."""
    paths = [
        "/v1/accounts/theirs-1",
        "/v1/accounts/theirs-1/entries",
        "/v1/accounts/theirs-1/holds",
        "/v1/keys",
        "/v1/program",
        "/v1/events",
    ]
    return [(await shop.get(path)).text for path in paths]
