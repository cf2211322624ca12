"""The laws of the books (points.md, section 12): any commands at any times, in any program."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.entries import GENESIS, chain_hash
from ledger_service.ledger.lots import Movement, moved, movements_of, movements_text
from ledger_service.ledger.outcomes import Answered, Outcome, Posted, Refused, Repeated, Replayed, WrittenTogether
from ledger_service.ledger.program import ProgramSettings
from tests.books.commands import ACCOUNTS, Batch, histories, postings, programs, statuses
from tests.books.memory import Books
from tests.books.model import Answer, Model
from tests.builders import NOON, open_account, together

LAW = settings.get_profile("books")
HALF_AS_OFTEN = settings(LAW, max_examples=LAW.max_examples // 2)
"""For laws about what the others have written already: most of the time goes into making histories up."""


def answer_of(outcome: Outcome) -> Answer:
    """The outcome in the words of the model."""
    match outcome:
        case Posted(entry):
            numbers = (entry.points, entry.balance_after, entry.available_after, entry.written_off)
            return ("posted", entry.seq, entry.kind, *numbers)
        case Repeated(entry):
            return ("repeated", entry.seq)
        case Answered():
            return ("answered",)
        case Refused(refusal):
            return ("refused", refusal.code)
        case WrittenTogether(outcomes):
            return ("together", tuple(answer_of(one) for one in outcomes))
        case Replayed(first):
            return ("replayed", answer_of(first))


def books_after(program: ProgramSettings, history: Iterable[Batch]) -> Books:
    books = Books(program)
    for now, commands in history:
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
@given(programs, histories())
def test_law_7_every_answer_is_that_of_the_sequential_model(program: ProgramSettings, history: list[Batch]):
    books, model = Books(program), Model(program)
    for now, commands in history:
        outcomes = books.post(commands, now)
        assert [answer_of(outcome) for outcome in outcomes] == [model.answer(command, now) for command in commands]
    for account_id, account in model.accounts.items():
        stored = books.accounts[account_id]
        points = sorted((lot.expires_at, lot.available_at) for lot in stored.lots for _ in range(lot.remaining))
        assert points == sorted(account.points)
        assert (stored.debt, stored.lifetime_points, stored.seq) == (account.debt, account.lifetime, len(account.lines))
    assert books.accounts.keys() == model.accounts.keys()


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


@HALF_AS_OFTEN
@given(programs, histories())
def test_laws_1_2_4_and_6_the_entries_alone_give_the_stored_books(program: ProgramSettings, history: list[Batch]):
    books = books_after(program, history)
    for account_id, stored in books.accounts.items():
        previous, balance, lifetime, seq = GENESIS, 0, 0, 0
        movements: list[Movement] = []
        reversed_points: dict[int, int] = {}
        for seq, entry in enumerate(books.entries[account_id], start=1):
            balance += entry.points
            movements.extend(movements_of(movements_text(entry.movements)))
            if entry.kind in ("earn", "reverse_earn"):
                lifetime += entry.points
            if entry.reverses_seq is not None:
                taken = abs(entry.points) + entry.written_off
                reversed_points[entry.reverses_seq] = reversed_points.get(entry.reverses_seq, 0) + taken
            assert (entry.seq, entry.balance_after, entry.previous_hash) == (seq, balance, previous)
            assert entry.hash == chain_hash(entry)
            previous = entry.hash
        for reversed_seq, points in reversed_points.items():
            assert points <= abs(books.entries[account_id][reversed_seq - 1].points)
        lots = moved((), tuple(movements))
        assert (stored.seq, stored.balance, stored.head_hash) == (seq, balance, previous)
        assert (stored.lots, stored.lifetime_points) == (lots, lifetime)
        assert stored.debt == sum(lot.remaining for lot in lots) + stored.held - balance
        assert stored.debt == 0 or not lots


@HALF_AS_OFTEN
@given(programs, histories(), st.integers(0, 3))
def test_a_batch_asked_again_is_replayed_and_writes_nothing(program: ProgramSettings, history: list[Batch], later: int):
    books = books_after(program, history)
    now, commands = history[-1]
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
_alone = st.one_of(postings, postings, statuses).map(
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
    books, model, now = Books(program), Model(program), NOON
    opening: list[Command] = [open_account(account_id) for account_id in ACCOUNTS[:2]]
    for command, outcome in zip(opening, books.post(opening, now), strict=True):
        assert model.answer(command, now) == answer_of(outcome)

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
        assert answers == [model.answer(command, now) for command in (*quick, *stood, *void)]
