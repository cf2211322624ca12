"""The gate on transfers and merges: two entries of two accounts, by which no point comes or goes."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger_service.ledger.decide import decide
from ledger_service.ledger.lots import Movement
from ledger_service.ledger.postings import Posting
from tests.builders import earn, merge, movement, transfer, unmerge
from tests.database.functions.forgery import Gate, Spoil, contents, forged_together, opened, posting
from tests.database.functions.lies import all_of, in_detail, of_account, of_entry
from tests.database.functions.life import CLUB, LIFE, life, prepare_life
from tests.servers import TestDatabase
from tests.varied_books import post

# In `life` a gives 5 points to b; c is merged into d; f, which was merged into g, comes back.
LIES: dict[str, tuple[Spoil, str]] = {
    "a_transfer_that_only_arrives": (of_entry("a", "transfer_out", transfer_id=None), "LG001"),
    "a_transfer_that_only_leaves": (of_entry("b", "transfer_in", transfer_id=None), "LG001"),
    "a_transfer_without_an_id": (
        all_of(of_entry("a", "transfer_out", transfer_id=None), of_entry("b", "transfer_in", transfer_id=None)),
        "23514",
    ),
    "a_transfer_of_two_ids": (of_entry("a", "transfer_out", transfer_id="other"), "LG001"),
    "a_transfer_that_arrives_by_a_merge": (of_entry("b", "transfer_in", kind="merge_in"), "LG001"),
    "a_transfer_that_arrives_by_an_earn": (of_entry("b", "transfer_in", kind="earn"), "LG001"),
    "a_transfer_that_leaves_twice": (of_entry("b", "transfer_in", kind="transfer_out"), "LG001"),
    "an_earn_that_is_part_of_a_transfer": (of_entry("b", "earn", transfer_id="transfer"), "LG001"),
    "an_earn_with_a_transfer_of_its_own": (of_entry("b", "earn", transfer_id="own"), "LG001"),
    "a_transfer_that_is_known": (
        all_of(
            of_entry("c", "merge_out", transfer_id="merge-before"),
            of_entry("d", "merge_in", transfer_id="merge-before"),
        ),
        "23505",
    ),
    "a_transfer_on_credit": (of_entry("a", "transfer_out", available_after=-1), "23514"),
    "a_merge_that_keeps_lifetime_points": (
        of_entry("d", "merge_in", detail=in_detail(merged={"lifetime": 39})),
        "LG001",
    ),
    "a_merge_that_makes_lifetime_points": (
        all_of(
            of_entry("d", "merge_in", detail=in_detail(merged={"lifetime": 41})),
            of_account("d", lifetime_points=lambda points: points + 1),
        ),
        "LG001",
    ),
    "a_merge_that_says_nothing_of_lifetime_points": (
        of_entry("d", "merge_in", detail=in_detail(merged=None)),
        "LG001",
    ),
    "an_account_merged_into_another_one": (of_account("c", merged_into="b"), "LG001"),
    "an_account_merged_into_itself": (of_account("c", merged_into="c"), "LG001"),
    "an_account_merged_into_none": (of_account("c", merged_into=None), "LG001"),
    "an_account_whose_merge_leaves_it_active": (
        all_of(of_account("c", status="active"), of_account("c", merged_into="d")),
        "LG001",
    ),
    "an_account_that_comes_back_and_stays_merged": (of_account("f", status="merged"), "LG001"),
    "an_account_that_comes_back_merged_into_one": (of_account("f", merged_into="g"), "LG001"),
    "a_merged_account_that_went_elsewhere": (of_account("e", merged_into="a"), "LG001"),
    "a_merged_account_that_is_closed": (
        all_of(of_account("e", status="closed"), of_account("e", merged_into=None)),
        "LG001",
    ),
    "an_account_merged_by_its_status": (
        all_of(of_account("b", status="merged"), of_account("b", merged_into="a")),
        "LG001",
    ),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_lie_about_a_transfer_or_merge_is_refused_and_nothing_is_written(club_gate: Gate, name: str):
    spoil, sqlstate = LIES[name]
    arguments = await life(club_gate)
    spoil(arguments)
    assert await club_gate.refusal(arguments) == sqlstate


def of(account_id: str, kind: Any, points: int, *movements: Movement, **others: Any) -> tuple[str, Posting]:
    return account_id, posting(kind, points, *movements, **({"transfer_id": "forged"} | others))


def merging(account_id: str, kind: Any, points: int, *, lifetime: int = 0, **others: Any) -> tuple[str, Posting]:
    detail = {"merged": {"lifetime": lifetime}}
    return of(account_id, kind, points, movement(points), detail=detail, lifetime_change=lifetime, **others)


MERGED = {"status": "merged", "merged_into": "d"}

# a has 60 usable points and 30 held, g 35 points of which f's hold has 2; idle has nothing, e was merged into h.
FORGERIES: dict[str, tuple[list[tuple[str, Posting]], dict[str, Any]]] = {
    "points_that_vanish": ([of("a", "transfer_out", -5, movement(-5)), of("d", "transfer_in", 4, movement(4))], {}),
    "points_out_of_nothing": ([of("a", "transfer_out", -5, movement(-5)), of("d", "transfer_in", 6, movement(6))], {}),
    "a_transfer_from_an_account_to_itself": (
        [of("a", "transfer_out", -5, movement(-5)), of("a", "transfer_in", 5, movement(5))],
        {},
    ),
    "a_transfer_of_three": (
        [
            of("a", "transfer_out", -5, movement(-5)),
            of("d", "transfer_in", 2, movement(2)),
            of("g", "transfer_in", 3, movement(3)),
        ],
        {},
    ),
    "a_transfer_that_counts_as_earned": (
        [
            of("a", "transfer_out", -5, movement(-5)),
            of("d", "transfer_in", 5, movement(5), lifetime_change=5),
        ],
        {},
    ),
    "held_points_that_vanish_in_a_merge": (
        [of("a", "merge_out", -30, held_change=-30), of("d", "merge_in", 30, movement(30))],
        {},
    ),
    "a_transfer_that_takes_held_points": (
        [of("a", "transfer_out", -5, held_change=-5), of("d", "transfer_in", 5, movement(5))],
        {},
    ),
    "an_account_that_is_merged_and_keeps_points": (
        [merging("a", "merge_out", -60), merging("d", "merge_in", 60)],
        {"after": {"a": MERGED}},
    ),
    "an_account_that_is_merged_before_its_last_entry": (
        [
            merging("d", "merge_out", -7),
            merging("a", "merge_in", 7),
            ("d", posting("earn", 5, movement(5), lifetime_change=5)),
            ("d", posting("redeem", -5, movement(-5))),
        ],
        {"after": {"d": {"status": "merged", "merged_into": "a"}}},
    ),
    "points_posted_to_a_merged_account": (
        [
            ("e", posting("earn", 5, movement(5), lifetime_change=5)),
            ("e", posting("redeem", -5, movement(-5))),
        ],
        {},
    ),
    "a_merged_account_called_active": ([], {"after": {"e": {"status": "active", "merged_into": None}}}),
    "a_merged_account_that_comes_back_from_another_one": (
        [merging("a", "merge_out", -5), merging("e", "merge_in", 5)],
        {"after": {"e": {"status": "active", "merged_into": None}}},
    ),
    "a_merged_account_that_comes_back_by_an_earn": (
        [
            ("e", posting("earn", 5, movement(5), lifetime_change=5)),
            merging("h", "merge_out", -5),
            merging("e", "merge_in", 5),
        ],
        {"after": {"e": {"status": "active", "merged_into": None}}},
    ),
    "an_account_merged_into_one_that_gets_nothing": (
        [merging("d", "merge_out", -7), merging("a", "merge_in", 7)],
        {"after": {"d": {"status": "merged", "merged_into": "idle"}, "idle": {}}},
    ),
    "a_transfer_of_which_one_side_is_in_conflict": (
        [of("a", "transfer_out", -5, movement(-5)), of("d", "transfer_in", 5, movement(5))],
        {"groups": {"a": 0, "d": 1}, "versions": {"d": 9}},
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_transfer_or_merge_is_refused_and_nothing_is_written(club_gate: Gate, name: str):
    postings, others = FORGERIES[name]
    others = dict(others)
    versions = others.pop("versions", {})
    arguments = await forged_together(club_gate, postings, **others)
    for account_id, version in versions.items():
        of_account(account_id, version=version)(arguments)
    assert await club_gate.refusal(arguments) == "LG001"


async def test_the_call_that_these_lies_are_made_of_is_written(clone_database: Callable[[], TestDatabase]):
    where = clone_database()
    await prepare_life(where)
    async with opened(where, CLUB) as gate:
        assert await gate.call(await life(gate)) == []
        rows = await gate.owner.fetch(
            "SELECT account_id, status, merged_into, balance, held, lifetime_points FROM ledger.account "
            "WHERE program_id = $1 ORDER BY 1",
            gate.program_id,
        )
    assert [tuple(row) for row in rows] == [
        ("a", "active", None, 73, 20, 100),
        ("b", "active", None, 58, 0, 53),
        ("c", "merged", "d", 0, 0, 0),
        ("d", "active", None, 47, 5, 47),
        ("e", "merged", "h", 0, 0, 0),
        ("f", "active", None, 15, 2, 15),
        ("g", "active", None, 20, 0, 20),
        ("h", "active", None, 59, 0, 59),
        ("idle", "active", None, 0, 0, 0),
    ]


async def test_whoever_is_part_of_a_transfer_is_written_with_the_other_or_not_at_all(
    clone_database: Callable[[], TestDatabase],
):
    where = clone_database()
    await prepare_life(where)
    async with opened(where, CLUB) as gate:
        proposal = decide(await gate.journal.load_batch(gate.program_id, LIFE), LIFE)
        await post(gate.journal, gate.program_id, earn(1, account_id="d"), earn(1, account_id="g"))
        assert (await gate.journal.write_batch(proposal)).conflicts == {"c", "d", "f", "g"}
        kinds = await gate.owner.fetch(
            "SELECT kind FROM ledger.entry WHERE transfer_id IN ('merge', 'unmerge', 'transfer')"
        )
        assert sorted(row["kind"] for row in kinds) == ["transfer_in", "transfer_out"]
        status = await gate.owner.fetchval("SELECT status FROM ledger.account WHERE account_id = 'c'")
    assert status == "active"


async def test_an_account_may_be_merged_come_back_and_be_merged_again_in_one_batch(
    clone_database: Callable[[], TestDatabase],
):
    where = clone_database()
    await prepare_life(where)
    commands = (
        merge("d", account_id="c"),
        transfer(3, "a", account_id="d"),
        unmerge("d", account_id="c"),
        merge("a", account_id="c"),
        merge("b", account_id="a"),
    )
    async with opened(where, CLUB) as gate:
        before = await contents(gate.owner)
        proposal = decide(await gate.journal.load_batch(gate.program_id, commands), commands)
        assert (await gate.journal.write_batch(proposal)).conflicts == frozenset()
        written = await contents(gate.owner)
        rows = await gate.owner.fetch(
            "SELECT account_id, merged_into FROM ledger.account WHERE status = 'merged' ORDER BY 1"
        )
        identifier = await gate.owner.fetchval(
            "SELECT account_id FROM ledger.identifier WHERE identifier_id = 'card-c'"
        )
    assert [tuple(row) for row in rows] == [("a", "b"), ("c", "a"), ("e", "h"), ("f", "g")]
    assert identifier == "b"
    assert len(written["entry"]) == len(before["entry"]) + 10
