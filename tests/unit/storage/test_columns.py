"""Columns: a proposal as lists that fit together."""

from hypothesis import given, settings

from ledger_service.ledger.decide import decide
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.states import Identifier
from ledger_service.storage.columns import COLUMNS_TOTAL, columns_of
from tests.books.commands import Batch, histories, programs
from tests.books.memory import Books
from tests.builders import NOON, claim, loaded, open_account

LENGTHS = {"accounts": 13, "entries": 21, "lots": 4, "keys": 7, "attachments": 5, "revocations": 2}


@settings(max_examples=100, deadline=None)
@given(programs, histories())
def test_the_lists_of_each_kind_have_one_length_and_name_accounts_that_are_there(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        columns = columns_of(decide(books.load(commands, now), commands))
        assert len(columns) == COLUMNS_TOTAL == sum(LENGTHS.values())
        start, accounts_total = 0, len(columns[0])
        for kind, total in LENGTHS.items():
            lists = columns[start : start + total]
            assert {len(one) for one in lists} == {len(lists[0])}, kind
            if kind != "accounts":
                assert all((0 if kind == "keys" else 1) <= place <= accounts_total for place in lists[0])
            start += total
        books.post(commands, now)


def test_an_outcome_that_concerns_no_account_in_the_books_has_place_0():
    card = claim("1111")
    taken = loaded(identifiers=[Identifier(card, "b", NOON)])
    columns = columns_of(decide(taken, [open_account("a"), open_account("never", identifiers=[card])]))
    assert columns[0] == ["a"]
    assert columns[38] == [1, 0]
