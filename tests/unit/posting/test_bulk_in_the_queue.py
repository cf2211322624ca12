"""A bulk in the queue: what waits is filled up as batches leave, so that they leave full."""

import asyncio
from types import SimpleNamespace
from typing import Any

from ledger_service.api.turnstile import Turnstile
from ledger_service.posting.poster import Poster, PostingLimits
from tests.builders import earn
from tests.unit.posting.fake_journal import FakeJournal
from tests.unit.posting.virtual_time import soon


async def test_a_bulk_goes_in_when_a_batch_leaves_and_does_not_wait_until_it_is_back() -> None:
    journal, clock = FakeJournal(), asyncio.get_running_loop().time
    journal.gate.delays.extend([10.0, 10.0])
    async with Poster(journal, PostingLimits(batch_size_max=2, lanes=2)) as poster:
        call: Any = SimpleNamespace(services=SimpleNamespace(poster=poster), program_id=1, deadline=soon(60))
        turnstile, started_at = Turnstile(call), clock()
        answers = [await turnstile.enter(earn(10, account_id=f"m-{number}")) for number in range(6)]
        # Two travel in each lane and two wait, and no time has passed: no timer had to ring for any of them.
        assert clock() == started_at
        assert [len(commands) for commands in journal.loads] == [2, 2]
        await asyncio.gather(*answers)
