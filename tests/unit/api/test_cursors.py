"""Cursors: good for their own list, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.api.cursors import Cursors
from ledger_service.api.problems import Unfit

CURSORS = Cursors(b"p" * 32, "entries of m-1", "cursor")


@given(st.text(max_size=100))
def test_a_cursor_leads_back_to_its_place(place: str) -> None:
    assert CURSORS.place(CURSORS.cursor(place)) == place


@given(st.text(max_size=300) | st.binary(max_size=100).map(lambda raw: raw.hex()))
def test_what_we_did_not_make_is_refused(forged: str) -> None:
    with pytest.raises(Unfit) as raised:
        CURSORS.place(forged)
    assert raised.value.fields["errors"][0]["pointer"] == "/query/cursor"


def test_a_cursor_of_another_list_or_pepper_is_refused() -> None:
    cursor = CURSORS.cursor("7")
    for other in (Cursors(b"p" * 32, "entries of m-2", "cursor"), Cursors(b"q" * 32, "entries of m-1", "cursor")):
        with pytest.raises(Unfit):
            other.place(cursor)
