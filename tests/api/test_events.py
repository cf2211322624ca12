"""The feed over HTTP."""

from ledger_service.api import views
from tests.api.shop import Shop


async def test_events_tell_every_entry_once_and_go_on_where_the_caller_was(shop: Shop) -> None:
    await shop.open("m-1")
    empty = (await shop.get("/v1/events")).json()
    assert empty == {"data": [], "next_cursor": None, "has_more": False}
    posted = [await shop.post("/v1/accounts/m-1/earn", {"points": points}) for points in (1, 2, 3)]
    first = views.EventPage.model_validate((await shop.get("/v1/events?limit=2")).json())
    assert (len(first.data), first.has_more) == (2, True)
    assert [event.id for event in first.data] == ["m-1:1", "m-1:2"]
    assert first.data[0].type == "entry.earn"
    answer = await shop.get(f"/v1/events?after={first.next_cursor}")
    rest = answer.json()
    assert posted[2].content in answer.content
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    nothing = (await shop.get(f"/v1/events?after={rest['next_cursor']}")).json()
    assert (nothing["data"], nothing["next_cursor"]) == ([], rest["next_cursor"])
    await shop.post("/v1/accounts/m-1/redeem", {"points": 1})
    later = (await shop.get(f"/v1/events?after={nothing['next_cursor']}")).json()
    assert [event["type"] for event in later["data"]] == ["entry.redeem"]


async def test_a_cursor_of_another_program_is_refused(shop: Shop) -> None:
    await shop.open("m-1", points=5)
    cursor = (await shop.get("/v1/events")).json()["next_cursor"]
    answer = await (await shop.neighbour()).get(f"/v1/events?after={cursor}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/after")


async def test_at_most_1000_events_come_at_once(shop: Shop) -> None:
    assert (await shop.get("/v1/events?limit=1000")).status_code == 200
    assert (await shop.get("/v1/events?limit=1001")).status_code == 422
