"""The wire: HTTP/1.1 as uvicorn speaks it, but for requests of hot routes that came whole: these go straight.

uvicorn makes a task, two queues and some twenty calls of each request. A hot one that is complete when its bytes are
read needs none of them. Everything else (a body in pieces, an odd header, a pipeline, a proxy's upgrade) is uvicorn's.
"""

import re
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ledger_service.api.answers import Answer
from ledger_service.api.bodies import SIZE_MAX
from ledger_service.api.observing import NO_STORE
from ledger_service.api.straight import HotRoute, HotRoutes, Passage

_URL: Final = re.compile(rb"/v1/accounts/([A-Za-z0-9._~-]{1,64})/([a-z]+)(?:\?([^#]*))?")
_ODD: Final = frozenset({b"expect", b"transfer-encoding", b"content-encoding", b"upgrade", b"connection"})
"""Headers with which a request goes the ordinary way; `connection: keep-alive` is what everybody means anyway."""
_NO_STORE: Final = b"".join(b"%b: %b\r\n" % header for header in NO_STORE)


class _Heard:
    """Stands for uvicorn's event that something more came: nobody waits for it here."""

    def set(self) -> None:
        pass


class _Passing:
    """A hot request on its way; to uvicorn it looks like one of its own."""

    __slots__ = ("disconnected", "keep_alive", "response_complete", "wire")

    message_event: Final = _Heard()

    def __init__(self, wire: "Wire") -> None:
        self.wire = wire
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True

    def answer(self, answered: Answer, request_id: bytes) -> None:
        """Send the answer, if there still is somebody to get it, and let the next request come."""
        self.response_complete = True
        wire = self.wire
        if self.disconnected or wire.transport.is_closing():
            return
        closes = not self.keep_alive or wire.hot.is_draining()
        head = [STATUS_LINE[answered.status]]
        for name, value in wire.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        for name, value in answered.headers:
            head += (name, b": ", value, b"\r\n")
        if answered.status not in (204, 304):
            head.append(b"content-length: %d\r\n" % len(answered.body))
        head += (_NO_STORE, b"x-request-id: ", request_id, b"\r\n")
        room = wire.hot.room_asked_for()
        if room is not None:
            head.append(b"ledger-room: %d\r\n" % room)
        if closes:
            head.append(b"connection: close\r\n")
        head += (b"\r\n", answered.body)
        wire.transport.write(b"".join(head))
        if closes:
            wire.transport.close()
        wire.on_response_complete()


class Wire(HttpToolsProtocol):
    """One connection."""

    def __init__(self, hot: HotRoutes, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.hot = hot
        self._found: tuple[HotRoute, str, bytes] | None = None
        """Of a hot request whose headers came: its route, its account and its query string."""
        self._content = b""
        self._idle_since: float | None = None
        """An instant of the loop's clock; None while there is a request."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, and its timer with it."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def _unset_keepalive_if_required(self) -> None:
        """Not idle any more. The timer goes on: one made and cancelled for each request would cost more than looking at
        the clock when it rings."""
        self._idle_since = None

    def on_response_complete(self) -> None:
        """Let the next request come, or begin to be idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_idly(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """The timer rings: close what has been idle for as long as that."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._wait_idly(left)

    def _wait_idly(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Read what came. What did not come whole goes the ordinary way, where bodies have their time."""
        super().data_received(data)
        if self._found is not None and not self.transport.is_closing():
            self._give_way()

    def on_headers_complete(self) -> None:
        """Look whether it is a request of a hot route that may go straight."""
        self._found = self._find()
        if self._found is None:
            super().on_headers_complete()
        else:
            self._content = b""

    def on_body(self, body: bytes) -> None:
        """Keep it."""
        if self._found is None:
            super().on_body(body)
        else:
            self._content += body

    def on_message_complete(self) -> None:
        """A request came whole."""
        if self._found is not None:
            route, account_id, query = self._found
            before, passing = self.cycle, _Passing(self)
            self.cycle = cast("RequestResponseCycle", passing)  # all of a cycle that uvicorn asks for then
            if Passage(self.hot, route, passing.answer).begin(self.headers, account_id, query, self._content):
                self._found = None
                return
            self.cycle = before
            self._give_way()
        super().on_message_complete()

    def _find(self) -> tuple[HotRoute, str, bytes] | None:
        found = _URL.fullmatch(self.url)
        if found is None:
            return None
        method = self.parser.get_method()
        route = self.hot.find(method, found[2])
        if route is None or (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
            return None
        query = found[3] or b""
        if not route.endpoint.can_begin(query) or self.hot.is_draining():
            return None
        size = kind = None
        for name, value in self.headers:
            if name == b"content-length":
                size = value
            elif name == b"content-type":
                kind = value
            elif name in _ODD and (name != b"connection" or value.lower() != b"keep-alive"):
                return None
        if method == b"GET":
            if size is not None:
                return None
        elif kind != b"application/json" or size is None or not size.isdigit() or int(size) > SIZE_MAX:
            return None
        if self.parser.get_http_version() != "1.1":
            return None
        return route, found[1].decode(), query

    def _give_way(self) -> None:
        """The ordinary way for a request that was to go straight, with what came of it until now."""
        self._found = None
        super().on_headers_complete()
        if self._content:
            super().on_body(self._content)
