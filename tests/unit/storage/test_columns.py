"""Columns: a proposal as rows that name accounts which are there."""

import json
from typing import cast

from hypothesis import given, settings

from ledger_service.ledger.decide import decide
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.proposals import Proposal
from ledger_service.ledger.states import Identifier
from ledger_service.storage.columns import Rows, columns_of
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

# The lists of rows, with the number of columns in each.
COLUMNS = {"accounts": 15, "entries": 22, "lots": 4, "outcomes": 7, "attachments": 5, "revocations": 2}


def rows_of(proposal: Proposal) -> dict[str, Rows]:
    return {name: cast(Rows, listed) for name, listed in zip(COLUMNS, columns_of(proposal)[:-1], strict=True)}


@settings(max_examples=30, deadline=None)
@given(programs, histories())
def test_rows_have_all_their_columns_and_name_accounts_that_are_there_in_their_order(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        for part in findable(commands):
            found = [books.found(command) for command in part]
            proposal = decide(books.load(found, now), found)
            rows = rows_of(proposal)
            accounts_total = len(proposal.accounts)
            for name, total in COLUMNS.items():
                assert all(len(row) == total for row in rows[name]), name
            for name in COLUMNS.keys() - {"accounts"}:
                places = [row[0] for row in rows[name]]
                assert all((0 if name == "outcomes" else 1) <= place <= accounts_total for place in places)
                if name in ("entries", "lots"):
                    assert places == sorted(places)
            assert [(row[0], row[1]) for row in rows["entries"]] == sorted((row[0], row[1]) for row in rows["entries"])
            for row in (
                row for listed in json.loads(cast(str, columns_of(proposal)[-1] or "{}")).values() for row in listed
            ):
                places = [row[name] for name in ("account", "from", "to") if name in row]
                assert places
                assert all(1 <= place <= accounts_total for place in places)
            books.post(found, now)


def test_only_an_entry_that_is_the_whole_outcome_of_a_key_carries_its_fingerprint():
    rich = account_state("m-1", lots=[lot(100)])
    asked = [earn(5, key="one"), transfer(7, "m-2", key="several"), settle_due()]
    rows = rows_of(decide(loaded(rich, account_state("m-2")), asked))
    said = [(row[9], row[10]) for row in rows["entries"]]
    assert said == [("one", asked[0].fingerprint), ("several", None), ("several", None)]


def test_what_few_batches_do_is_said_by_those_that_do_it():
    """And costs the others nothing: no JSON is made, or read by the gate."""
    rich = account_state("m-1", lots=[lot(100)])
    assert columns_of(decide(loaded(rich), [earn(5), redeem(3)]))[-1] is None
    said = columns_of(decide(loaded(rich), [place_hold(5, "h-1"), capture("h-1", 3)]))[-1]
    assert json.loads(cast(str, said)).keys() == {"holds_placed", "holds_closed"}


def test_an_outcome_that_concerns_no_account_in_the_books_has_place_0():
    card = claim("1111")
    taken = loaded(identifiers=[Identifier(card, "b", NOON)])
    asked = [open_account("a"), open_account("never", identifiers=[card])]
    rows = rows_of(decide(taken, asked))
    assert [row[0] for row in rows["accounts"]] == ["a"]
    assert [row[0] for row in rows["outcomes"]] == [1, 0]


def test_metadata_are_sent_of_new_accounts_only():
    """Those of the others stay as they are, and may be long."""
    rows = rows_of(
        decide(loaded(account_state("known", version=1)), [earn(5, account_id="known"), open_account("new")])
    )
    assert [(row[0], row[13]) for row in rows["accounts"]] == [("known", None), ("new", "{}")]
