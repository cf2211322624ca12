"""The gate on identifiers that follow their account: with a merge, and only from where they are."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger_service.ledger.decide import decide
from tests.builders import attach, claim, merge, revoke, unmerge
from tests.database.functions.forgery import Gate, Spoil, opened
from tests.database.functions.lies import another_row, more, row
from tests.database.functions.life import CLUB, life, prepare_life
from tests.servers import TestDatabase


def of_card_d(**places: int) -> dict[str, Any]:
    """A move of a card that d has: d is account 4 of `life`."""
    return {"identifier_id": "card-d", "from": 4} | places


# In `life` c (account 3) is merged into d (4), with a card that it had and one that the batch attaches; e (5) was
# merged before.
LIES: dict[str, Spoil] = {
    "of_another_account": row("identifiers_moved", 0, identifier_id="card-d"),
    "of_nobody": row("identifiers_moved", 0, identifier_id="card of nobody"),
    "without_a_name": row("identifiers_moved", 0, identifier_id=None),
    "that_is_attached_to_another_account": row("identifiers_moved", 1, **{"from": 6, "to": 7}),
    "that_moves_twice": another_row("identifiers_moved"),
    "that_moves_without_a_merge": another_row("identifiers_moved", **of_card_d(to=1)),
    "that_moves_against_the_merge": another_row("identifiers_moved", **of_card_d(to=3)),
    "that_moves_to_a_merged_account": another_row("identifiers_moved", **of_card_d(to=5)),
    "that_moves_to_nobody": another_row("identifiers_moved", **of_card_d(to=0)),
    "that_moves_from_nobody": row("identifiers_moved", 0, **{"from": 99}),
    "that_moves_nowhere": row("identifiers_moved", 0, to=3),
    "too_many": more(lambda said: said.update(identifiers_moved=said["identifiers_moved"] * 10_001)),
}


@pytest.mark.parametrize("name", LIES)
async def test_an_identifier_that_moves_where_it_cannot_is_refused_and_nothing_is_written(club_gate: Gate, name: str):
    arguments = await life(club_gate)
    LIES[name](arguments)
    assert await club_gate.refusal(arguments) == "LG001"


async def test_what_was_revoked_before_does_not_move(clone_database: Callable[[], TestDatabase]):
    where = clone_database()
    await prepare_life(where)
    async with opened(where, CLUB) as gate:
        proposal = await gate.arguments_of(await _decided(gate, merge("d", account_id="c")))
        commands = await _decided(gate, revoke("card-c", account_id="c"))
        assert (await gate.journal.write_batch(commands)).conflicts == frozenset()
        # As if nobody had seen that: only the version tells, and it is put right.
        proposal["p_accounts"][0]["version"] += 1
        assert await gate.refusal(proposal) == "LG001"


@pytest.mark.parametrize("revokes_after", [False, True])
async def test_identifiers_follow_whatever_else_a_batch_does_with_them(
    clone_database: Callable[[], TestDatabase], revokes_after: bool
):
    where = clone_database()
    await prepare_life(where)
    new = claim("4444", identifier_id="new")
    commands = [attach(new, account_id="c"), revoke("card-c", account_id="c"), merge("d", account_id="c")]
    if revokes_after:
        commands += [revoke("new", account_id="d"), revoke("card-d", account_id="d")]
    else:
        commands += [unmerge("d", account_id="c")]
    async with opened(where, CLUB) as gate:
        assert (await gate.journal.write_batch(await _decided(gate, *commands))).conflicts == frozenset()
        rows = await gate.owner.fetch(
            "SELECT identifier_id, account_id, revoked_at IS NULL FROM ledger.identifier ORDER BY 1"
        )
    home = "d" if revokes_after else "c"
    assert [tuple(one) for one in rows] == [
        ("card-c", "c", False),
        ("card-d", "d", not revokes_after),
        ("new", home, not revokes_after),
    ]


async def _decided(gate: Gate, *commands: Any) -> Any:
    return decide(await gate.journal.load_batch(gate.program_id, commands), commands)
