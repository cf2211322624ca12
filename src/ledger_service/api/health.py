"""Health: probes for whoever starts, stops and routes to this instance, and its metrics."""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST as PLAIN
from prometheus_client.exposition import generate_latest as plain
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from ledger_service.api.routes import NamedRoute
from ledger_service.api.wiring import Services
from ledger_service.errors import Failure

PING_SECONDS_MAX: Final = 0.5
"""How long the database may take to answer a probe; proxies wait a second for theirs."""

READY_WITHOUT_SECONDS: Final = 10.0
"""How long an instance stays ready without a database. While a failover runs no instance has one: taking all of them
out of the proxy would fail the requests that wait for the new primary, and answer the others with less than we know.
One that is cut off for longer than a failover takes should leave its place to others."""


def health_routes(services: Services) -> list[BaseRoute]:
    """The probes and /metrics."""

    last_answer = -math.inf

    async def database_lately() -> str:
        nonlocal last_answer
        found = await _database(services)
        if found == "ok":
            last_answer = time.monotonic()
        return "ok" if time.monotonic() - last_answer < READY_WITHOUT_SECONDS else found

    async def livez(request: Request) -> Response:
        # Never the database: a probe that touches it turns one failover into a storm of restarts.
        return _verdict(request, {"event_loop": "ok"})

    async def readyz(request: Request) -> Response:
        draining = "this instance is stopping" if services.is_draining() else "ok"
        return _verdict(request, {"draining": draining, "database": await database_lately()})

    async def startupz(request: Request) -> Response:
        return _verdict(request, {"database": await _database(services)})

    async def metrics(request: Request) -> Response:
        if "application/openmetrics-text" in request.headers.get("accept", ""):
            return Response(openmetrics(services.registry), headers={"Content-Type": OPENMETRICS})  # type: ignore[no-untyped-call]
        return Response(plain(services.registry), headers={"Content-Type": PLAIN})

    return [
        NamedRoute("/livez", livez),
        NamedRoute("/readyz", readyz),
        NamedRoute("/startupz", startupz),
        NamedRoute("/metrics", metrics),
    ]


async def _database(services: Services) -> str:
    try:
        async with asyncio.timeout(PING_SECONDS_MAX):
            await services.database.ping()
    except (Failure, TimeoutError):
        return "not available"
    return "ok"


def _verdict(request: Request, checks: Mapping[str, str]) -> Response:
    is_well = all(found == "ok" for found in checks.values())
    status = 200 if is_well else 503
    if "verbose" in request.query_params:
        return JSONResponse({"status": "ok" if is_well else "failing", "checks": dict(checks)}, status)
    return PlainTextResponse("ok" if is_well else "failing", status)
