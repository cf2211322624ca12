"""The laws of the books (points.md, section 12): any commands at any times, in any program.

The other laws, and that no command answers differently from the sequential model, are in `test_reference.py`.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.levels import Ladder, Level
from ledger_service.ledger.outcomes import Answered, Outcome, Replayed, WrittenTogether
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rules import Rule
from tests.books.answers import answer_of
from tests.books.commands import ACCOUNTS, Batch, histories, postings, statuses, transfers
from tests.books.memory import Books
from tests.books.programs import Revision, programs, revised
from tests.books.reference.books import Reference
from tests.builders import NOON, earn, merge, open_account, purchase, reverse, together

LAW = settings.get_profile("books")
HALF_AS_OFTEN = settings(LAW, max_examples=LAW.max_examples // 2)
"""For a law about what the others have written already: most of the time goes into making histories up."""


def books_after(program: ProgramSettings, history: Iterable[Batch], revision: Revision = None) -> Books:
    books = Books(program)
    for place, (now, commands) in enumerate(history):
        if revision is not None and revision[0] == place:
            books.configure(revised(program, revision))
        books.post(commands, now)
    return books


def without_version(outcome: Outcome) -> Outcome:
    """`version` counts writes, so it is the one number that may depend on what travelled together."""
    match outcome:
        case Answered(detail):
            return Answered(json.dumps(json.loads(detail) | {"version": None}))
        case WrittenTogether(outcomes):
            return WrittenTogether(tuple(without_version(one) for one in outcomes))
        case Replayed(first):
            return replace(outcome, first=without_version(first))
        case _:
            return outcome


@LAW
@given(programs, histories(), st.data())
def test_law_7_what_travels_together_changes_no_answer_and_no_entry(
    program: ProgramSettings, history: list[Batch], data: st.DataObject
):
    batched, one_by_one = Books(program), Books(program)
    for now, commands in history:
        cut = data.draw(st.integers(0, len(commands)), label="cut")
        parts = [part for part in (commands[:cut], commands[cut:]) if part]
        many = [outcome for part in parts for outcome in batched.post(part, now)]
        single = [outcome for command in commands for outcome in one_by_one.post([command], now)]
        assert [without_version(outcome) for outcome in many] == [without_version(outcome) for outcome in single]
    assert batched.entries == one_by_one.entries
    assert {key: replace(state, version=0) for key, state in batched.accounts.items()} == {
        key: replace(state, version=0) for key, state in one_by_one.accounts.items()
    }
    assert batched.identifiers == one_by_one.identifiers
    assert batched.orders == one_by_one.orders
    assert batched.holds == one_by_one.holds


def test_law_7_a_day_that_came_to_nothing_moves_alike_whether_or_not_it_was_stored_in_between():
    program = ProgramSettings(
        version=1, rules=(Rule("base", "spend", 1, per=Decimal(1)),), ladder=Ladder((Level("gold", Decimal(100)),))
    )
    commands: list[Command] = [open_account("a"), open_account("b")]
    commands += [
        earn(account_id="a", purchase=purchase("10.00")),
        reverse(1, account_id="a"),
        merge("b", account_id="a"),
    ]
    batched, one_by_one = Books(program), Books(program)
    batched.post(commands, NOON)
    for command in commands:
        one_by_one.post([command], NOON)
    assert batched.entries == one_by_one.entries
    assert json.loads(batched.entries["a"][-1].detail or "")["merged"]["spend"] == "0"


@HALF_AS_OFTEN
@given(programs, histories(), st.integers(0, 3))
def test_a_batch_asked_again_is_replayed_and_writes_nothing(program: ProgramSettings, history: list[Batch], later: int):
    books = books_after(program, history)
    now, commands = history[-1]
    now += timedelta(days=later)
    kept = [command for command in commands if command.key in books.outcomes]
    kept = [command for command in kept if books.outcomes[command.key or ""].fingerprint == command.fingerprint]
    proposal = decide(books.load(kept, now), kept)
    assert proposal.is_empty
    for command, outcome in zip(kept, proposal.outcomes, strict=True):
        first = books.outcomes[command.key or ""].first
        assert isinstance(outcome, Replayed)
        if not isinstance(first, WrittenTogether):
            assert outcome.first == first


# No orders and fresh keys: what is unique in the whole program is refused by its index, not by an account's version.
_alone = st.one_of(postings, postings, statuses, transfers).map(
    lambda command: replace(command, order_id=None) if hasattr(command, "order_id") else command
)
_racing = st.lists(
    st.one_of(_alone, _alone, st.lists(_alone, min_size=1, max_size=3).map(lambda singles: together(*singles))),
    min_size=1,
    max_size=8,
)


@LAW
@given(programs, st.lists(st.tuples(st.integers(0, 36), _racing, _racing), min_size=1, max_size=4))
def test_law_7_two_writers_at_once_answer_like_one_after_the_other(
    program: ProgramSettings, races: list[tuple[int, list[Command], list[Command]]]
):
    books, reference, now = Books(program), Reference(program), NOON
    opening: list[Command] = [open_account(account_id) for account_id in ACCOUNTS[:2]]
    for command, outcome in zip(opening, books.post(opening, now), strict=True):
        assert reference.answer(command, now) == answer_of(outcome)

    for hours, quick, slow in races:
        now += timedelta(hours=hours)
        proposal = decide(books.load(slow, now), slow)
        answers = [answer_of(outcome) for outcome in books.post(quick, now)]
        conflicts = books.write(proposal)
        void = [command for command in slow if proposal.is_void(command, conflicts)]
        # A refusal that is not kept, or about an account outside the books, was true when it was loaded and
        # changed nothing: it has no place in the order.
        proposed = {change.after.account_id for change in proposal.accounts}
        stood = [command for command in slow if command not in void and command.key in books.outcomes]
        stood = [command for command in stood if command.account_id in proposed]
        answers += [answer_of(proposal.outcomes[slow.index(command)]) for command in stood]
        answers += [answer_of(outcome) for outcome in books.post(void, now)]
        assert answers == [reference.answer(command, now) for command in (*quick, *stood, *void)]
