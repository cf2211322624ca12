"""The gate: one test for each of its checks. Whatever the core proposes, or somebody who says he is the core."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.ledger.lots import ALWAYS, NEVER, Lot
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.storage.columns import COLUMNS_TOTAL
from ledger_service.storage.journal import WRITE_BATCH
from tests.builders import DAY, NOON, movement
from tests.database.functions.forgery import (
    TOMORROW,
    A,
    Arguments,
    B,
    D,
    Gate,
    Spoil,
    contents,
    forged,
    opened,
    posting,
    prepare,
)
from tests.database.functions.lies import (
    add,
    all_of,
    another_row,
    in_detail,
    many,
    more,
    of_account,
    of_entry,
    put,
    row,
    say,
)
from tests.database.functions.life import CLUB, life, prepare_life
from tests.servers import TestDatabase, TestServer, cloning


@pytest.fixture(scope="module")
def prepared(postgres: TestServer, template_database: str) -> Iterator[TestDatabase]:
    """Books that no lie can change, so that one database does for all lies."""
    with cloning(postgres, template_database) as clone:
        database = clone()
        asyncio.run(prepare(database))
        yield database


@pytest.fixture
async def gate(prepared: TestDatabase) -> AsyncIterator[Gate]:
    async with opened(prepared) as gate:
        yield gate


def swap_accounts(arguments: Arguments) -> None:
    """The first two accounts in the other order, everything else following them."""
    for name, values in arguments.items():
        if name.startswith("a_"):
            values[0], values[1] = values[1], values[0]
        elif name.endswith("_accounts"):
            arguments[name] = [{A: B, B: A}.get(place, place) for place in values]


def repeat_account(arguments: Arguments) -> None:
    for name, values in arguments.items():
        if name.startswith("a_"):
            values.insert(1, values[0])


def repeat_lot(arguments: Arguments) -> None:
    for name, values in arguments.items():
        if name.startswith("l_"):
            values.append(values[0])


def one_of_several(account_id: str, change: Callable[[list[Any]], object]) -> Spoil:
    """Say that the first outcome of several entries of this account is other ones."""

    def spoil(arguments: Arguments) -> None:
        place = list(zip(arguments["k_forms"], arguments["k_account_ids"], strict=True)).index(("several", account_id))
        named = json.loads(arguments["k_details"][place])["entries"]
        arguments["k_details"][place] = json.dumps({"entries": change(named)})

    return spoil


HASH = b"\x01" * 32
# What is said, and the SQLSTATEs of which it must be refused with one.
LIES: dict[str, tuple[Spoil, str]] = {
    "recorded_in_the_future": (say("p_now", NOON + timedelta(seconds=2)), "LG001"),
    "recorded_never": (say("p_now", None), "LG001"),
    "an_unknown_program": (say("p_program_id", 999), "LG001"),
    "no_program": (say("p_program_id", None), "LG001"),
    "no_rule_version": (say("p_rule_version", None), "LG001"),
    "an_account_of_another_program": (all_of(put("a_account_ids", 3, "z"), put("a_versions", 3, 1)), "LG001"),
    "an_account_that_is_not_there": (put("a_account_ids", 0, "aa"), "LG001"),
    "an_account_without_a_name": (put("a_account_ids", 0, None), "LG001"),
    "a_new_account_with_an_empty_name": (put("a_account_ids", 3, ""), "23514"),
    "accounts_not_sorted": (swap_accounts, "LG001"),
    "an_account_named_twice": (repeat_account, "LG001"),
    "another_loaded_hash": (put("a_loaded_hashes", 0, HASH), "LG001"),
    "another_head_hash": (put("a_head_hashes", 0, HASH), "LG001"),
    "a_head_hash_without_an_entry": (put("a_head_hashes", 2, HASH), "LG001"),
    "a_head_hash_that_is_none": (all_of(put("a_head_hashes", 0, b""), put("e_hashes", 3, b"")), "23514"),
    "a_seq_further_on": (add("a_seqs", 0, 1), "LG001"),
    "a_seq_further_back": (put("a_seqs", 0, 1), "LG001"),
    "another_balance": (add("a_balances", 0, 1), "LG001"),
    "another_balance_without_an_entry": (add("a_balances", 2, 1), "LG001"),
    "held_points": (put("a_helds", 0, 1), "LG001"),
    "held_points_below_0": (put("a_helds", 0, -1), "LG001"),
    "a_debt": (put("a_debts", 0, 1), "LG001"),
    "a_debt_below_0": (put("a_debts", 0, -1), "LG001"),
    "a_debt_not_paid": (put("a_debts", 1, 15), "LG001"),
    "other_lifetime_points": (add("a_lifetimes", 0, 1), "LG001"),
    "other_lifetime_points_without_an_entry": (add("a_lifetimes", 2, 1), "LG001"),
    "a_status_that_is_none": (put("a_statuses", 0, None), "LG001"),
    "a_status_nobody_knows": (put("a_statuses", 0, "gone"), "23514"),
    "an_account_merged_by_its_status": (put("a_statuses", 0, "merged"), "LG001"),
    "metadata_of_a_new_account_that_are_no_json": (put("a_metadatas", 3, "{"), "22P02"),
    "an_entry_of_nobody": (put("e_accounts", 0, 0), "LG001"),
    "an_entry_of_the_account_after_the_last": (put("e_accounts", 0, D + 1), "LG001"),
    "an_entry_of_another_account": (put("e_accounts", 0, B), "LG001"),
    "a_seq_twice": (put("e_seqs", 1, 3), "LG001"),
    "a_gap_in_seq": (put("e_seqs", 0, 4), "LG001"),
    "a_wrong_balance_after": (add("e_balances", 0, 1), "LG001"),
    "a_wrong_balance_after_at_the_end": (add("e_balances", 3, 1), "LG001"),
    "more_points_than_the_balance_says": (add("e_points", 0, 1), "LG001"),
    "the_most_points_a_bigint_holds": (put("e_points", 0, 2**63 - 1), "LG001"),
    "the_most_balance_a_bigint_holds": (
        all_of(put("a_balances", 0, 2**63 - 1), put("a_debts", 0, 2**63 - 1)),
        "22003",
    ),
    "more_available_than_there_is": (put("e_availables", 0, 10_000), "23514"),
    "held_points_after_an_entry": (put("e_helds", 3, 1), "LG001"),
    "less_than_nothing_written_off": (put("e_written_offs", 0, -1), "23514"),
    "metadata_of_an_entry_that_are_no_json": (put("e_metadatas", 0, "{"), "22P02"),
    "movements_that_are_no_json": (put("e_movements", 0, "["), "22P02"),
    "movements_that_are_no_list": (put("e_movements", 0, "{}"), "22023"),
    "movements_without_points": (put("e_movements", 0, "[[null,null,null]]"), "LG001"),
    "movements_of_other_points": (put("e_movements", 0, "[[null,null,11]]"), "LG001"),
    "movements_of_another_lot": (put("e_movements", 0, "[[1796385600000001,null,10]]"), "LG001"),
    "a_reversal_of_what_is_not_there": (put("e_reverses", 3, 0), "LG001"),
    "a_reversal_of_the_future": (put("e_reverses", 3, 9), "23514"),
    "a_reversal_of_itself": (put("e_reverses", 3, 5), "23514"),
    "an_earn_reversed_as_a_redeem": (put("e_reverses", 3, 4), "LG001"),
    "a_fingerprint_too_short": (put("e_fingerprints", 0, b"short"), "23514"),
    "no_fingerprint": (put("e_fingerprints", 0, None), "LG001"),
    "an_empty_key": (put("e_keys", 0, ""), "23514"),
    "a_key_too_long": (put("e_keys", 0, "k" * 256), "23514"),
    "a_key_twice": (put("e_keys", 1, "good-earn"), "23505"),
    "a_key_of_an_entry_and_a_refusal": (put("k_keys", 0, "good-earn"), "23505"),
    "a_key_that_is_known": (put("e_keys", 0, "first"), "23505"),
    "an_order_that_is_known": (put("e_order_ids", 0, "A-1"), "23505"),
    "a_lot_of_nobody": (put("l_accounts", 0, 0), "LG001"),
    "a_lot_of_the_account_after_the_last": (put("l_accounts", 0, D + 1), "LG001"),
    "a_lot_that_stays": (put("l_points", 0, 0), "LG001"),
    "a_lot_changed_by_no_number": (put("l_points", 0, None), "LG001"),
    "a_lot_with_more_points": (add("l_points", 0, 1), "LG001"),
    "lots_with_points_swapped": (all_of(add("l_points", 0, 1), add("l_points", 1, -1)), "LG001"),
    "a_lot_of_other_dates": (put("l_expires_ats", 1, TOMORROW + DAY), "LG001"),
    "a_lot_twice": (repeat_lot, "LG001"),
    "an_outcome_posted_without_an_entry": (
        all_of(put("k_forms", 0, "posted"), put("k_account_ids", 0, "a"), put("k_seqs", 0, 1)),
        "LG001",
    ),
    "an_outcome_of_no_form": (put("k_forms", 0, None), "23502"),
    "an_outcome_of_an_unknown_form": (put("k_forms", 0, "forgotten"), "LG001"),
    "an_outcome_that_repeats_nothing": (put("k_seqs", 1, 77), "LG001"),
    "an_outcome_that_repeats_no_number": (put("k_seqs", 1, None), "LG001"),
    "an_outcome_that_repeats_another_program": (put("k_account_ids", 1, "z"), "LG001"),
    "an_outcome_of_the_account_after_the_last": (put("k_accounts", 0, D + 1), "LG001"),
    "an_outcome_of_an_account_below_0": (put("k_accounts", 0, -1), "LG001"),
    "a_refusal_without_its_reason": (put("k_details", 0, None), "23514"),
    "a_refusal_that_is_no_json": (put("k_details", 0, "no"), "22P02"),
    "an_identifier_of_nobody": (put("i_accounts", 0, 0), "LG001"),
    "an_identifier_of_an_unknown_type": (put("i_types", 0, "iris"), "23514"),
    "an_identifier_in_clear": (put("i_digests", 0, b"4111 1111 1111 1111"), "23514"),
    "a_revocation_for_nobody": (put("r_accounts", 0, 0), "LG001"),
    "a_revocation_of_what_another_account_has": (put("r_accounts", 0, B), "LG001"),
    "too_many_accounts": (many("a_", 2001), "LG001"),
    "too_many_entries": (many("e_", 20_001), "LG001"),
    "too_many_lots": (many("l_", 20_001), "LG001"),
    "too_many_outcomes": (many("k_", 20_001), "LG001"),
    "too_many_identifiers": (many("i_", 20_001), "LG001"),
    "too_many_revocations": (many("r_", 20_001), "LG001"),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_lie_is_refused_and_nothing_is_written(gate: Gate, name: str):
    spoil, sqlstate = LIES[name]
    arguments = await gate.good()
    spoil(arguments)
    assert await gate.refusal(arguments) == sqlstate


async def test_what_was_decided_before_the_settings_or_the_clock_moved_on_is_decided_again(gate: Gate):
    good = await gate.good()
    before = await contents(gate.owner)
    for name, value in (("p_rule_version", 99), ("p_now", NOON - timedelta(microseconds=1))):
        assert await gate.call(good | {name: value}) == good["a_account_ids"]
    without_accounts = {name: value if name.startswith("p_") else [] for name, value in good.items()} | {
        "p_rule_version": 99
    }
    assert await gate.call(without_accounts) == [""]
    assert await contents(gate.owner) == before


async def test_the_call_that_all_lies_are_made_of_is_written(clone_database: Any):
    where = clone_database()
    await prepare(where)
    async with opened(where) as gate:
        before = await contents(gate.owner)
        assert await gate.call(await gate.good()) == []
        written = await contents(gate.owner)
        assert len(written["entry"]) == len(before["entry"]) + 4
        assert await gate.owner.fetchval("SELECT revoked_at FROM ledger.identifier WHERE identifier_id = 'old-card'")


async def test_the_last_release_writes_on_beside_this_one(clone_database: Any):
    """Its gate takes what it took, and both come to the same books."""
    written = []
    for version in ("write_batch_v1", "write_batch_v2"):
        where = clone_database()
        await prepare(where)
        async with opened(where) as gate:
            good = await gate.good()
            names = await gate.owner.fetchval("SELECT proargnames[1:pronargs] FROM pg_proc WHERE proname = $1", version)
            places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
            statement = f"SELECT account_id FROM ledger.{version}({places}) AS conflict (account_id)"
            assert await gate.call({name: good[name] for name in names}, statement) == []
            written.append(
                await gate.owner.fetch(
                    "SELECT account_id, seq, kind, points, balance_after, detail::text FROM ledger.entry "
                    "UNION ALL SELECT account_id, seq, status, balance, version, standing::text FROM ledger.account "
                    "UNION ALL SELECT idempotency_key, seq, form, NULL, NULL, detail::text FROM ledger.outcome "
                    "WHERE account_id IS NOT NULL AND form <> 'refused' ORDER BY 1, 2, 3"
                )
            )
    comparable = [[tuple(row) for row in rows if not row[0].startswith("key-")] for rows in written]
    assert comparable[0] == comparable[1]


async def lists_of(gate: Gate) -> list[str]:
    names = [name for name in await gate.good() if not name.startswith("p_")]
    assert len(names) == COLUMNS_TOTAL - 1
    return names


async def test_a_list_that_is_missing_is_refused(gate: Gate):
    for name in await lists_of(gate):
        assert await gate.refusal(await gate.good() | {name: None}) == "LG001", name


async def test_lists_of_unequal_length_are_refused(gate: Gate):
    for name in await lists_of(gate):
        good = await gate.good()
        for unequal in (good[name] + good[name][-1:], good[name][:-1]):
            assert await gate.refusal(good | {name: unequal}) == "LG001", name


async def test_lists_that_do_not_begin_at_1_are_refused(gate: Gate):
    """Some checks reach an element by its place, some writes by its order: they must mean the same."""
    for name in await lists_of(gate):
        good = await gate.good()
        kind = await type_of(gate, name)
        shifted = f"('[0:{len(good[name]) - 1}]=' || {{}}::{kind}::text)::{kind}"
        assert await gate.refusal(good, instead_of(name, good, shifted)) == "LG001", name


async def test_lists_of_lists_are_refused(gate: Gate):
    for name in await lists_of(gate):
        good = await gate.good()
        nested = f"ARRAY[{{}}::{await type_of(gate, name)}]"
        assert await gate.refusal(good, instead_of(name, good, nested)) == "LG001", name


def instead_of(name: str, arguments: Arguments, expression: str) -> str:
    """The call with this expression in the place of one argument."""
    place = f"${list(arguments).index(name) + 1}"
    return re.sub(rf"{re.escape(place)}\b", lambda _found: expression.format(place), WRITE_BATCH)


async def type_of(gate: Gate, name: str) -> str:
    found: str = await gate.owner.fetchval(
        "SELECT format_type(proargtypes[array_position(proargnames, $1) - 1], NULL) FROM pg_proc "
        "WHERE proname = 'write_batch_v2'",
        name,
    )
    return found


# Lists in which a null has a meaning: no order, no date, no key, nothing reversed.
MAY_BE_NULL = {
    *("a_due_ats", "e_order_ids", "e_keys", "e_reasons", "e_available_ats", "e_expires_ats", "e_reverses"),
    *("a_merged_intos", "a_standings", "e_details", "e_transfer_ids", "k_account_ids", "k_seqs"),
}


async def test_a_null_in_a_list_is_refused_where_it_has_no_meaning(gate: Gate):
    for name in await lists_of(gate):
        good = await gate.good()
        # The metadata of an account that is there are not written: the last one is new.
        place = -1 if name == "a_metadatas" else 0
        if name not in MAY_BE_NULL:
            put(name, place, None)(good)
            assert await gate.refusal(good) in {"LG001", "23502", "23514"}, name


# What is said otherwise in the call of `life`.
LIES_OF_LIFE: dict[str, tuple[Spoil, str]] = {
    "a_detail_that_is_no_json": (of_entry("b", "earn", "e_details", "{"), "22P02"),
    "a_standing_that_is_no_json": (of_account("a", "a_standings", "{"), "22P02"),
    "more_that_is_no_json": (say("p_more", "{"), "22P02"),
    "more_that_is_a_list": (say("p_more", "[]"), "22023"),
    "more_that_nobody_knows": (more(lambda said: said.update(gifts=[])), "LG001"),
    "too_many_days": (more(lambda said: said.update(days=said["days"] * 4_000)), "LG001"),
    "a_day_of_nobody": (row("days", 0, account=0), "LG001"),
    "a_day_of_the_account_after_the_last": (row("days", 0, account=9), "LG001"),
    "a_day_of_an_account_without_an_entry": (row("days", 0, account=5), "LG001"),
    "a_day_twice": (another_row("days"), "21000"),
    "a_day_that_is_none": (row("days", 0, day=None), "23502"),
    "a_day_that_counts_no_number": (row("days", 0, points=None), "23502"),
    "several_entries_that_are_fewer": (one_of_several("a", lambda named: named[:1]), "LG001"),
    "several_entries_that_are_more": (one_of_several("a", lambda named: [*named, ["b", 5]]), "LG001"),
    "several_entries_of_another_key": (one_of_several("a", lambda named: [*named[:1], ["b", 3]]), "LG001"),
    "several_entries_with_one_twice": (one_of_several("a", lambda named: [*named, named[0]]), "LG001"),
    "several_entries_that_are_not_there": (one_of_several("a", lambda named: [*named[:1], ["b", 9]]), "LG001"),
    "several_entries_of_which_none_is_named": (one_of_several("a", lambda named: []), "LG001"),
    "several_entries_that_are_no_list": (one_of_several("a", lambda named: 7), "22023"),
    "several_entries_with_a_fingerprint": (of_entry("a", "transfer_out", "e_fingerprints", bytes(16)), "LG001"),
    "several_entries_under_no_key": (of_entry("a", "transfer_out", "e_keys", None), "LG001"),
    "a_fingerprint_without_a_key": (of_entry("b", "earn", "e_keys", None), "LG001"),
    "more_undone_than_there_was": (
        of_entry("h", "reverse_earn", "e_written_offs", 51),
        "LG001",
    ),
    "an_entry_undone_in_the_books_of_an_active_account": (
        of_entry("h", "reverse_earn", "e_details", in_detail(reverses_account="a")),
        "LG001",
    ),
    "an_entry_undone_in_books_that_are_not_in_the_batch": (
        of_entry("h", "reverse_earn", "e_details", in_detail(reverses_account="idle")),
        "LG001",
    ),
    "an_entry_of_ones_own_undone_as_that_of_another": (
        of_entry("h", "reverse_earn", "e_details", in_detail(reverses_account="h")),
        "LG001",
    ),
    "an_entry_undone_that_is_not_there": (of_entry("h", "reverse_earn", "e_reverses", 7), "LG001"),
    "an_entry_undone_that_is_none_to_be_undone": (of_entry("h", "reverse_earn", "e_reverses", 2), "LG001"),
}


@pytest.mark.parametrize("name", LIES_OF_LIFE)
async def test_a_lie_about_the_life_of_points_is_refused_and_nothing_is_written(club_gate: Gate, name: str):
    spoil, sqlstate = LIES_OF_LIFE[name]
    arguments = await life(club_gate)
    spoil(arguments)
    assert await club_gate.refusal(arguments) == sqlstate


async def test_days_are_counted_together(clone_database: Any):
    where = clone_database()
    await prepare_life(where)
    async with opened(where, CLUB) as gate:
        assert await gate.call(await life(gate)) == []
        rows = await gate.owner.fetch(
            "SELECT account_id, points, spend, visits FROM ledger.qualifying_day "
            "WHERE program_id = $1 AND day = '2026-12-03' ORDER BY 1",
            gate.program_id,
        )
    assert {row["account_id"]: tuple(row)[1:] for row in rows} == {
        "a": (100, 0, 0),
        "b": (53, 0, 0),
        "c": (0, 0, 0),
        "d": (47, 0, 0),
        "e": (0, 0, 0),
        "f": (15, 0, 0),
        "g": (20, 0, 0),
        "h": (59, 50, 1),
    }


TAKES_ALL = movement(-100)
LIES_OF_A_FORGER: dict[str, tuple[dict[str, Any], str]] = {
    "an_earn_of_less_than_nothing": ({"postings": [posting("earn", -10, movement(-10), lifetime_change=-10)]}, "23514"),
    "a_redeem_of_more_than_nothing": ({"postings": [posting("redeem", 10, movement(10))]}, "23514"),
    "a_redeem_of_nothing": ({"postings": [posting("redeem", 0)]}, "23514"),
    "an_expiry_of_nothing": ({"postings": [posting("expire", 0)]}, "23514"),
    "an_adjustment_of_nothing": ({"postings": [posting("adjust", 0)]}, "23514"),
    "an_unknown_kind": ({"postings": [posting("gift", 10, movement(10))]}, "23514"),
    "a_reversal_of_nothing_named": ({"postings": [posting("reverse_redeem", 5, movement(5))]}, "23514"),
    "more_points_than_a_client_can_read": (
        {"postings": [posting("earn", POINTS_MAX + 1, movement(POINTS_MAX + 1), lifetime_change=POINTS_MAX + 1)]},
        "23514",
    ),
    "more_balance_than_a_client_can_read": (
        {"postings": [posting("earn", POINTS_MAX, movement(POINTS_MAX), lifetime_change=POINTS_MAX)]},
        "23514",
    ),
    "more_taken_back_than_was_earned": (
        {
            "postings": [
                posting("reverse_earn", -60, movement(-60), reverses_seq=1, lifetime_change=-60),
                posting(
                    "reverse_earn", -41, movement(-40), movement(-1, TOMORROW), reverses_seq=1, lifetime_change=-41
                ),
            ]
        },
        "LG001",
    ),
    "more_written_off_than_was_earned": (
        {"postings": [posting("reverse_earn", 0, reverses_seq=1, written_off=101)]},
        "LG001",
    ),
    "an_earn_given_back": ({"postings": [posting("reverse_redeem", 5, movement(5), reverses_seq=1)]}, "LG001"),
    "a_redeem_on_credit": (
        {"postings": [posting("redeem", -160, TAKES_ALL, movement(-50, TOMORROW))]},
        "LG001",
    ),
    "a_redeem_on_credit_called_available": (
        {
            "postings": [
                posting("earn", 10, movement(10, available_at=TOMORROW), lifetime_change=10),
                posting("redeem", -160, TAKES_ALL, movement(-50, TOMORROW)),
            ],
            "then": put("e_availables", 1, 0),
        },
        "LG001",
    ),
    "a_debt_beside_usable_points": ({"postings": [posting("adjust", -10)]}, "LG001"),
    "a_lot_overdrawn": (
        {
            "postings": [posting("redeem", -70, movement(-70, TOMORROW))],
            "lots": [Lot(TOMORROW, ALWAYS, 70), Lot(NEVER, ALWAYS, 80)],
        },
        "23514",
    ),
    "a_lot_that_is_not_there": (
        {"postings": [posting("redeem", -5, movement(-5, TOMORROW + DAY))], "lots": [Lot(TOMORROW + DAY, ALWAYS, 150)]},
        "LG001",
    ),
    "points_posted_to_a_merged_account": (
        {"postings": [posting("earn", 5, movement(5), lifetime_change=5)], "account_id": "merged"},
        "LG001",
    ),
    "a_merged_account_called_active": ({"postings": [], "account_id": "merged", "status": "active"}, "LG001"),
    "a_release_of_nothing": ({"postings": [posting("release", 0, detail={"hold_id": "none"})]}, "LG001"),
    "a_hold_of_nothing": ({"postings": [posting("hold", 0, detail={"hold_id": "none"})]}, "LG001"),
    "points_confirmed_into_being": (
        {"postings": [posting("confirm", 5, movement(5), reverses_seq=1)]},
        "23514",
    ),
    "a_confirmation_of_nothing_named": ({"postings": [posting("confirm", 0)]}, "23514"),
    "a_confirmation_of_what_is_not_there": ({"postings": [posting("confirm", 0, reverses_seq=7)]}, "23514"),
    "a_confirmation_of_a_redeem": (
        {"postings": [posting("redeem", -5, movement(-5)), posting("confirm", 0, reverses_seq=3)]},
        "LG001",
    ),
    "a_tier_worth_points": ({"postings": [posting("tier", 5, movement(5))]}, "23514"),
    "a_debt_by_a_tier": (
        {
            "postings": [
                posting("redeem", -150, TAKES_ALL, movement(-50, TOMORROW)),
                posting("tier", 0, movement(5, available_at=TOMORROW)),
            ]
        },
        "LG001",
    ),
    "a_redeem_that_only_says_it_is_a_capture": (
        {"postings": [posting("redeem", -5, movement(-5), detail={"hold_id": "none"})]},
        "LG001",
    ),
    "points_held_by_no_kind_of_entry": (
        {"postings": [posting("adjust", -5, movement(-10), held_change=5)]},
        "LG001",
    ),
}


@pytest.mark.parametrize("name", LIES_OF_A_FORGER)
async def test_a_forgery_whose_sums_agree_is_refused_and_nothing_is_written(gate: Gate, name: str):
    forgery, sqlstate = dict(LIES_OF_A_FORGER[name][0]), LIES_OF_A_FORGER[name][1]
    then: Spoil = forgery.pop("then", lambda arguments: None)
    arguments = await forged(gate, *forgery.pop("postings"), **forgery)
    then(arguments)
    assert await gate.refusal(arguments) == sqlstate


@pytest.mark.parametrize("durability", ["off", "local", "remote_write"])
async def test_a_commit_that_a_crash_could_lose_is_refused(prepared: TestDatabase, durability: str):
    async with opened(prepared, synchronous_commit=durability) as gate:
        assert await gate.refusal(await gate.good()) == "LG001"
