"""The laws of posting, over any interleaving of calls, faults, deadlines, and callers who leave."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.errors import DatabaseUnavailable, KeyTaken, OutcomeUnknown, Unserved
from ledger_service.ledger.commands import Command, singles
from ledger_service.ledger.outcomes import Outcome, Posted, Refused, Replayed, WrittenTogether
from ledger_service.posting.poster import Poster, PostingLimits
from tests.builders import earn, redeem, reverse, together
from tests.unit.posting.fake_journal import Event, FakeJournal, failing
from tests.unit.posting.virtual_time import in_virtual_time, soon


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of tracebacks that are meant to be there take longer than the test."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Bug(Exception):
    """What nobody foresaw."""


FAULTS = {
    "load": [DatabaseUnavailable("no primary"), Bug()],
    "gate": [DatabaseUnavailable("no primary"), KeyTaken("order 17"), OutcomeUnknown("lost"), Bug()],
    "after the gate": [OutcomeUnknown("lost")],
}


@dataclass(frozen=True)
class Call:
    """One call of the poster: when, for how long, what, and whether the caller leaves."""

    at_ms: int
    deadline_ms: int
    program_id: int
    account_ids: tuple[str, ...]
    points: int
    is_urgent: bool
    """A reversal, which goes before earns and redeems of other accounts."""
    leaves_after_ms: int | None
    repeats: bool
    """The same command as the last call."""

    def command(self) -> Command:
        first, *others = self.account_ids
        if others:
            return together(*(earn(abs(self.points), account_id=one) for one in self.account_ids))
        if self.is_urgent:
            return reverse(1, 1, account_id=first)
        verb = earn if self.points > 0 else redeem
        return verb(abs(self.points), account_id=first)


CALLS = st.builds(
    Call,
    at_ms=st.integers(0, 60),
    deadline_ms=st.sampled_from([15, 40, 5000, 5000, 5000]),
    program_id=st.integers(1, 2),
    account_ids=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True).map(tuple),
    points=st.integers(-20, 50).filter(bool),
    is_urgent=st.sampled_from([False, False, False, True]),
    leaves_after_ms=st.sampled_from([None, None, None, 0, 7, 30]),
    repeats=st.sampled_from([False, False, False, True]),
)
DELAYS = st.lists(st.sampled_from([0, 0.001, 0.005, 0.03]), max_size=20)


def faults(place: str) -> st.SearchStrategy[list[Exception | str | None]]:
    """Nothing, a fault of this place, or an account that another instance writes just then."""
    happening = [None, None, None, *FAULTS[place], *(["a", "b"] if place == "gate" else [])]
    return st.lists(st.sampled_from(happening), max_size=20)


@settings(deadline=None, max_examples=int(os.environ.get("LEDGER_EXAMPLES", "60")))
@given(
    calls=st.lists(CALLS, min_size=1, max_size=25),
    limits=st.builds(
        PostingLimits,
        lanes=st.integers(1, 3),
        queue_size_max=st.sampled_from([4, 2048]),
        batch_size_max=st.integers(1, 8),
    ),
    load_delays=DELAYS,
    gate_delays=DELAYS,
    load_faults=faults("load"),
    gate_faults=faults("gate"),
    answer_faults=faults("after the gate"),
)
def test_every_command_is_answered_truly_and_written_once_and_in_order(calls: list[Call], **scene: object) -> None:
    in_virtual_time(_play(calls, **scene))  # type: ignore[arg-type]


async def _play(
    calls: list[Call],
    limits: PostingLimits,
    load_delays: list[float],
    gate_delays: list[float],
    load_faults: list[Exception | str | None],
    gate_faults: list[Exception | str | None],
    answer_faults: list[Exception | str | None],
) -> None:
    journal = FakeJournal()
    for number in (1, 2):
        # Not found is an answer that leaves no trace: after a lost trip it may change, and with it the order.
        journal.elsewhere(*(earn(10, account_id=account_id) for account_id in "abcd"), program_id=number)

    def event(fault: Exception | str | None) -> Event | None:
        if isinstance(fault, str):
            return lambda: journal.elsewhere(earn(1, account_id=fault))
        return None if fault is None else failing(fault)

    journal.load.delays.extend(load_delays)
    journal.gate.delays.extend(gate_delays)
    journal.load.before.extend(map(event, load_faults))
    journal.gate.before.extend(map(event, gate_faults))
    journal.gate.after.extend(map(event, answer_faults))
    arrivals: dict[str | None, int] = {}
    answers: list[tuple[int, Command, asyncio.Task[Outcome]]] = []

    async with Poster(journal, limits) as poster:
        last: tuple[int, Command] | None = None
        for call in sorted(calls, key=lambda call: call.at_ms):
            await asyncio.sleep(max(0.0, 1000 + call.at_ms / 1000 - asyncio.get_running_loop().time()))
            program_id, command = last if call.repeats and last else (call.program_id, call.command())
            last = (program_id, command)
            for one in singles([command]):
                arrivals.setdefault(one.key, len(arrivals))
            task = asyncio.ensure_future(poster.post(program_id, command, soon(call.deadline_ms / 1000)))
            answers.append((program_id, command, task))
            await asyncio.sleep(0)
            if call.leaves_after_ms is not None:
                asyncio.get_running_loop().call_later(call.leaves_after_ms / 1000, task.cancel)

    assert not journal.met, "an account was in two running batches"
    assert journal.load.cancelled == journal.gate.cancelled == 0
    posts = Counter(one.key for _, command, _ in answers for one in singles([command]))
    for program_id, command, task in answers:
        assert task.done(), "nobody is left without an answer"
        is_only_call = posts[singles([command])[0].key] == 1
        _check_answer(journal, program_id, command, task, is_only_call=is_only_call)
    for program_id in (1, 2):
        for account_id in "abcd":
            keys = journal.keys(account_id, program_id)
            assert len(set(keys)) == len(keys), "written twice"
            # Of a command posted twice, either call may be the one that is carried out.
            order = [arrivals[key] for key in keys if key in arrivals and posts[key] == 1]
            assert order == sorted(order), "not in the order of arrival"


def _check_answer(
    journal: FakeJournal,
    program_id: int,
    command: Command,
    task: asyncio.Task[Outcome],
    *,
    is_only_call: bool,
) -> None:
    if task.cancelled():
        return
    is_written = command.key in journal.books(program_id).outcomes
    failure = task.exception()
    if failure is None:
        outcome = task.result()
        first = outcome.first if isinstance(outcome, Replayed) else outcome
        is_kept = not isinstance(first, Refused) or first.refusal.is_kept
        assert is_written or not is_kept, "answered, and not in the books"
        if isinstance(first, Posted | WrittenTogether):
            assert all(one.key in journal.keys(one.account_id, program_id) for one in singles([command]))
    elif isinstance(failure, Unserved):
        assert not (is_written and is_only_call), "said to be not written, and it is"
    else:
        assert isinstance(failure, OutcomeUnknown | Bug)
