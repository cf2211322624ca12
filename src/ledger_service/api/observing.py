"""Observing: the outermost layer. Gives every request its id and every raise its problem; counts and logs answers."""

import logging
import re
import traceback
from collections.abc import Iterator
from os import urandom
from time import perf_counter
from typing import Any, Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.api.answers import problem_of
from ledger_service.api.calls import EXCHANGE, Exchange
from ledger_service.api.problems import Unfit
from ledger_service.errors import Failure
from ledger_service.metrics import ACTIVE_REQUESTS, REQUEST_DURATION

UNMATCHED: Final = "unmatched"
"""The route of requests for which there is none: their paths would grow without end."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_GONE: Final = 499
"""The status under which a request counts whose caller left before the answer."""

_REQUEST_ID: Final = re.compile(rb"[!-~]{1,128}")
_OF_ORDER: Final = re.compile(rb"/v1/orders/[^/]+/[a-z]+")
NO_STORE: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))

access = logging.getLogger("ledger_service.access")
logger = logging.getLogger(__name__)


class Traffic:
    """What is counted of requests, whichever way they came."""

    __slots__ = ("active", "durations")

    def __init__(self) -> None:
        self.active = 0
        self.durations: dict[tuple[str, str, int], _Series] = {}
        ACTIVE_REQUESTS.set_function(lambda: self.active)

    def observe(self, route: str, method: str, status: int, exchange: Exchange, seconds: float) -> None:
        """Count and log a request that was answered."""
        labels = (method, route, status)
        series = self.durations.get(labels)
        if series is None:
            series = self.durations[labels] = REQUEST_DURATION.labels(method, route, str(status))
        series.observe(seconds)
        if (status >= 400 or method not in ("GET", "HEAD")) and access.isEnabledFor(logging.INFO):
            line = _line(method, route, status, exchange, seconds)
            # Not `info`: it walks the stack for a place that is always this one.
            access.handle(access.makeRecord(access.name, logging.INFO, "", 0, "answered", (), None, extra=line))


class Observing:
    """ASGI around whatever answers requests."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = dict(scope["headers"])
        request_id = request_id_of(headers)
        exchange = scope[EXCHANGE] = Exchange(request_id.decode(), headers)
        method: str = scope["method"]
        status = 0
        if method == "HEAD":
            # Not in place: the server looks there, too, to know whether an answer has a body.
            scope = {**scope, "method": "GET"}

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *NO_STORE, (b"x-request-id", request_id)]
            elif method == "HEAD":
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        self._traffic.active += 1
        try:
            # No id but an order's has a slash. Decoded, it would lead to another route than a proxy let through.
            if b"%2f" in scope["raw_path"].lower() and not _OF_ORDER.fullmatch(scope["raw_path"]):
                raise Unfit("not_found")
            await self._app(scope, receive, send_observed)
        except ClientDisconnect:
            status = status or CLIENT_GONE
        except Exception as raised:
            if not isinstance(raised, Unfit | Failure):
                log_bug(raised, exchange.request_id)
            if status:
                raise
            problem = problem_of(raised, exchange.request_id)
            exchange.code = problem.code
            await problem.send(send_observed)
        finally:
            self._traffic.active -= 1
            route = getattr(scope.get("route"), "path", UNMATCHED)
            counted = method if method in METHODS else "_OTHER"
            self._traffic.observe(route, counted, status or CLIENT_GONE, exchange, perf_counter() - started)


def request_id_of(headers: dict[bytes, bytes]) -> bytes:
    """The caller's own id of the request, or one that is made here."""
    asked = headers.get(b"x-request-id")
    return asked if asked is not None and _REQUEST_ID.fullmatch(asked) else next(_fresh_ids)


def _ids() -> Iterator[bytes]:
    """Request ids without end. Randomness for 256 at a time: asking the system costs as much as a request's parsing."""
    while True:
        drawn = urandom(256 * 16).hex().encode()
        for place in range(0, len(drawn), 32):
            yield b"req_" + drawn[place : place + 32]


_fresh_ids: Final = _ids()


class _Series(Protocol):
    def observe(self, amount: float) -> None: ...


def _line(method: str, route: str, status: int, exchange: Exchange, seconds: float) -> dict[str, Any]:
    """What may be said of a request: never a body, an identifier or an account."""
    line: dict[str, Any] = {
        "request_id": exchange.request_id,
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 3),
    }
    if exchange.code is not None:
        line["code"] = exchange.code
    if exchange.principal is not None:
        line["program"] = exchange.principal.slug
        line["key_id"] = exchange.principal.key_id
    return line


def log_bug(raised: Exception, request_id: str) -> None:
    """Where it broke, without the exception's text: that may hold what the caller sent."""
    places = "".join(traceback.format_tb(raised.__traceback__))
    logger.error("%s\n%s", type(raised).__name__, places, extra={"request_id": request_id})
