"""Probes, metrics and documents: for whoever runs the service, without a key."""

import json
import re

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from ledger_service.api.catalogue import CATALOGUE
from ledger_service.api.documents import openapi_document
from ledger_service.api.operations import operations_routes
from ledger_service.errors import DatabaseUnavailable
from ledger_service.settings import Settings
from tests.api.shop import Shop, opening_shop
from tests.servers import TestDatabase


class Gone:
    """A database that cannot be reached."""

    async def ping(self) -> None:
        raise DatabaseUnavailable("gone")


async def test_an_instance_that_serves_is_alive_started_and_ready(shop: Shop) -> None:
    for probe in ("/livez", "/startupz", "/readyz"):
        answer = await shop.client.get(probe)
        assert (answer.status_code, answer.text) == (200, "ok")
    verbose = (await shop.client.get("/readyz?verbose")).json()
    assert verbose == {"status": "ok", "checks": {"draining": "ok", "database": "ok"}}


async def test_a_draining_instance_is_alive_and_not_ready(shop: Shop) -> None:
    shop.stage["is_draining"] = True
    assert (await shop.client.get("/readyz")).status_code == 503
    assert (await shop.client.get("/livez")).status_code == 200


async def test_without_its_database_an_instance_is_alive_and_not_ready(database: TestDatabase) -> None:
    async with opening_shop(database.service_url, database=Gone()) as shop:
        assert (await shop.client.get("/livez")).status_code == 200
        answer = await shop.client.get("/readyz?verbose")
        assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "not available")


async def test_metrics_name_routes_never_accounts(shop: Shop) -> None:
    await shop.open("m-secret-account")
    await shop.get("/v1/accounts/m-secret-account/balance")
    await shop.get("/v1/secret-path")
    await shop.call("SECRET", "/v1/keys")
    plain = await shop.client.get("/metrics")
    openmetrics = await shop.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert plain.headers["content-type"].startswith("text/plain")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    counted = {
        (labels["http_request_method"], labels["http_response_status_code"], labels["http_route"])
        for line in plain.text.splitlines()
        if line.startswith("http_server_request_duration_seconds_count")
        for labels in [dict(re.findall(r'(\w+)="([^"]*)"', line))]
    }
    assert counted >= {
        ("GET", "200", "/v1/accounts/{account_id}/balance"),
        ("POST", "201", "/v1/accounts"),
        ("GET", "404", "unmatched"),
        ("_OTHER", "405", "/v1/keys"),
    }
    assert "secret" not in plain.text


async def test_the_document_is_served_as_it_is_kept(shop: Shop) -> None:
    answer = await shop.client.get("/openapi.json")
    assert json.loads(answer.text) == openapi_document()


async def test_the_docs_page_needs_nothing_from_elsewhere(shop: Shop) -> None:
    page = await shop.client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "<script>" not in page.text
    links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert all(link.startswith(("/docs/assets/", "data:")) for link in links)
    for link in links:
        if link.startswith("/"):
            asset = await shop.client.get(link)
            assert asset.status_code == 200
            assert asset.content
    assert (await shop.client.get("/")).headers["location"] == "/docs"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpages.py", "%2e%2e"])
async def test_only_assets_are_served_as_assets(shop: Shop, name: str) -> None:
    assert (await shop.client.get(f"/docs/assets/{name}")).status_code == 404


async def test_every_problem_has_its_page(shop: Shop) -> None:
    overview = (await shop.client.get("/problems")).text
    for code in CATALOGUE:
        page = await shop.client.get(f"/problems/{code}")
        assert page.status_code == 200
        assert code in page.text
        assert f"/problems/{code}" in overview
    assert (await shop.client.get("/problems/nothing")).status_code == 404


async def test_with_a_port_of_their_own_they_are_not_on_the_main_one(database: TestDatabase) -> None:
    async with opening_shop(database.service_url, Settings(admin_port=0)) as shop:
        for path in ("/metrics", "/readyz", "/docs", "/openapi.json"):
            assert (await shop.client.get(path)).status_code == 404
        assert (await shop.client.get("/problems/not_found")).status_code == 200
        apart: ASGIApp = Starlette(routes=operations_routes(shop.services))
        shop.client._transport.app = apart  # type: ignore[attr-defined]
        for path in ("/metrics", "/readyz", "/docs", "/openapi.json"):
            assert (await shop.client.get(path)).status_code == 200
