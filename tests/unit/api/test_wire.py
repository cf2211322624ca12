"""The wire: when an idle connection is closed. What it says on the way is in `tests/contracts/test_wire.py`."""

from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from ledger_service.api.answers import Answer
from ledger_service.api.straight import HotRoutes
from ledger_service.api.wire import Wire, _Passing

SECONDS = 65


class Clock:
    """The part of an event loop that tells the time and rings, at our word."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.made = 0

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, ring: Callable[[], None]) -> "Timer":
        self.made += 1
        self.timers.append((self.now + seconds, ring))
        return Timer(self, ring)

    def go_to(self, now: float) -> None:
        self.now = now
        due = [timer for timer in self.timers if timer[0] <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for _, ring in due:
            ring()


class Timer:
    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self.clock = clock
        self.ring = ring

    def cancel(self) -> None:
        self.clock.timers = [timer for timer in self.clock.timers if timer[1] != self.ring]


class Transport:
    is_closed = False
    written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, _: str) -> Any:
        return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(clock: Clock) -> Wire:
    config = uvicorn.Config(lambda: None, log_config=None, timeout_keep_alive=SECONDS)  # type: ignore[arg-type]
    config.load()
    wire = Wire(None, config, ServerState(), {}, clock)  # type: ignore[arg-type] - nothing hot is asked
    wire.connection_made(Transport())  # type: ignore[arg-type]
    return wire


def test_a_connection_is_closed_when_it_was_idle_for_as_long_as_allowed(wire: Wire, clock: Clock) -> None:
    wire.on_response_complete()
    clock.go_to(SECONDS - 0.1)
    assert not wire.transport.is_closing()
    clock.go_to(SECONDS)
    assert wire.transport.is_closing()


def test_every_request_begins_the_time_anew_with_one_timer_for_all(wire: Wire, clock: Clock) -> None:
    for number in range(600):
        clock.go_to(number / 10)
        wire.data_received(b"")
        wire.on_response_complete()
    assert clock.made == 1
    clock.go_to(SECONDS)
    assert not wire.transport.is_closing()
    clock.go_to(59.9 + SECONDS - 0.1)
    assert not wire.transport.is_closing()
    clock.go_to(59.9 + SECONDS)
    assert wire.transport.is_closing()


def test_a_connection_with_a_request_is_not_idle(wire: Wire, clock: Clock) -> None:
    wire.on_response_complete()
    clock.go_to(SECONDS / 2)
    wire.data_received(b"")
    clock.go_to(SECONDS * 10)
    assert not wire.transport.is_closing()
    wire.on_response_complete()
    clock.go_to(SECONDS * 11)
    assert wire.transport.is_closing()


def test_a_connection_that_is_lost_leaves_no_timer_behind(wire: Wire, clock: Clock) -> None:
    wire.on_response_complete()
    wire.connection_lost(None)
    assert clock.timers == []


@pytest.mark.parametrize("room", [None, 40])
def test_the_room_that_is_asked_for_is_told_with_every_answer_and_else_nothing(wire: Wire, room: int | None) -> None:
    wire.hot = HotRoutes([], None, None, lambda: False, lambda: room)  # type: ignore[arg-type] - nobody calls
    _Passing(wire).answer(Answer(201, b"{}"), b"till-7")
    head, _, body = wire.transport.written.partition(b"\r\n\r\n")  # type: ignore[attr-defined]
    told = [line for line in head.split(b"\r\n") if line.startswith(b"ledger-room")]
    assert told == ([] if room is None else [b"ledger-room: 40"])
    assert body == b"{}"
