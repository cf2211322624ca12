"""The application: every route in one place, and the layers around them."""

import asyncio
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ledger_service.api import balance
from ledger_service.api.balance import BalanceEndpoint
from ledger_service.api.budgets import Budgets
from ledger_service.api.calls import Callers
from ledger_service.api.identity import Identity
from ledger_service.api.observing import Observing, Traffic
from ledger_service.api.operations import operations_routes
from ledger_service.api.pages import problem_routes
from ledger_service.api.posting import PostingEndpoint
from ledger_service.api.problems import Unfit
from ledger_service.api.routers import ROUTERS
from ledger_service.api.routes import NamedRoute
from ledger_service.api.security import Keyring
from ledger_service.api.straight import HotRoutes
from ledger_service.api.validation import errors_of
from ledger_service.api.verbs import VERBS
from ledger_service.api.wiring import Services
from ledger_service.settings import Settings

NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
"""The framework's own telemetry reads the environment with every request, even when nothing is configured."""

__all__ = ["Api", "Services", "build_api"]


class Api(FastAPI):
    """The framework's application, and those of its routes that may pass it by."""

    hot: HotRoutes


def build_api(services: Services, settings: Settings) -> Api:
    """The HTTP contract on these services, to be served. Call it inside the running event loop.

    Without `admin_port` in the settings, the probes, metrics and documents are on it too.
    """
    loop = asyncio.get_running_loop()
    keyring = Keyring(services.keys, settings.key_cache_seconds, loop.time)
    budgets = Budgets(settings.rate_limit_per_second, settings.rate_limit_burst, loop.time)
    callers = Callers(services, keyring, Identity(services.pepper), settings.timeout_ms_default, budgets)
    # The first fit is served, and postings are most of what comes in.
    api = Api(openapi_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY)
    traffic = Traffic()
    hot = hot_routes(callers)
    api.hot = HotRoutes(hot, callers, traffic, services.is_draining, services.poster.room_asked_for)
    api.router.routes.extend(hot)
    for router in ROUTERS:
        api.router.routes.extend(router.routes)
    api.router.routes.extend(problem_routes())
    if settings.admin_port is None:
        api.router.routes.extend(operations_routes(services))
    api.state.callers = callers
    api.add_middleware(Observing, traffic=traffic)
    api.add_exception_handler(HTTPException, _no_route)
    api.add_exception_handler(RequestValidationError, _bad_parameters)
    return api


def hot_routes(callers: Callers) -> list[NamedRoute]:
    """The routes that do without the framework's work."""
    postings = [NamedRoute(verb.path, PostingEndpoint(verb, callers), methods=[verb.method]) for verb in VERBS]
    return [*postings, NamedRoute(balance.PATH, BalanceEndpoint(callers), methods=["GET"])]


async def _no_route(request: Request, raised: Exception) -> Response:
    allowed = sorted(
        {
            method
            for route in request.app.router.routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in getattr(route, "methods", None) or ()
        }
    )
    if not allowed or (isinstance(raised, HTTPException) and raised.status_code == 404):
        raise Unfit("not_found")
    allow = ", ".join(dict.fromkeys((*allowed, *(["HEAD"] if "GET" in allowed else []), "OPTIONS")))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow})
    raise Unfit("method_not_allowed", headers={"Allow": allow})


async def _bad_parameters(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, RequestValidationError)  # noqa: S101 - what it is registered for
    details = [{**detail, "loc": detail["loc"]} for detail in raised.errors()]
    raise Unfit("validation_failed", errors=errors_of(details))  # type: ignore[arg-type]
