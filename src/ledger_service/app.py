"""The composition root: open, wire, serve, drain, close. It reads downwards as the start and upwards as the stop."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.api.application import build_api
from ledger_service.api.operations import operations_routes
from ledger_service.api.wire import Wire
from ledger_service.api.wiring import Services
from ledger_service.metrics import BUILD_INFO, EVENT_LOOP_LAG
from ledger_service.posting.poster import Poster, PostingLimits
from ledger_service.server import listening
from ledger_service.settings import Settings
from ledger_service.storage.database import Database
from ledger_service.storage.due import Due
from ledger_service.storage.feed import Feed
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.keys import Keys
from ledger_service.storage.lookups import Lookups
from ledger_service.storage.programs import Programs
from ledger_service.storage.purchases import Purchases
from ledger_service.storage.reads import Reads
from ledger_service.upkeep.sweeper import Sweeper

GARBAGE_YOUNG = 10_000
"""New objects that make a round of the garbage collector, instead of 700. A bulk would be 8 % faster with 50,000, but
what is accepted in a flood waited longer (DECISIONS 0037)."""

LAG_SECONDS = 0.25
"""How often the event loop is asked how late it is."""

Beside = Callable[[], Awaitable[None]]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Stage:
    """Where this instance is in its life. Changes once, from serving to draining."""

    is_draining: bool = False


async def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    admin_listener: socket.socket | None = None,
    beside: Beside | None = None,
    sweep_seconds: float | None = None,
) -> None:
    """Serve on `listener`, a socket that is bound, until SIGTERM or SIGINT; then finish what was begun and return.

    `admin_listener`: where probes, metrics and docs are when the settings name an admin port. `beside` runs beside the
    service as soon as requests are answered; a stop cancels it. `sweep_seconds`: how often this instance does due work
    that nobody else did; None: it leaves that to `ledger-service upkeep`.
    Raises SchemaMismatch and DatabaseUnavailable when the database cannot be served, OSError when someone else listens
    there by now, and whatever `beside` raises."""
    BUILD_INFO.labels(version("ledger-service")).set(1)
    stage = Stage()
    pepper = settings.secret.get_secret_value().encode()
    with stop_signals() as stopped:
        async with (
            opening(settings) as database,
            Poster(PostgresJournal(database), posting_limits(settings)) as poster,
            watching_loop(),
        ):
            sweeper = Sweeper(Due(database), poster)
            services = Services(
                poster=poster,
                reads=Reads(database),
                lookups=Lookups(database),
                feed=Feed(database),
                programs=Programs(database),
                purchases=Purchases(database),
                keys=Keys(database, pepper),
                database=database,
                settle_due=sweeper.settle_program,
                pepper=pepper,
                is_draining=lambda: stage.is_draining,
            )
            api = build_api(services, settings)
            async with (
                operations_apart(services, admin_listener),
                listening(Farewell(api, stage), listener, settings.drain_seconds_max, partial(Wire, api.hot)),
                sweeper.sweeping(sweep_seconds),
            ):
                keep_what_is_there()
                await until_stopped(stopped, beside)
                stage.is_draining = True
                await asyncio.sleep(settings.drain_pause_seconds)


def keep_what_is_there() -> None:
    """Take what was made by now out of the garbage collector's rounds: it stays until the end. Each full round would
    look through all of it and stop every caller for 50 ms and more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_YOUNG)


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set, however often they come: a second one cuts nobody off either."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    # Not the loop's own handlers: when those end, a signal that comes while we close would kill us.
    def stop(*_: object) -> None:
        loop.call_soon_threadsafe(stopped.set)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def until_stopped(stopped: asyncio.Event, beside: Beside | None) -> None:
    """Return when told to stop, with `beside` ended by then, one way or the other. Raises what `beside` raises."""
    if beside is not None:
        running = asyncio.ensure_future(beside())
        stopping = asyncio.create_task(stopped.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not running.done():
                running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await stopped.wait()


def opening(settings: Settings) -> AbstractAsyncContextManager[Database]:
    """The database of the settings, once entered."""
    return Database.open(
        settings.database_url.get_secret_value(),
        lanes=settings.lanes,
        readers=settings.readers,
        reader_wait_ms_max=settings.reader_wait_ms_max,
    )


def posting_limits(settings: Settings) -> PostingLimits:
    """What the poster is allowed."""
    return PostingLimits(
        lanes=settings.lanes,
        queue_size_max=settings.queue_size_max,
        batch_size_max=settings.batch_size_max,
    )


class Farewell:
    """Once draining, tells every caller to close its connection after the answer. ASGI."""

    def __init__(self, application: ASGIApp, stage: Stage) -> None:
        self.application = application
        self.stage = stage

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the call on."""

        def send_farewell(message: Message) -> Awaitable[None]:
            # Asked when the answer starts: the request may have come before the stop.
            if self.stage.is_draining and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            return send(message)

        return self.application(scope, receive, send_farewell)


@asynccontextmanager
async def operations_apart(services: Services, listener: socket.socket | None) -> AsyncIterator[None]:
    """Probes, metrics and docs on a port of their own, if they have one. They stay until the main port has ended, so
    that the probes can tell that we are draining."""
    if listener is None:
        yield
        return
    async with listening(Starlette(routes=operations_routes(services)), listener, seconds_max=2.0):
        yield


@asynccontextmanager
async def opening_sweeper(settings: Settings) -> AsyncIterator[Sweeper]:
    """A sweeper on the database of the settings, without a service. Leaving it finishes what it has begun.

    Raises SchemaMismatch and DatabaseUnavailable."""
    async with (
        opening(settings) as database,
        Poster(PostgresJournal(database), posting_limits(settings)) as poster,
    ):
        yield Sweeper(Due(database), poster)


@asynccontextmanager
async def watching_loop() -> AsyncIterator[None]:
    """Measure how late the event loop wakes up: the first sign of a process that has too much to do."""
    watch = asyncio.create_task(measure_lag())
    try:
        yield
    finally:
        watch.cancel()


async def measure_lag() -> None:
    """Set the gauge for ever."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_SECONDS
        await asyncio.sleep(LAG_SECONDS)
        EVENT_LOOP_LAG.set(max(0.0, loop.time() - due))
