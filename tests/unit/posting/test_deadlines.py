"""Deadlines: everyone is called in time, and only who is still waiting."""

import asyncio

from ledger_service.posting.batch import Ticket
from ledger_service.posting.deadlines import Deadlines
from tests.unit.posting.tickets import ticket
from tests.unit.posting.virtual_time import soon


class Calls:
    def __init__(self) -> None:
        self.at: dict[Ticket, float] = {}

    def __call__(self, late: Ticket) -> None:
        self.at[late] = asyncio.get_running_loop().time()


async def test_nobody_is_called_early_or_more_than_10_ms_late() -> None:
    calls = Calls()
    deadlines = Deadlines(calls)
    due = {ticket(): soon(0.0031 * number) for number in range(1, 100)}
    for one, deadline in due.items():
        deadlines.watchers(deadline).add(one)
    await asyncio.sleep(1)
    assert calls.at.keys() == due.keys()
    assert all(0 <= calls.at[one] - deadline <= 0.0101 for one, deadline in due.items())


async def test_who_was_answered_is_not_called() -> None:
    calls = Calls()
    deadlines = Deadlines(calls)
    watchers = deadlines.watchers(soon(0.1))
    answered = ticket()
    watchers.add(answered)
    watchers.discard(answered)
    await asyncio.sleep(1)
    assert calls.at == {}


async def test_near_deadlines_share_one_timer() -> None:
    deadlines = Deadlines(Calls())
    assert deadlines.watchers(1234.561) is deadlines.watchers(1234.569)
    assert deadlines.watchers(1234.561) is not deadlines.watchers(1234.571)


async def test_those_not_answered_can_be_listed() -> None:
    deadlines = Deadlines(Calls())
    waiting = [ticket(), ticket()]
    for number, one in enumerate(waiting):
        deadlines.watchers(soon(1 + number)).add(one)
    assert set(deadlines.unanswered()) == set(waiting)


async def test_nothing_is_kept_of_deadlines_that_passed() -> None:
    deadlines = Deadlines(Calls())
    deadlines.watchers(soon(0.1)).add(ticket())
    await asyncio.sleep(1)
    assert list(deadlines.unanswered()) == []
