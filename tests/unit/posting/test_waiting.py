"""Waiting: sizes by class, and who came last."""

from ledger_service.posting.batch import Ticket
from ledger_service.posting.priority import Priority, priority_of
from ledger_service.posting.waiting import GONE_MAX, Waiting
from tests.builders import capture, earn, redeem, settle_due, together
from tests.unit.posting.tickets import ticket


def enter(waiting: Waiting, one: Ticket) -> Ticket:
    one.is_waiting = True
    waiting.enter(one, priority_of(one.command))
    return one


def leave(waiting: Waiting, one: Ticket) -> None:
    one.is_waiting = False
    waiting.leave(one)


async def test_ahead_are_those_of_its_class_and_of_more_urgent_ones() -> None:
    waiting = Waiting()
    for command in (capture(), redeem(), together(earn(), earn(), earn()), settle_due()):
        enter(waiting, ticket(command))
    assert [waiting.ahead(priority) for priority in Priority] == [1, 2, 5, 6]


async def test_the_newest_is_that_of_the_least_urgent() -> None:
    waiting = Waiting()
    _, last, redeeming = (enter(waiting, ticket(command)) for command in (earn(), earn(), redeem()))
    assert waiting.newest() is last
    assert waiting.newest(below=Priority.REDEEM) is last
    assert waiting.newest(below=Priority.EARN) is None
    leave(waiting, last)
    assert waiting.newest() is not last
    leave(waiting, waiting.newest())
    assert waiting.newest() is redeeming


async def test_what_comes_back_from_a_trip_came_before_the_others() -> None:
    waiting = Waiting()
    travelled, other = enter(waiting, ticket()), enter(waiting, ticket())
    leave(waiting, travelled)
    travelled.is_waiting = True
    waiting.come_back(travelled)
    assert waiting.newest() is other
    leave(waiting, other)
    assert waiting.newest() is travelled


async def test_what_has_gone_is_forgotten_although_something_always_waits() -> None:
    waiting = Waiting()
    enter(waiting, ticket())
    for _ in range(GONE_MAX * 3):
        leave(waiting, enter(waiting, ticket()))
    assert len(waiting._arrived[Priority.EARN]) <= GONE_MAX + 2


async def test_what_goes_again_and_again_is_remembered_once() -> None:
    waiting = Waiting()
    enter(waiting, ticket())
    travelling = enter(waiting, ticket())
    for _ in range(GONE_MAX * 3):
        leave(waiting, travelling)
        travelling.is_waiting = True
        waiting.come_back(travelling)
    assert len(waiting._arrived[Priority.EARN]) <= GONE_MAX + 4


async def test_nothing_is_kept_when_nothing_waits() -> None:
    waiting = Waiting()
    leave(waiting, enter(waiting, ticket()))
    assert waiting.size == len(waiting._arrived[Priority.EARN]) == 0
