"""The application as a whole: addresses, methods, headers, failures."""

import asyncio
from typing import Any

import pytest

from ledger_service.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded, ShuttingDown
from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase


class Failing:
    """A poster that cannot serve."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def enter(self, *_: Any) -> Any:
        raise self.failure

    async def post(self, *_: Any) -> Any:
        raise self.failure

    def room_asked_for(self) -> None:
        return None

    def has_full_batch(self, *_: Any) -> bool:
        return False

    def departure(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1", "/v1/accounts/", "/v1/accounts/m-1/earn/", "/V1/accounts", "/v1/accounts/a%2Fb"]
)
async def test_an_unknown_address_is_not_found(shop: Shop, path: str) -> None:
    answer = await shop.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_method_that_does_not_fit_is_told_which_do(shop: Shop) -> None:
    for path, methods in {
        "/v1/accounts/m-1/earn": "POST, OPTIONS",
        "/v1/accounts/m-1": "GET, HEAD, OPTIONS",
        "/v1/keys": "GET, POST, HEAD, OPTIONS",
        "/v1/program": "GET, PUT, HEAD, OPTIONS",
    }.items():
        answer = await shop.call("PATCH", path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == methods
        options = await shop.call("OPTIONS", path)
        assert (options.status_code, options.headers["allow"], options.content) == (204, methods, b"")


async def test_head_answers_as_get_does_without_a_body(shop: Shop) -> None:
    await shop.open("m-1")
    for path in ("/v1/accounts/m-1", "/v1/accounts/m-1/balance", "/docs/assets/swagger-ui.css"):
        got, head = await shop.get(path), await shop.call("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == got.headers["content-length"]


async def test_every_answer_says_that_it_is_not_to_be_kept_nor_guessed_at(shop: Shop) -> None:
    for path in ("/v1/accounts/m-1", "/v1/nothing", "/livez", "/docs"):
        answer = await shop.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


async def test_a_request_id_is_echoed_or_made(shop: Shop) -> None:
    answer = await shop.get("/v1/nothing", x_request_id="till-7/0001")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "till-7/0001"
    assert answer.json()["instance"] == "urn:ledger:request:till-7%2F0001"
    for unfit in ("", "a b", "x" * 129):
        first, second = [await shop.get("/v1/nothing", x_request_id=unfit) for _ in range(2)]
        assert first.headers["x-request-id"].startswith("req_")
        assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Overloaded("queue"), "overloaded"),
        (DatabaseUnavailable("10.0.0.1"), "database_unavailable"),
        (OutcomeUnknown("08006"), "outcome_unknown"),
        (ShuttingDown("bye"), "shutting_down"),
    ],
)
async def test_a_failure_is_503_and_says_when_to_come_back(
    database: TestDatabase, failure: Exception, code: str
) -> None:
    async with opening_shop(database.service_url, poster=Failing(failure)) as shop:
        answer = await shop.post("/v1/accounts/m-1/earn", {"points": 5})
        assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, code, True)
        assert answer.headers["retry-after"] in ("1", "2", "3")
        assert str(failure) not in answer.text
        bulk = await shop.post(
            "/v1/bulk",
            {
                "mode": "independent",
                "operations": [{"op": "earn", "account_id": "m-1", "idempotency_key": "b-1", "points": 5}],
            },
        )
        assert bulk.json()["results"][0]["body"]["code"] == code


async def test_a_bug_is_500_and_tells_nothing(database: TestDatabase) -> None:
    async with opening_shop(database.service_url, poster=Failing(ZeroDivisionError("secret"))) as shop:
        answer = await shop.post("/v1/accounts/m-1/earn", {"points": 5}, x_request_id="r-1")
        assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (
            500,
            "internal_error",
            "r-1",
        )
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


class Stuck:
    """Reads and rehearsals that never come back."""

    async def account(self, *_: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    rehearse = account

    def room_asked_for(self) -> None:
        return None

    @property
    def balances(self) -> "Stuck":
        return self

    def ask(self, *_: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/accounts/m-1", None),
        ("GET", "/v1/accounts/m-1/balance", None),
        ("POST", "/v1/accounts/m-1/earn?dry_run=true", {"points": 5}),
    ],
)
async def test_a_read_is_given_up_at_the_callers_deadline(
    database: TestDatabase, method: str, path: str, body: Any
) -> None:
    async with opening_shop(database.service_url, reads=Stuck(), poster=Stuck()) as shop:
        await shop.get("/v1/keys")  # from now on the shop's own key is known
        answer = await shop.call(method, path, body, x_request_timeout_ms="50")
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")


async def test_a_change_that_lasts_too_long_is_not_broken_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real, gate, written = shop.services.keys.create, asyncio.Event(), asyncio.Event()

    async def slowly(*arguments: Any) -> Any:
        await gate.wait()
        outcome = await real(*arguments)
        written.set()
        return outcome

    monkeypatch.setattr(type(shop.services.keys), "create", lambda _, *arguments: slowly(*arguments))
    body = {"scopes": ["read"], "source": "s"}
    await shop.get("/v1/keys")  # from now on the shop's own key is known
    answer = await shop.post("/v1/keys", body, idempotency_key="k-1", x_request_timeout_ms="50")
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    gate.set()
    await written.wait()
    again = await shop.post("/v1/keys", body, idempotency_key="k-1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")


async def test_a_problem_leads_to_a_page_about_it(shop: Shop) -> None:
    problem = (await shop.get("/v1/nothing")).json()
    page = await shop.client.get(problem["type"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "There is nothing here" in page.text
