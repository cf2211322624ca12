"""History over HTTP: pages of entries, one entry, open lots."""

from typing import Any

import pytest

from ledger_service.api import views
from tests.api.shop import Shop


async def test_pages_follow_each_other_whatever_is_posted_meanwhile(shop: Shop) -> None:
    await shop.open("m-1")
    for points in range(1, 8):
        await shop.post("/v1/accounts/m-1/earn", {"points": points})
    seen: list[int] = []
    path = "/v1/accounts/m-1/entries?limit=3"
    while path:
        answer = await shop.get(path)
        page = views.EntryPage.model_validate(answer.json())
        seen += [entry.seq for entry in page.data]
        assert page.has_more == (page.next_cursor is not None)
        path = answer.links["next"]["url"] if page.has_more else ""
        await shop.post("/v1/accounts/m-1/earn", {"points": 100})
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_an_entry_in_a_page_is_the_answer_of_its_posting(shop: Shop) -> None:
    await shop.open("m-1")
    posted = await shop.post("/v1/accounts/m-1/earn", {"points": 5, "reason": "ü", "metadata": {"b": 1, "a": None}})
    page = await shop.get("/v1/accounts/m-1/entries")
    assert page.content == b'{"data":[' + posted.content + b'],"next_cursor":null,"has_more":false}'
    assert "link" not in page.headers
    assert (await shop.get("/v1/accounts/m-1/entries/1")).content == posted.content


async def test_entries_are_filtered(shop: Shop) -> None:
    await shop.open("m-1")
    await shop.post("/v1/accounts/m-1/earn", {"points": 100, "order_id": "A-1"})
    await shop.post("/v1/accounts/m-1/redeem", {"points": 10, "order_id": "A-1"})
    last = await shop.post("/v1/accounts/m-1/redeem", {"points": 10, "order_id": "A-2"})
    at = last.json()["recorded_at"]

    async def seqs(query: str) -> list[int]:
        answer = await shop.get(f"/v1/accounts/m-1/entries?{query}")
        return [entry["seq"] for entry in answer.json()["data"]]

    assert await seqs("kind=redeem") == [3, 2]
    assert await seqs("order_id=A-1") == [2, 1]
    assert await seqs("order_id=A-1&kind=earn") == [1]
    assert await seqs(f"from={at}") == [3]
    assert await seqs(f"to={at}") == [2, 1]
    assert await seqs("kind=adjust") == []


async def test_a_cursor_is_good_for_its_own_list_only(shop: Shop) -> None:
    for account_id in ("m-1", "m-2"):
        await shop.open(account_id)
        for _ in range(3):
            await shop.post(f"/v1/accounts/{account_id}/earn", {"points": 5})
    cursor = (await shop.get("/v1/accounts/m-1/entries?limit=1")).json()["next_cursor"]
    assert (await shop.get(f"/v1/accounts/m-1/entries?limit=2&cursor={cursor}")).json()["data"][0]["seq"] == 2
    for path in (
        f"/v1/accounts/m-2/entries?cursor={cursor}",
        f"/v1/accounts/m-1/entries?kind=earn&cursor={cursor}",
        f"/v1/accounts/m-1/entries?cursor={cursor[:-2]}",
        "/v1/accounts/m-1/entries?cursor=x",
        f"/v1/events?after={cursor}",
    ):
        answer = await shop.get(path)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert answer.json()["errors"][0]["code"] == "bad_cursor"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("limit=x", "/query/limit"),
        ("kind=gift", "/query/kind"),
        ("from=yesterday", "/query/from"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/query/from"),
        ("order_id=", "/query/order_id"),
        ("colour=red", "/query/colour"),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused(shop: Shop, query: str, pointer: str) -> None:
    await shop.open("m-1")
    answer = await shop.get(f"/v1/accounts/m-1/entries?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("path", ["entries", "entries/1", "lots"])
async def test_no_account_no_history(shop: Shop, path: str) -> None:
    answer = await shop.get(f"/v1/accounts/m-1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


async def test_an_entry_that_is_not_there_yet_is_not_found(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.get("/v1/accounts/m-1/entries/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "entry_not_found")


async def test_lots_come_in_the_order_in_which_they_are_consumed(shop: Shop) -> None:
    await shop.open("m-1", points=100)
    dates: dict[str, Any] = {"expires_at": "2999-01-01T00:00:00Z", "available_at": "2998-01-01T00:00:00Z"}
    await shop.post("/v1/accounts/m-1/earn", {"points": 20} | dates)
    assert (await shop.get("/v1/accounts/m-1/lots")).json() == [
        dates | {"points": 20},
        {"expires_at": None, "available_at": None, "points": 100},
    ]
