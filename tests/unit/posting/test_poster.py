"""The poster as its callers see it. Its laws, over any interleaving, are in `test_poster_laws.py`."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from ledger_service.errors import (
    DatabaseUnavailable,
    OutcomeUnknown,
    Overloaded,
    ShuttingDown,
)
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Posted, Replayed
from ledger_service.posting.poster import Poster, PostingLimits
from tests.builders import earn, entry_of, redeem, refusal_of
from tests.unit.posting.fake_journal import FakeJournal, failing
from tests.unit.posting.virtual_time import soon, until_all_wait


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
async def poster(journal: FakeJournal) -> AsyncIterator[Poster]:
    async with Poster(journal, PostingLimits()) as poster:
        yield poster
    assert not journal.met, "an account was in two running batches"


def posting(poster: Poster, command: Command, seconds: float = 1.0) -> asyncio.Task[object]:
    return asyncio.ensure_future(poster.post(1, command, soon(seconds)))


async def test_a_command_is_answered_when_it_is_in_the_books(journal: FakeJournal, poster: Poster) -> None:
    command = earn(50)
    outcome = await poster.post(1, command, soon())
    assert journal.entries(command.account_id) == [entry_of(outcome)]


async def test_a_refusal_is_an_answer(poster: Poster) -> None:
    await poster.post(1, earn(50), soon())
    outcome = await poster.post(1, redeem(80), soon())
    assert refusal_of(outcome).code == "insufficient_points"


async def test_the_same_key_again_is_replayed(poster: Poster) -> None:
    command = earn(50)
    first = await poster.post(1, command, soon())
    assert await poster.post(1, command, soon()) == Replayed(first)


async def test_a_replay_does_not_go_to_the_gate(journal: FakeJournal, poster: Poster) -> None:
    command = earn(50)
    await poster.post(1, command, soon())
    await poster.post(1, command, soon())
    assert len(journal.proposals) == 1


async def test_what_comes_while_the_lanes_are_busy_travels_together(journal: FakeJournal) -> None:
    async with Poster(journal, PostingLimits(lanes=2)) as poster:
        journal.gate.close()
        first = [posting(poster, earn(account_id=name)) for name in ("first", "second")]
        await until_all_wait()
        later = [posting(poster, earn(account_id=f"m-{number}")) for number in range(100)]
        await until_all_wait()
        journal.gate.open()
        await asyncio.gather(*first, *later)
    assert [len(load) for load in journal.loads] == [2, 51, 49]


async def test_commands_on_one_account_keep_their_order(journal: FakeJournal, poster: Poster) -> None:
    commands = [earn(1) for _ in range(1000)]
    await asyncio.gather(*(poster.post(1, command, soon()) for command in commands))
    assert journal.keys(commands[0].account_id) == [command.key for command in commands]


async def test_a_rehearsal_writes_nothing(journal: FakeJournal, poster: Poster) -> None:
    outcome = await poster.rehearse(1, earn(50, key=None))
    assert isinstance(outcome, Posted)
    assert journal.proposals == []


async def test_a_rehearsal_does_not_wait_for_busy_lanes(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.close()
    writing = posting(poster, earn())
    await until_all_wait()
    assert isinstance(await poster.rehearse(1, earn(key=None)), Posted)
    journal.gate.open()
    await writing


async def test_more_than_may_wait_is_refused_at_once(journal: FakeJournal) -> None:
    async with Poster(journal, PostingLimits(lanes=1, queue_size_max=3)) as poster:
        journal.load.close()
        running = posting(poster, earn())
        await until_all_wait()
        waiting = [posting(poster, earn()) for _ in range(3)]
        await until_all_wait()
        with pytest.raises(Overloaded):
            await poster.post(1, earn(), soon())
        journal.load.open()
        await asyncio.gather(running, *waiting)


async def test_a_command_whose_deadline_passes_while_it_waits_is_not_carried_out(
    journal: FakeJournal,
) -> None:
    async with Poster(journal, PostingLimits(lanes=1)) as poster:
        journal.load.close()
        running = posting(poster, earn(account_id="busy"), seconds=9)
        await until_all_wait()
        late = earn(account_id="late")
        with pytest.raises(Overloaded):
            await poster.post(1, late, soon(0.5))
        journal.load.open()
        await running
    assert journal.entries("late") == []


async def test_an_answer_comes_at_the_deadline_and_not_before(journal: FakeJournal, poster: Poster) -> None:
    journal.load.close()
    clock = asyncio.get_running_loop().time
    deadline = soon(0.5)
    with pytest.raises(Overloaded):
        await poster.post(1, earn(), deadline)
    assert deadline <= clock() <= deadline + 0.011
    journal.load.open()


async def test_late_before_the_gate_means_that_nothing_is_written(journal: FakeJournal, poster: Poster) -> None:
    journal.load.close()
    late, in_time = earn(account_id="late"), earn(account_id="in-time")
    tasks = [posting(poster, late, 0.1), posting(poster, in_time, 9)]
    with pytest.raises(Overloaded):
        await tasks[0]
    journal.load.open()
    await tasks[1]
    assert journal.entries("late") == []
    assert len(journal.entries("in-time")) == 1


async def test_late_at_the_gate_means_that_nobody_knows(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.close()
    command = earn()
    with pytest.raises(OutcomeUnknown):
        await poster.post(1, command, soon(0.1))
    journal.gate.open()
    assert isinstance(await poster.post(1, command, soon()), Replayed)


async def test_late_without_a_database_says_so(journal: FakeJournal, poster: Poster) -> None:
    journal.load.before.extend(failing(DatabaseUnavailable("no primary")) for _ in range(1000))
    with pytest.raises(DatabaseUnavailable):
        await poster.post(1, earn(), soon(2))
    assert len(journal.loads) < 100, "it must not hammer a database that is not there"
    journal.load.before.clear()


@pytest.mark.parametrize("turns", range(25))
async def test_a_caller_who_leaves_at_any_point_does_not_stop_its_command(
    journal: FakeJournal, poster: Poster, turns: int
) -> None:
    journal.load.delays.extend([0] * 2)
    journal.gate.delays.extend([0] * 2)
    command = earn()
    caller = posting(poster, command)
    await asyncio.sleep(0)  # a task that never began has posted nothing
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    outcome = await poster.post(1, command, soon())
    assert isinstance(outcome, Replayed), "the first call has written it"
    assert journal.load.cancelled == journal.gate.cancelled == 0


async def test_draining_takes_nothing_new_and_finishes_what_waits(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.close()
    waiting = [posting(poster, earn()) for _ in range(3)]
    await until_all_wait()
    poster.drain()
    with pytest.raises(ShuttingDown):
        await poster.post(1, earn(), soon())
    journal.gate.open()
    outcomes = await asyncio.gather(*waiting)
    assert all(isinstance(outcome, Posted) for outcome in outcomes)


async def test_leaving_answers_all_who_wait(journal: FakeJournal) -> None:
    journal.gate.delays.append(0.2)
    journal.gate.before.append(failing(OutcomeUnknown("lost")))
    async with Poster(journal, PostingLimits(lanes=1, batch_size_max=1)) as poster:
        waiting = [posting(poster, earn()) for _ in range(5)]
        await until_all_wait()
    assert all(isinstance(task.result(), Posted) for task in waiting)


async def test_leaving_waits_for_the_commands_of_callers_who_left(journal: FakeJournal) -> None:
    async with Poster(journal, PostingLimits()) as poster:
        caller = posting(poster, earn(account_id="gone"))
        await asyncio.sleep(0)
        caller.cancel()
    assert len(journal.entries("gone")) == 1


async def test_before_it_is_entered_a_poster_takes_nothing(journal: FakeJournal) -> None:
    with pytest.raises(ShuttingDown):
        await Poster(journal, PostingLimits()).post(1, earn(), soon())


class LaneDied(BaseException):
    """What no lane survives."""


async def test_a_lane_that_ends_unasked_is_a_failure_of_the_poster(journal: FakeJournal) -> None:
    def die() -> None:
        raise LaneDied

    opened: asyncio.Future[Poster] = asyncio.get_running_loop().create_future()

    async def live() -> None:
        async with Poster(journal, PostingLimits()) as poster:
            opened.set_result(poster)
            await asyncio.Event().wait()

    life = asyncio.ensure_future(live())
    poster = await opened
    journal.gate.close()
    writing = posting(poster, earn(account_id="at-the-gate"), seconds=9)
    await until_all_wait()
    journal.load.before.append(die)
    dying = posting(poster, earn(account_id="dying"), seconds=9)
    told = await asyncio.gather(dying, writing, return_exceptions=True)
    assert [type(failure) for failure in told] == [ShuttingDown, OutcomeUnknown]
    with pytest.raises(ShuttingDown):
        await poster.post(1, earn(), soon())
    await until_all_wait()
    assert not life.done(), "the other lane waits for its COMMIT"
    journal.gate.open()
    with pytest.raises(BaseExceptionGroup) as failure:
        await life
    assert failure.value.subgroup(LaneDied) is not None
    assert journal.gate.cancelled == 0, "nobody may cancel a COMMIT, not even then"
    assert len(journal.entries("at-the-gate")) == 1


async def test_what_waits_is_exported(journal: FakeJournal) -> None:
    async with Poster(journal, PostingLimits(lanes=1)) as poster:
        journal.load.close()
        waiting = [posting(poster, earn()) for _ in range(3)]
        await until_all_wait()
        waiting += [posting(poster, earn()) for _ in range(5)]
        await until_all_wait()
        assert REGISTRY.get_sample_value("ledger_queue_length") == 5
        journal.load.open()
        await asyncio.gather(*waiting)
    assert REGISTRY.get_sample_value("ledger_queue_length") == 0
