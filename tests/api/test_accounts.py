"""Accounts over HTTP: opened, found by what is on a card, suspended."""

from ledger_service.api import views
from tests.api.shop import Shop

PHONE = {"type": "phone", "value": "+49 30 901820"}
CARD = {"type": "card", "value": "2900 0000 1234 5"}


async def test_an_account_is_opened_with_the_identifiers_that_find_it(shop: Shop) -> None:
    opened = await shop.post("/v1/accounts", {"account_id": "m-1", "identifiers": [PHONE, CARD], "metadata": {"a": 1}})
    assert opened.status_code == 201
    account = views.Account.model_validate(opened.json())
    assert [(each.type, each.masked) for each in account.identifiers] == [("phone", "****20"), ("card", "****2345")]
    assert (account.status, account.version, account.metadata) == ("active", 1, {"a": 1})
    read = await shop.get("/v1/accounts/m-1")
    assert sorted(read.json()) == sorted(opened.json())
    assert read.json()["version"] == 1


async def test_an_account_without_an_id_gets_one_and_a_repeat_gets_the_same(shop: Shop) -> None:
    first = await shop.post("/v1/accounts", {}, idempotency_key="k-1")
    again = await shop.post("/v1/accounts", {}, idempotency_key="k-1")
    other = await shop.post("/v1/accounts", {}, idempotency_key="k-2")
    assert first.content == again.content
    assert first.json()["account_id"] != other.json()["account_id"]
    assert (await shop.get(f"/v1/accounts/{first.json()['account_id']}")).status_code == 200


async def test_an_account_exists_once(shop: Shop) -> None:
    await shop.open("m-1")
    answer = await shop.post("/v1/accounts", {"account_id": "m-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "account_exists")


async def test_an_account_is_found_however_its_phone_is_written(shop: Shop) -> None:
    await shop.post("/v1/accounts", {"account_id": "m-1", "identifiers": [PHONE]})
    await shop.post("/v1/accounts/m-1/earn", {"points": 5})
    found = await shop.post("/v1/accounts/lookup", {"type": "phone", "value": "0049 30/90 18-20"}, idempotency_key=None)
    assert found.status_code == 200
    both = views.AccountAndBalance.model_validate(found.json())
    assert (both.account.account_id, both.balance.available) == ("m-1", 5)
    unknown = await shop.post("/v1/accounts/lookup", {"type": "phone", "value": "+49 30 901821"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "account_not_found")


async def test_an_identifier_is_attached_found_revoked_and_free_again(shop: Shop) -> None:
    await shop.open("m-1")
    await shop.open("m-2")
    attached = await shop.post("/v1/accounts/m-1/identifiers", CARD)
    assert attached.status_code == 201
    identifier = views.Identifier.model_validate(attached.json())
    taken = await shop.post("/v1/accounts/m-2/identifiers", CARD)
    assert (taken.status_code, taken.json()["code"], taken.json()["masked"]) == (409, "identifier_in_use", "****2345")
    path = f"/v1/accounts/m-1/identifiers/{identifier.identifier_id}"
    first = await shop.call("DELETE", path)
    assert (first.status_code, first.json()["revoked"]) == (200, True)
    again = await shop.call("DELETE", path)
    assert (again.status_code, again.content) == (200, first.content)
    assert (await shop.post("/v1/accounts/lookup", CARD)).status_code == 404
    assert (await shop.post("/v1/accounts/m-2/identifiers", CARD)).status_code == 201
    assert (await shop.post("/v1/accounts/lookup", CARD)).json()["account"]["account_id"] == "m-2"


async def test_an_identifier_that_is_not_the_accounts_is_not_found(shop: Shop) -> None:
    await shop.open("m-1")
    await shop.open("m-2")
    identifier_id = (await shop.post("/v1/accounts/m-1/identifiers", CARD)).json()["identifier_id"]
    for path in (f"/v1/accounts/m-2/identifiers/{identifier_id}", "/v1/accounts/m-1/identifiers/a%20b"):
        answer = await shop.call("DELETE", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_identifier_that_cannot_be_one_is_told_with_its_pointer(shop: Shop) -> None:
    answer = await shop.post("/v1/accounts", {"identifiers": [CARD, {"type": "phone", "value": "030 901820"}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/identifiers/1/value"
    assert "901820" not in answer.text


async def test_a_suspended_account_may_earn_but_not_redeem_and_a_closed_one_neither(shop: Shop) -> None:
    await shop.open("m-1", points=10)
    suspended = await shop.post("/v1/accounts/m-1/status", {"status": "suspended", "reason": "card lost"})
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    assert (await shop.post("/v1/accounts/m-1/earn", {"points": 1})).status_code == 201
    refused = await shop.post("/v1/accounts/m-1/redeem", {"points": 1})
    assert (refused.status_code, refused.json()["account_status"]) == (409, "suspended")
    await shop.post("/v1/accounts/m-1/status", {"status": "closed", "reason": "moved away"})
    refused = await shop.post("/v1/accounts/m-1/earn", {"points": 1})
    assert (refused.json()["code"], refused.json()["account_status"]) == ("account_not_active", "closed")


async def test_an_account_has_its_version_as_etag(shop: Shop) -> None:
    await shop.open("m-1")
    read = await shop.get("/v1/accounts/m-1")
    tag = read.headers["etag"]
    assert tag == f'"{read.json()["version"]}"'
    unchanged = await shop.get("/v1/accounts/m-1", if_none_match=tag)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    await shop.post("/v1/accounts/m-1/earn", {"points": 1})
    assert (await shop.get("/v1/accounts/m-1", if_none_match=tag)).status_code == 200
