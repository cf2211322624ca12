"""An instance that is killed at any moment: whoever was told something finds it in the books, once."""

import asyncio
import os
import random

from tests.faults.clients import (
    OUTCOMES,
    Diary,
    Till,
    assert_nothing_is_lost_or_doubled,
    open_accounts,
)
from tests.faults.conftest import Pair
from tests.verified import assert_verifies
from tests.wire import volley

KILLS = int(os.environ.get("LEDGER_KILLS", "20"))
"""An instance takes a second or two to start, so these take half a minute."""

TILLS = 8
ACKNOWLEDGED_BETWEEN_KILLS = (1, 60)


async def test_killing_an_instance_at_any_moment_loses_nothing_and_doubles_nothing(pair: Pair):
    await open_accounts(pair.urls[0], pair.program)
    diary = Diary()
    tills = [Till(f"till-{number}", turned(pair.urls, number), pair.program, diary) for number in range(TILLS)]
    chance = random.Random(os.urandom(8))

    async with asyncio.TaskGroup() as working:
        for till in tills:
            working.create_task(till.work())
        for _ in range(KILLS):
            await diary.until_more(chance.randint(*ACKNOWLEDGED_BETWEEN_KILLS))
            victim = chance.choice(pair.instances)
            victim.kill()
            await asyncio.to_thread(victim.start_again)
        await diary.until_more(TILLS)
        for till in tills:
            till.is_open = False

    assert diary.cut > 0
    statuses = assert_nothing_is_lost_or_doubled(diary, await pair.select(OUTCOMES))
    assert statuses.keys() == {201, 409}
    again = await volley(pair.urls, [request for request, _ in diary.acknowledged.values()][-500:])
    assert [answer.body for answer in again] == [answer.body for _, answer in diary.acknowledged.values()][-500:]
    assert all(answer.is_replay for answer in again)
    await assert_verifies(pair.database.read_url)


def turned(urls: list[str], number: int) -> list[str]:
    """The same URLs, beginning with another one."""
    start = number % len(urls)
    return urls[start:] + urls[:start]
