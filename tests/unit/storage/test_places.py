"""Places: the urgent first, so many for each class, and none lost by whoever gives up."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.storage.places import Places
from ledger_service.storage.urgency import Urgency
from tests.unit.posting.virtual_time import in_virtual_time, until_all_wait

BALANCE, HISTORY, REPORT = Urgency


def waiting(places: Places, urgency: Urgency, seconds: float | None = None) -> asyncio.Task[None]:
    return asyncio.ensure_future(places.take(urgency, seconds))


def taken(places: Places, urgency: Urgency) -> int:
    """How many of a class get a place at once."""
    count = 0
    while places.take_at_once(urgency):
        count += 1
    return count


@pytest.mark.parametrize(("size", "most"), [(1, (1, 1, 1)), (2, (2, 1, 1)), (4, (4, 3, 2)), (9, (9, 8, 4))])
def test_history_leaves_one_place_and_reports_leave_half(size: int, most: tuple[int, ...]) -> None:
    assert tuple(taken(Places(size), urgency) for urgency in Urgency) == most


async def test_who_is_more_urgent_is_next_and_in_a_class_who_came_first() -> None:
    places = Places(2)
    assert taken(places, BALANCE) == 2
    order: list[str] = []
    names = {"report": REPORT, "history": HISTORY, "balance": BALANCE, "second balance": BALANCE}
    for name, urgency in names.items():
        task = waiting(places, urgency)
        task.add_done_callback(lambda _, name=name: order.append(name))
        await until_all_wait()
    for held in (BALANCE, BALANCE, BALANCE, HISTORY):
        places.give_back(held)
        await until_all_wait()
    assert order == ["balance", "second balance", "history", "report"]


async def test_a_class_that_has_its_part_waits_although_a_place_is_free() -> None:
    places = Places(4)
    assert taken(places, REPORT) == 2
    third = waiting(places, REPORT)
    await until_all_wait()
    assert not third.done()
    assert places.take_at_once(BALANCE)
    places.give_back(REPORT)
    await third


async def test_a_place_that_comes_back_is_handed_over_before_anybody_comes_between() -> None:
    places = Places(1)
    assert places.take_at_once(BALANCE)
    task = waiting(places, BALANCE)
    await until_all_wait()
    places.give_back(BALANCE)
    assert not places.take_at_once(BALANCE)
    await task


async def test_who_waits_too_long_gives_up_and_takes_nobodys_place() -> None:
    places = Places(1)
    assert places.take_at_once(BALANCE)
    with pytest.raises(TimeoutError):
        await places.take(BALANCE, 0.1)
    places.give_back(BALANCE)
    assert taken(places, BALANCE) == 1


async def test_a_place_that_comes_in_the_moment_of_giving_up_goes_to_the_next() -> None:
    places = Places(1)
    assert places.take_at_once(BALANCE)
    leaving, staying = waiting(places, BALANCE), waiting(places, BALANCE)
    await until_all_wait()
    places.give_back(BALANCE)
    leaving.cancel()
    await staying
    assert leaving.cancelled()
    places.give_back(BALANCE)
    assert taken(places, BALANCE) == 1


VISITS = st.lists(
    st.tuples(
        st.sampled_from(Urgency),
        st.integers(0, 20),
        st.integers(0, 10),
        st.sampled_from([None, 0.0, 0.003, 0.01]),
        st.sampled_from([None, None, 0, 2, 5, 9]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(visits=VISITS, size=st.integers(1, 5))
def test_whoever_comes_gives_up_or_leaves_no_place_is_lost_or_given_twice(
    visits: list[tuple[Urgency, int, int, float | None, int | None]], size: int
) -> None:
    async def play() -> None:
        places, inside = Places(size), [0] * len(Urgency)

        async def visit(urgency: Urgency, at_ms: int, stays_ms: int, patience: float | None) -> None:
            await asyncio.sleep(at_ms / 1000)
            if not places.take_at_once(urgency):
                await places.take(urgency, patience)
            inside[urgency] += 1
            try:
                assert sum(inside) <= size
                assert inside[urgency] <= urgency.places(size)
                await asyncio.sleep(stays_ms / 1000)
            finally:
                inside[urgency] -= 1
                places.give_back(urgency)

        tasks = []
        for urgency, at_ms, stays_ms, patience, leaves_after_ms in visits:
            task = asyncio.ensure_future(visit(urgency, at_ms, stays_ms, patience))
            tasks.append(task)
            if leaves_after_ms is not None:
                asyncio.get_running_loop().call_later((at_ms + leaves_after_ms) / 1000, task.cancel)
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert ended is None or isinstance(ended, TimeoutError | asyncio.CancelledError)
        assert taken(places, BALANCE) == size

    in_virtual_time(play())
