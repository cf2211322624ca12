"""The pool: a fixed number of connections, the last one used first, lost ones replaced."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from ledger_service.errors import DatabaseUnavailable, Overloaded
from ledger_service.storage.pool import Pool
from ledger_service.storage.urgency import Urgency


class Wire:
    """What the pool needs to know of a connection."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.was_lost = False

    def is_closed(self) -> bool:
        return self.was_lost

    async def close(self) -> None:
        self.was_lost = True


class Exchange:
    """Opens connections, and counts them."""

    def __init__(self) -> None:
        self.opened: list[Wire] = []
        self.failure: Exception | None = None

    async def connect(self) -> Any:
        if self.failure:
            raise self.failure
        self.opened.append(Wire(len(self.opened)))
        return self.opened[-1]


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


async def test_connections_are_opened_when_they_are_first_needed(exchange: Exchange):
    pool = Pool("write", 3, exchange.connect)
    async with pool.connection(), pool.connection():
        assert len(exchange.opened) == 2


async def test_the_connection_that_came_back_last_goes_out_first(exchange: Exchange):
    pool = Pool("write", 2, exchange.connect)
    async with pool.connection() as first:
        async with pool.connection() as second:
            pass
        assert (first, second) == tuple(exchange.opened)
    async with pool.connection() as again:
        assert again is first


async def test_a_lost_connection_is_replaced(exchange: Exchange):
    pool = Pool("write", 1, exchange.connect)
    async with pool.connection() as connection:
        connection.was_lost = True
    async with pool.connection() as connection:
        assert connection.number == 1


async def test_no_more_are_out_than_the_pool_has(exchange: Exchange):
    pool = Pool("write", 1, exchange.connect)
    async with pool.connection():
        waiting = asyncio.ensure_future(pool.connection().__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
    connection = await waiting
    assert connection is exchange.opened[0]


async def test_who_waits_too_long_is_told_that_it_is_overloaded(exchange: Exchange):
    pool = Pool("read", 1, exchange.connect, wait_seconds_max=0)
    async with pool.connection():
        with pytest.raises(Overloaded):
            async with pool.connection():
                pass
    async with pool.connection():
        pass


async def test_reports_leave_connections_to_balances(exchange: Exchange):
    pool = Pool("read", 2, exchange.connect, wait_seconds_max=0)
    async with pool.connection(Urgency.REPORT):
        before = shed("report")
        with pytest.raises(Overloaded):
            async with pool.connection(Urgency.REPORT):
                pass
        assert shed("report") == before + 1
        async with pool.connection():
            assert len(exchange.opened) == 2


def shed(label: str) -> float:
    return REGISTRY.get_sample_value("ledger_shed_total", {"reason": "pool", "class": label}) or 0.0


async def test_the_urgent_get_the_next_connection(exchange: Exchange):
    pool, order = Pool("read", 1, exchange.connect), []

    async def read(urgency: Urgency) -> None:
        async with pool.connection(urgency):
            order.append(urgency)

    async with pool.connection():
        waiting = []
        for urgency in reversed(Urgency):
            waiting.append(asyncio.ensure_future(read(urgency)))
            await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == list(Urgency)


async def test_a_connection_that_cannot_be_opened_costs_no_place(exchange: Exchange):
    pool = Pool("write", 1, exchange.connect)
    exchange.failure = ConnectionRefusedError()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            async with pool.connection():
                pass
    exchange.failure = None
    async with pool.connection():
        pass


async def test_an_error_of_the_user_costs_no_place_and_no_connection(exchange: Exchange):
    pool = Pool("write", 1, exchange.connect)
    for _ in range(3):
        with pytest.raises(ValueError):
            async with pool.connection():
                raise ValueError
    assert len(exchange.opened) == 1


async def test_a_waiter_who_gives_up_takes_nobodys_place(exchange: Exchange):
    pool = Pool("write", 1, exchange.connect)
    async with pool.connection():
        waiting = asyncio.ensure_future(pool.connection().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with pool.connection():
        pass


async def test_closing_closes_what_is_idle(exchange: Exchange):
    pool = Pool("write", 2, exchange.connect)
    async with pool.connection(), pool.connection():
        pass
    await pool.close()
    assert all(wire.was_lost for wire in exchange.opened)
