"""Ready: the most urgent line first, and now and then another class."""

import pytest

from ledger_service.posting.lines import Line
from ledger_service.posting.priority import Priority
from ledger_service.posting.ready import CUTS_PER_TURN, Ready


@pytest.fixture
def ready() -> Ready:
    return Ready()


def listed(ready: Ready, priority: Priority) -> Line:
    line = Line(priority.label)
    ready.add(line, priority)
    return line


def test_a_line_that_becomes_more_urgent_is_taken_once_and_with_those(ready: Ready) -> None:
    lifted = listed(ready, Priority.UPKEEP)
    earning = listed(ready, Priority.EARN)
    ready.lift(lifted, Priority.CAPTURE)
    ready.begin_cut()
    assert [ready.pop(), ready.pop()] == [lifted, earning]
    assert ready.size == 0
    with pytest.raises(IndexError):
        ready.pop()


def test_a_less_urgent_command_does_not_make_a_line_wait(ready: Ready) -> None:
    urgent = listed(ready, Priority.CAPTURE)
    listed(ready, Priority.REDEEM)
    ready.lift(urgent, Priority.UPKEEP)
    ready.begin_cut()
    assert ready.pop() is urgent


def test_what_goes_next_goes_before_all_classes(ready: Ready) -> None:
    listed(ready, Priority.CAPTURE)
    line = Line("large")
    ready.add_next(line)
    ready.lift(line, Priority.CAPTURE)
    ready.begin_cut()
    assert ready.pop() is line


def test_every_eighth_cut_begins_with_another_class(ready: Ready) -> None:
    begun: list[str] = []
    for priority in Priority:
        listed(ready, priority)
    for _ in range(CUTS_PER_TURN * len(Priority)):
        ready.begin_cut()
        line = ready.pop()
        begun.append(line.account_id)
        ready.add(line, Priority[line.account_id.upper()])
    assert [begun.count(priority.label) for priority in Priority] == [29, 1, 1, 1]
