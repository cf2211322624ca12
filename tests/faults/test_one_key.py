"""One key, one order, one balance: many callers at the same moment, at two instances of one database."""

import json

from tests.faults.conftest import Pair
from tests.wire import ask, volley


async def test_1000_simultaneous_requests_with_one_key_at_two_instances_are_one_entry_with_one_answer(pair: Pair):
    await ask(pair.urls[0], pair.post("/accounts", b'{"account_id":"m-1"}', "open"))
    request = pair.post("/accounts/m-1/earn", b'{"points":5}', "the-key")

    answers = await volley(pair.urls, [request] * 1000)

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert [answer.is_replay for answer in answers].count(False) == 1
    entries = await pair.rows("seq, points, idempotency_key", "entry")
    assert entries == [{"seq": 1, "points": 5, "idempotency_key": "the-key"}]
    assert await pair.rows("balance", "account") == [{"balance": 5}]


async def test_one_key_for_two_different_requests_at_the_same_moment_serves_one_and_refuses_the_other(pair: Pair):
    await ask(pair.urls[0], pair.post("/accounts", b'{"account_id":"m-1"}', "open"))
    five = pair.post("/accounts/m-1/earn", b'{"points":5}', "the-key")
    seven = pair.post("/accounts/m-1/earn", b'{"points":7}', "the-key")

    answers = await volley(pair.urls, [five, five, seven, seven] * 50)

    fives, sevens = ([answer for place, answer in enumerate(answers) if place // 2 % 2 == odd] for odd in (0, 1))
    served, refused = (fives, sevens) if fives[0].status == 201 else (sevens, fives)
    assert {answer.status for answer in served} == {201}
    assert len({answer.body for answer in served}) == 1
    assert {(answer.status, answer.json()["code"]) for answer in refused} == {(422, "idempotency_key_reused")}
    assert await pair.rows("count(*)", "entry") == [{"count": 1}]


async def test_a_refusal_asked_for_by_many_at_the_same_moment_is_one_refusal_and_stays_one(pair: Pair):
    await ask(pair.urls[0], pair.post("/accounts", b'{"account_id":"m-1"}', "open"))
    request = pair.post("/accounts/m-1/redeem", b'{"points":5}', "the-key")

    answers = await volley(pair.urls, [request] * 200)
    await ask(pair.urls[0], pair.post("/accounts/m-1/earn", b'{"points":5}', "points-at-last"))
    later = await volley(pair.urls, [request] * 2)

    assert {answer.status for answer in (*answers, *later)} == {409}
    assert len({answer.body for answer in (*answers, *later)}) == 1
    assert [answer.is_replay for answer in (*answers, *later)].count(False) == 1
    assert await pair.rows("kind", "entry") == [{"kind": "earn"}]


async def test_200_parallel_redeems_of_400_points_on_a_balance_of_500_are_one_redeem(pair: Pair):
    await ask(pair.urls[0], pair.post("/accounts", b'{"account_id":"m-1"}', "open"))
    await ask(pair.urls[0], pair.post("/accounts/m-1/earn", b'{"points":500}', "earn"))

    answers = await volley(
        pair.urls, [pair.post("/accounts/m-1/redeem", b'{"points":400}', f"redeem-{number}") for number in range(200)]
    )

    posted = [answer.json() for answer in answers if answer.status == 201]
    assert [(entry["seq"], entry["points"], entry["balance_after"]) for entry in posted] == [(2, -400, 100)]
    refused = [answer for answer in answers if answer.status != 201]
    fields = ("status", "code", "available", "requested", "missing", "as_of_seq")
    assert {tuple(answer.json()[field] for field in fields) for answer in refused} == {
        (409, "insufficient_points", 100, 400, 300, 2)
    }
    assert len(refused) == 199
    assert await pair.rows("seq, balance", "account") == [{"seq": 2, "balance": 100}]
    forms = await pair.rows("form, count(*)", "outcome", "GROUP BY form ORDER BY form")
    assert forms == [
        {"form": "answered", "count": 1},
        {"form": "posted", "count": 2},
        {"form": "refused", "count": 199},
    ]


async def test_200_parallel_earns_of_one_order_with_different_keys_are_one_entry_that_all_are_told(pair: Pair):
    await ask(pair.urls[0], pair.post("/accounts", b'{"account_id":"m-1"}', "open"))
    body = json.dumps({"points": 120, "order_id": "A-1001"}).encode()

    answers = await volley(
        pair.urls, [pair.post("/accounts/m-1/earn", body, f"attempt-{number}") for number in range(200)]
    )

    assert len({answer.body for answer in answers}) == 1
    told = [(answer.status, answer.is_replay) for answer in answers]
    assert (told.count((201, False)), told.count((200, True))) == (1, 199)
    assert await pair.rows("seq, points, order_id", "entry") == [{"seq": 1, "points": 120, "order_id": "A-1001"}]
