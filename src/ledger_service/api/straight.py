"""Straight: hot requests as they go from the parser to the poster and back, without a task of their own.

The same calls, commands and answers as on the ordinary way, only nobody waits for them: what can be decided at once is,
and the rest is told by a future. Whatever needs more goes the ordinary way.
"""

from asyncio import Future
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final, Protocol

from starlette.routing import Route

from ledger_service import stations
from ledger_service.api.answers import Answer, problem_of
from ledger_service.api.calls import Call, Callers, Exchange, Headers
from ledger_service.api.observing import Traffic, log_bug, request_id_of
from ledger_service.api.problems import Unfit
from ledger_service.errors import Failure

PREFIX: Final = "/v1/accounts/{account_id}/"


class Endpoint(Protocol):
    """A hot route."""

    scope: str
    """That the caller's key needs."""

    def can_begin(self, query: bytes) -> bool:
        """Whether a request with this query string may go straight."""

    def begin(
        self, call: Call, account_id: str, query: bytes, content: bytes
    ) -> tuple[Future[Any], Callable[[Any], Answer]]:
        """What will be known, and how that is answered. Both raise Unfit and Failure."""


class HotRoute:
    """A hot route by its method, under `/v1/accounts/{account_id}/<word>`."""

    __slots__ = ("endpoint", "method", "path")

    def __init__(self, method: str, path: str, endpoint: Endpoint) -> None:
        self.method = method
        self.path = path
        self.endpoint = endpoint


class HotRoutes:
    """All hot routes, and what their requests are given."""

    def __init__(
        self,
        routes: Iterable[Route],
        callers: Callers,
        traffic: Traffic,
        is_draining: Callable[[], bool],
        room_asked_for: Callable[[], int | None],
    ) -> None:
        self.callers = callers
        self.traffic = traffic
        self.is_draining = is_draining
        self.room_asked_for = room_asked_for
        """How many commands a proxy should let through at once; told with every answer while it is not None."""
        self._routes: dict[tuple[bytes, bytes], HotRoute] = {}
        for route in routes:
            word = route.path.removeprefix(PREFIX)
            if word == route.path or "/" in word or not getattr(route.app, "goes_straight", False):
                continue
            for method in (route.methods or set()) - {"HEAD"}:
                self._routes[method.encode(), word.encode()] = HotRoute(method, route.path, route.app)  # type: ignore[arg-type]

    def find(self, method: bytes, word: bytes) -> HotRoute | None:
        """The route of `/v1/accounts/{account_id}/<word>`."""
        return self._routes.get((method, word))


class Passage:
    """One hot request on its way. `send` gets its answer, once, now or later; unless `begin` says that it goes the
    ordinary way."""

    __slots__ = ("_answer_to", "_exchange", "_hot", "_route", "_send", "_started")

    def __init__(self, hot: HotRoutes, route: HotRoute, send: Callable[[Answer, bytes], None]) -> None:
        self._hot = hot
        self._route = route
        self._send = send

    def begin(self, sent: Headers, account_id: str, query: bytes, content: bytes) -> bool:
        """Begin; False, with nothing done, when the request has to go the ordinary way."""
        self._started = perf_counter()
        headers = dict(sent)
        self._exchange = Exchange(request_id_of(headers).decode(), headers)
        endpoint, traffic = self._route.endpoint, self._hot.traffic
        traffic.active += 1
        try:
            call = self._hot.callers.call_at_once(self._exchange, sent, endpoint.scope)
            if call is None:
                traffic.active -= 1
                return False
            known_at = perf_counter()
            stations.AUTH.note(known_at - self._started)
            future, self._answer_to = endpoint.begin(call, account_id, query, content)
            stations.PARSE.note(perf_counter() - known_at)
        except Exception as raised:  # a bug is answered like everything else
            self._fail(raised)
        else:
            future.add_done_callback(self._end)
        return True

    def _end(self, future: Future[Any]) -> None:
        ended = perf_counter()
        try:
            answered = self._answer_to(future.result())
        except Exception as raised:  # as above
            self._fail(raised)
        else:
            self._finish(answered)
            stations.ANSWER.note(perf_counter() - ended)

    def _fail(self, raised: Exception) -> None:
        if not isinstance(raised, Unfit | Failure):
            log_bug(raised, self._exchange.request_id)
        self._finish(problem_of(raised, self._exchange.request_id))

    def _finish(self, answered: Answer) -> None:
        exchange = self._exchange
        exchange.code = answered.code
        self._hot.traffic.active -= 1
        try:
            self._send(answered, exchange.request_id.encode())
        finally:
            route = self._route
            seconds = perf_counter() - self._started
            self._hot.traffic.observe(route.path, route.method, answered.status, exchange, seconds)
