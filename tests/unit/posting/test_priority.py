"""Priority: the urgent go first where the order of their accounts allows it, and nobody waits for ever."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import Command
from ledger_service.posting.batch import Ticket
from ledger_service.posting.lines import Lines
from ledger_service.posting.priority import Priority, priority_of
from ledger_service.posting.ready import CUTS_PER_TURN
from tests.builders import (
    adjust,
    cancel,
    capture,
    confirm,
    earn,
    open_account,
    place_hold,
    redeem,
    refund,
    release,
    reverse,
    settle_due,
    together,
    transfer,
)
from tests.unit.posting.tickets import ticket
from tests.unit.posting.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("command", "priority"),
    [
        (capture(), Priority.CAPTURE),
        (release(), Priority.CAPTURE),
        (reverse(), Priority.CAPTURE),
        (refund(), Priority.CAPTURE),
        (cancel(), Priority.CAPTURE),
        (redeem(), Priority.REDEEM),
        (place_hold(), Priority.REDEEM),
        (earn(), Priority.EARN),
        (adjust(), Priority.EARN),
        (confirm(), Priority.EARN),
        (transfer(), Priority.EARN),
        (open_account(), Priority.EARN),
        (together(reverse(), redeem()), Priority.EARN),
        (settle_due(), Priority.UPKEEP),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Command) else it.label,
)
def test_what_ends_something_begun_goes_before_redeems_and_these_before_earns(
    command: Command, priority: Priority
) -> None:
    assert priority_of(command) is priority


def lines_with(*tickets: Ticket) -> Lines:
    lines = Lines(1)
    for one in tickets:
        lines.enter(one)
    return lines


def a(verb: Any, account_id: str) -> Ticket:
    return ticket(verb(account_id=account_id))


async def test_the_urgent_go_first_within_the_turn_of_a_program() -> None:
    upkeep, earning, redeeming, capturing = (
        a(verb, str(number)) for number, verb in enumerate((settle_due, earn, redeem, capture))
    )
    lines = lines_with(upkeep, earning, redeeming, capturing)
    assert lines.cut(10).tickets == [capturing, redeeming, earning, upkeep]


async def test_in_one_class_who_came_first_goes_first() -> None:
    waiting = [a(redeem, str(number)) for number in range(5)]
    assert lines_with(*waiting).cut(10).tickets == waiting


async def test_what_stands_before_an_urgent_command_on_its_account_is_as_urgent() -> None:
    other, before, urgent = a(earn, "other"), a(earn, "hot"), a(redeem, "hot")
    lines = lines_with(other, before, urgent)
    assert lines.cut(2).tickets == [before, urgent]
    assert lines.cut(2).tickets == [other]


async def test_a_line_is_no_longer_urgent_when_its_urgent_command_has_gone() -> None:
    lines = lines_with(a(redeem, "a"))
    running = lines.cut(1)
    slow, quick = a(earn, "a"), a(redeem, "b")
    lines.enter(slow)
    lines.enter(quick)
    lines.release(running.lines)
    assert lines.cut(1).tickets == [quick]
    assert lines.cut(1).tickets == [slow]


async def test_a_late_urgent_command_takes_its_urgency_along() -> None:
    lines = lines_with(a(earn, "a"))
    running = lines.cut(1)
    behind, late = a(earn, "a"), a(redeem, "a")
    lines.enter(behind)
    lines.enter(late)
    lines.drop(late)
    lines.release(running.lines)
    urgent = a(redeem, "b")
    lines.enter(urgent)
    assert lines.cut(2).tickets == [urgent, behind]


async def test_what_did_not_fit_into_a_batch_goes_first_in_the_next() -> None:
    large = ticket(together(*(earn(account_id=account_id) for account_id in "abc")))
    lines = lines_with(a(redeem, "r-1"), large)
    lines.cut(2)
    lines.enter(a(redeem, "r-2"))
    assert lines.cut(2).tickets == [large]


@pytest.mark.parametrize("verb", [earn, settle_due])
async def test_the_least_urgent_travel_too_however_much_comes_that_is_more_urgent(verb: Any) -> None:
    patient = a(verb, "patient")
    lines = lines_with(patient)
    cuts = 0
    while patient.is_waiting:
        for number in range(4):
            lines.enter(a(capture, f"c-{cuts}-{number}"))
            lines.enter(a(redeem, f"r-{cuts}-{number}"))
        lines.release(lines.cut(2).lines)
        cuts += 1
    assert cuts <= CUTS_PER_TURN * len(Priority)


VERBS = {
    Priority.CAPTURE: capture,
    Priority.REDEEM: redeem,
    Priority.EARN: earn,
    Priority.UPKEEP: settle_due,
}
ARRIVALS = st.lists(st.tuples(st.sampled_from(Priority), st.sampled_from("abcd")), min_size=1, max_size=40)


@settings(deadline=None)
@given(arrivals=ARRIVALS, size_max=st.integers(1, 6), portion=st.integers(1, 6), per_cut=st.integers(1, 10))
def test_whatever_the_classes_each_account_keeps_its_order(
    arrivals: list[tuple[Priority, str]], size_max: int, portion: int, per_cut: int
) -> None:
    in_virtual_time(_carry(arrivals, size_max, portion, per_cut))


async def _carry(arrivals: list[tuple[Priority, str]], size_max: int, portion: int, per_cut: int) -> None:
    lines = Lines(1)
    coming = [a(VERBS[priority], account_id) for priority, account_id in arrivals]
    carried: list[Ticket] = []
    for begin in range(0, len(coming), per_cut):
        for one in coming[begin : begin + per_cut]:
            lines.enter(one)
        batch = lines.cut(size_max, portion)
        carried += batch.tickets
        lines.release(batch.lines)
    while (batch := lines.cut(size_max, portion)).tickets:
        carried += batch.tickets
        lines.release(batch.lines)
    assert sorted(one.number for one in carried) == [one.number for one in coming]
    for account_id in "abcd":
        numbers = [one.number for one in carried if one.command.account_id == account_id]
        assert numbers == sorted(numbers)
    assert lines.waiting.size == len(lines) == 0
