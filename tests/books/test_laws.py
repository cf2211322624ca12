"""The laws of the books (points.md, section 12): any commands at any times, in any program.

Law 7, that no command answers differently from the sequential model, is in `test_reference.py` too.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.entries import GENESIS, Entry, chain_hash
from ledger_service.ledger.outcomes import Answered, Outcome, Replayed, WrittenTogether
from ledger_service.ledger.program import ProgramSettings
from tests.books.answers import answer_of
from tests.books.commands import ACCOUNTS, Batch, histories, postings, statuses, transfers
from tests.books.memory import Books
from tests.books.programs import Revision, programs, revised, revisions
from tests.books.reference.books import Reference
from tests.books.replayed import replayed
from tests.builders import NOON, open_account, together

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


def all_entries(books: Books) -> list[Entry]:
    return [entry for chain in books.entries.values() for entry in chain]


@LAW
@given(programs, histories(), revisions)
def test_laws_1_to_4_and_6_hold_after_any_commands(program: ProgramSettings, history: list[Batch], revision: Revision):
    books = books_after(program, history, revision)
    for account_id in books.accounts:
        check_law_1_the_chain(books, account_id)
        check_law_2_the_balance(books, account_id)
        check_law_6_the_replay(books, account_id)
    check_law_3_nothing_is_made_by_moving_it(books)
    check_law_4_nothing_is_taken_back_twice(books)


def check_law_1_the_chain(books: Books, account_id: str) -> None:
    """seq is 1 to n without gaps, balance_after is the previous one and the points, and the hash chain holds."""
    balance, previous = 0, GENESIS
    for place, entry in enumerate(books.entries[account_id], start=1):
        balance += entry.points
        assert (entry.seq, entry.balance_after, entry.previous_hash) == (place, balance, previous)
        assert entry.hash == chain_hash(entry)
        assert entry.available_after <= entry.balance_after - entry.held_after
        previous = entry.hash
    stored = books.accounts[account_id]
    assert (stored.seq, stored.balance, stored.head_hash) == (len(books.entries[account_id]), balance, previous)


def check_law_2_the_balance(books: Books, account_id: str) -> None:
    """The balance is lots and held points less debt; no lot is below 0; debt only where no point is left."""
    stored = books.accounts[account_id]
    assert stored.balance == sum(lot.remaining for lot in stored.lots) + stored.held - stored.debt
    assert all(lot.remaining > 0 for lot in stored.lots)
    assert stored.debt == 0 or not stored.lots


def check_law_3_nothing_is_made_by_moving_it(books: Books) -> None:
    """The entries of a transfer or a merge come to 0, and so does the trial balance."""
    pairs: defaultdict[str, list[Entry]] = defaultdict(list)
    counters: Counter[str] = Counter()
    for entry in all_entries(books):
        if entry.transfer_id is not None:
            pairs[entry.transfer_id].append(entry)
        else:
            counters[entry.kind] -= entry.points
    for pair in pairs.values():
        assert [len(pair), sum(entry.points for entry in pair)] == [2, 0]
    assert sum(counters.values()) + sum(account.balance for account in books.accounts.values()) == 0


def check_law_4_nothing_is_taken_back_twice(books: Books) -> None:
    """Taken back is at most what was earned, given back what was redeemed; a hold is closed exactly once."""
    undone: Counter[tuple[str, int]] = Counter()
    closed: Counter[str] = Counter()
    for entry in all_entries(books):
        detail = {} if entry.detail is None else json.loads(entry.detail)
        if entry.reverses_seq is not None:
            place = (detail.get("reverses_account", entry.account_id), entry.reverses_seq)
            undone[place] += abs(entry.points) + entry.written_off
        if "hold_id" in detail and entry.kind in ("redeem", "release"):
            facts = books.holds[detail["hold_id"]]
            closed[detail["hold_id"]] += (entry.account_id, entry.seq) == (facts.hold.account_id, facts.closed_seq)
    for (account_id, seq), points in undone.items():
        assert points <= abs(books.entries[account_id][seq - 1].points)
    for hold_id, facts in books.holds.items():
        assert closed[hold_id] == (0 if facts.status == "open" else 1)
        assert 0 <= facts.captured <= facts.hold.points
        assert (facts.captured > 0) == (facts.status == "captured")


def check_law_6_the_replay(books: Books, account_id: str) -> None:
    """Its entries alone give the stored account, lots and holds."""
    sizes = {hold_id: facts.hold.points for hold_id, facts in books.holds.items()}
    stored, again = books.accounts[account_id], replayed(books.entries[account_id], sizes)
    assert (stored.seq, stored.balance, stored.held, stored.debt) == (again.seq, again.balance, again.held, again.debt)
    assert (stored.lots, stored.lifetime_points) == (again.open_lots(), again.lifetime)
    assert {hold.hold_id: hold.points for hold in stored.holds} == again.open_holds
    for hold_id, captured in again.captured.items():
        assert books.holds[hold_id].captured == captured
    standing = stored.standing
    assert (standing.spend, standing.visits) == (again.spend, again.visits)
    assert (standing.tier, standing.floor) == (again.tier, again.floor)
    if standing.redeemed_on is not None:
        assert again.redeemed[standing.redeemed_on.isoformat()] == standing.redeemed
    days = books.days[account_id].values()
    assert again.qualifying_days() == {
        day.day: (day.points, day.spend, day.visits) for day in days if day.points or day.spend or day.visits
    }


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
