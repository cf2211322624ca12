"""The server: uvicorn on a listening socket, without its signals, and with an end in which nobody is cut off."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BACKLOG = 2048
"""Connections the system may hold before we take them. One that finds no room is not refused but tried again by its
caller's system after a whole second, so this is more than any proxy opens at once; we take them all in one go, and what
they ask for is judged by the queue."""

ACCEPTED_AT_ONCE = 16
"""Connections taken in one round of the event loop. It takes one from each listening socket (libuv does since 1.45), so
the one we have is given to it so often. A busy round takes milliseconds: one by one, whoever opened a connection would
wait for as many rounds as there are others before it, unseen by any queue of ours."""

KEEP_ALIVE_SECONDS = 65
"""How long an idle connection stays open: longer than the 60 s after which proxies close theirs, so that it is the
proxy who closes and no request meets a connection that is just going."""

FAREWELL_SECONDS = 1.0
"""How long a stopping instance leaves idle connections open. Whoever sends one more request in that time is served and
told to close; closing at once would cut requests that are on the wire at that moment."""

POLL_SECONDS = 0.01

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn's server without its signals, which are ours, and with a word when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then say so."""
        await super().startup(sockets)
        self.is_listening.set()


@asynccontextmanager
async def listening(
    application: ASGIApp,
    listener: socket.socket,
    seconds_max: float,
    wire: Callable[..., asyncio.Protocol] = HttpToolsProtocol,
) -> AsyncIterator[None]:
    """Answer requests on `listener`, with a `wire` for each connection. Leaving takes nothing new and finishes, within
    `seconds_max`, what it has.

    Raises OSError: someone who bound the same port, as the kernel allows, was quicker to listen."""
    listener.listen(BACKLOG)
    config = uvicorn.Config(
        application,
        interface="asgi3",  # our outermost layer looks like none of the kinds that uvicorn can tell
        http=cast("type[asyncio.Protocol]", wire),  # whatever makes one does
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=None,  # with a number uvicorn would cancel requests, and so perhaps a commit
    )
    server = Server(config)
    listeners = [listener, *(listener.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]
    serving = asyncio.create_task(server.serve(sockets=listeners))
    started = asyncio.create_task(server.is_listening.wait())
    await asyncio.wait({serving, started}, return_when=asyncio.FIRST_COMPLETED)
    if started.cancel():
        await serving  # ended without having listened: raises why
    try:
        yield
    finally:
        await finish(server, serving, seconds_max)


async def finish(server: Server, serving: asyncio.Task[None], seconds_max: float) -> None:
    """Stop accepting, let callers go with an answer, close idle connections, and wait for the rest."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds_max
    farewell_end = min(end, loop.time() + FAREWELL_SECONDS)
    for accepting in server.servers:
        accepting.close()
    while server.server_state.connections and loop.time() < farewell_end:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(POLL_SECONDS)
    server.should_exit = True
    await asyncio.wait({serving}, timeout=end - loop.time())
    if not serving.done():
        logger.warning("stopping with unfinished requests", extra={"count": len(server.server_state.tasks)})
        server.force_exit = True  # stops waiting, cancels nothing
    await serving
