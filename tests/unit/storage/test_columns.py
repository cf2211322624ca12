"""Columns: a proposal as lists that fit together."""

import json
from typing import Any, cast

from hypothesis import given, settings

from ledger_service.ledger.decide import decide
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.states import Identifier
from ledger_service.storage.columns import COLUMNS_TOTAL, columns_of
from tests.books.commands import Batch, histories
from tests.books.memory import Books, findable
from tests.books.programs import programs
from tests.builders import (
    NOON,
    account_state,
    capture,
    claim,
    earn,
    loaded,
    lot,
    open_account,
    place_hold,
    redeem,
    settle_due,
    transfer,
)

LENGTHS = {"accounts": 15, "entries": 22, "lots": 4, "keys": 7, "attachments": 5, "revocations": 2}


@settings(max_examples=30, deadline=None)
@given(programs, histories())
def test_the_lists_of_each_kind_have_one_length_and_name_accounts_that_are_there(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        for part in findable(commands):
            found = [books.found(command) for command in part]
            proposal = decide(books.load(found, now), found)
            columns = columns_of(proposal)
            assert len(columns) == COLUMNS_TOTAL == sum(LENGTHS.values()) + 1
            start, accounts_total = 0, len(columns[0] or ())
            for kind, total in LENGTHS.items():
                lists = [cast(list[Any], one) for one in columns[start : start + total]]
                assert {len(one) for one in lists} == {len(lists[0])}, kind
                if kind != "accounts":
                    assert all((0 if kind == "keys" else 1) <= place <= accounts_total for place in lists[0])
                start += total
            for row in (row for listed in json.loads(columns[-1] or "{}").values() for row in listed):
                places = [row[name] for name in ("account", "from", "to") if name in row]
                assert places
                assert all(1 <= place <= accounts_total for place in places)
            books.post(found, now)


def test_only_an_entry_that_is_the_whole_outcome_of_a_key_carries_its_fingerprint():
    rich = account_state("m-1", lots=[lot(100)])
    asked = [earn(5, key="one"), transfer(7, "m-2", key="several"), settle_due()]
    columns = columns_of(decide(loaded(rich, account_state("m-2")), asked))
    start = LENGTHS["accounts"]
    keys, fingerprints = columns[start + 9], columns[start + 10]
    assert (keys, fingerprints) == (["one", "several", "several"], [asked[0].fingerprint, None, None])


def test_what_few_batches_do_is_said_by_those_that_do_it():
    """And costs the others nothing: no JSON is made, or read by the gate."""
    rich = account_state("m-1", lots=[lot(100)])
    assert columns_of(decide(loaded(rich), [earn(5), redeem(3)]))[-1] is None
    said = columns_of(decide(loaded(rich), [place_hold(5, "h-1"), capture("h-1", 3)]))[-1]
    assert json.loads(cast(str, said)).keys() == {"holds_placed", "holds_closed"}


def test_an_outcome_that_concerns_no_account_in_the_books_has_place_0():
    card = claim("1111")
    taken = loaded(identifiers=[Identifier(card, "b", NOON)])
    columns = columns_of(decide(taken, [open_account("a"), open_account("never", identifiers=[card])]))
    assert columns[0] == ["a"]
    assert columns[LENGTHS["accounts"] + LENGTHS["entries"] + LENGTHS["lots"]] == [1, 0]
