"""The access log and what is told when something breaks: enough to find it, nothing about anybody."""

import logging
from typing import Any

import pytest

from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase

ACCESS = "ledger_service.access"
SECRET = "secret-value"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == ACCESS]


async def test_a_write_and_an_error_are_logged_and_a_read_is_not(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ACCESS)
    await shop.open("m-1", points=5)
    await shop.get("/v1/accounts/m-1/balance")
    await shop.get("/v1/accounts/m-2/balance")
    await shop.post("/v1/accounts/m-1/redeem", {"points": 6}, x_request_id="r-1")
    told = [(line["method"], line["route"], line["status"], line.get("code")) for line in lines(caplog)]
    assert told == [
        ("POST", "/v1/accounts", 201, None),
        ("POST", "/v1/accounts/{account_id}/earn", 201, None),
        ("GET", "/v1/accounts/{account_id}/balance", 404, "account_not_found"),
        ("POST", "/v1/accounts/{account_id}/redeem", 409, "insufficient_points"),
    ]
    last = lines(caplog)[-1]
    assert (last["request_id"], last["program"]) == ("r-1", (await shop.get("/v1/program")).json()["slug"])
    assert last["key_id"]
    assert last["milliseconds"] > 0


async def test_nothing_about_anybody_is_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ledger_service")
    await shop.post("/v1/accounts", {"account_id": SECRET, "identifiers": [{"type": "external", "value": SECRET}]})
    await shop.post(f"/v1/accounts/{SECRET}/earn", {"points": 5, "order_id": SECRET, "metadata": {SECRET: SECRET}})
    await shop.post(f"/v1/accounts/{SECRET}/redeem", {"points": SECRET}, idempotency_key=SECRET)
    await shop.post("/v1/accounts/lookup", {"type": "external", "value": SECRET})
    assert len(lines(caplog)) == 4
    for record in caplog.records:
        assert SECRET not in str(vars(record))
        assert shop.token not in str(vars(record))


class Broken:
    async def account(self, *_: Any) -> Any:
        raise ValueError(SECRET)


async def test_a_bug_is_logged_once_with_its_place_and_without_its_text(
    database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with opening_shop(database.service_url, reads=Broken()) as shop:
        answer = await shop.get("/v1/accounts/m-1", x_request_id="r-1")
    assert answer.status_code == 500
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(told)["request_id"] == "r-1"
    assert "ValueError" in told.getMessage()
    assert "test_observing.py" in told.getMessage()
    assert SECRET not in told.getMessage()
    assert told.exc_info is None
