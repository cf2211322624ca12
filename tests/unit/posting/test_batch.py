"""Tickets: what a caller may be told, at which point of the road. (Which tickets share a batch: `test_lines.py`.)"""

import asyncio

import pytest

from ledger_service.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger_service.ledger.outcomes import Answered
from tests.unit.posting.tickets import ticket


async def test_late_in_the_queue_is_overloaded() -> None:
    waiting = ticket()
    waiting.expire()
    assert isinstance(waiting.answer.exception(), Overloaded)


async def test_late_at_the_gate_is_unknown() -> None:
    sent = ticket()
    sent.send()
    sent.expire()
    assert isinstance(sent.answer.exception(), OutcomeUnknown)


async def test_late_after_a_trip_that_wrote_nothing_is_what_kept_it_from_being_written() -> None:
    returned = ticket()
    returned.send()
    returned.come_back(DatabaseUnavailable)
    returned.expire()
    assert isinstance(returned.answer.exception(), DatabaseUnavailable)


async def test_once_unknown_only_the_outcome_or_unknown_is_true() -> None:
    lost = ticket()
    lost.send()
    lost.get_lost()
    lost.send()
    lost.come_back(Overloaded)
    lost.come_back(DatabaseUnavailable)
    lost.expire()
    assert isinstance(lost.answer.exception(), OutcomeUnknown)


async def test_the_first_answer_counts() -> None:
    late = ticket()
    late.expire()
    late.hand_back(Answered("{}"))
    assert isinstance(late.answer.exception(), Overloaded)


async def test_a_caller_who_left_is_no_trouble() -> None:
    left = ticket()
    left.answer.cancel()
    left.hand_back(Answered("{}"))
    left.expire()
    assert left.answer.cancelled()


async def test_an_answered_ticket_is_watched_no_longer() -> None:
    answered, failed = ticket(), ticket()
    for one in (answered, failed):
        one.watchers.add(one)
    answered.hand_back(Answered("{}"))
    failed.fail(Overloaded("enough"))
    assert not answered.watchers
    assert not failed.watchers


async def test_a_failure_that_nobody_looks_at_is_not_reported_by_the_loop() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    unseen = ticket()
    unseen.expire()
    del unseen
    assert reported == []


@pytest.mark.parametrize(("conflicts", "alone"), [(0, False), (1, False), (2, True), (3, True)])
async def test_after_two_conflicts_a_command_travels_alone(conflicts: int, alone: bool) -> None:
    assert ticket(conflicts=conflicts).travels_alone is alone
