"""The gate: one test for each of its checks. Whatever the core proposes, or somebody who says he is the core."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from ledger_service.ledger.lots import ALWAYS, NEVER, Lot
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.storage.columns import COLUMNS_TOTAL
from ledger_service.storage.database import WRITER, Database
from ledger_service.storage.journal import WRITE_BATCH, PostgresJournal
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
    demo_id,
    forged,
    posting,
    prepare,
)
from tests.servers import TestDatabase, TestServer, cloning


@pytest.fixture(scope="module")
def prepared(postgres: TestServer, template_database: str) -> Iterator[TestDatabase]:
    """Books that no lie can change, so that one database does for all lies."""
    with cloning(postgres, template_database) as clone:
        database = clone()
        asyncio.run(prepare(database))
        yield database


@asynccontextmanager
async def opened(where: TestDatabase, **settings: str) -> AsyncIterator[Gate]:
    service = await asyncpg.connect(where.service_url, server_settings=WRITER | settings)
    owner = await asyncpg.connect(where.owner_url)
    try:
        async with Database.open(where.service_url) as database:
            yield Gate(service, owner, PostgresJournal(database), await demo_id(database))
    finally:
        await service.close()
        await owner.close()


@pytest.fixture
async def gate(prepared: TestDatabase) -> AsyncIterator[Gate]:
    async with opened(prepared) as gate:
        yield gate


def put(name: str, place: int, value: Any) -> Spoil:
    """Say something else in one place of a list."""
    return lambda arguments: arguments[name].__setitem__(place, value)


def add(name: str, place: int, value: int) -> Spoil:
    return lambda arguments: arguments[name].__setitem__(place, arguments[name][place] + value)


def say(name: str, value: Any) -> Spoil:
    return lambda arguments: arguments.__setitem__(name, value)


def all_of(*spoils: Spoil) -> Spoil:
    return lambda arguments: [spoil(arguments) for spoil in spoils]


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


def many(prefix: str, total: int) -> Spoil:
    """Lists of one kind, too long."""
    return lambda arguments: arguments.update(
        {name: (values * total)[:total] for name, values in arguments.items() if name.startswith(prefix)}
    )


def repeat_lot(arguments: Arguments) -> None:
    for name, values in arguments.items():
        if name.startswith("l_"):
            values.append(values[0])


HASH = b"\x01" * 32
# What is said, and the SQLSTATEs of which it must be refused with one.
LIES: dict[str, tuple[Spoil, str]] = {
    "recorded_in_the_past": (say("p_now", NOON - timedelta(seconds=61)), "LG001"),
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
    "no_fingerprint": (put("e_fingerprints", 0, None), "23502"),
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


async def test_the_call_that_all_lies_are_made_of_is_written(clone_database: Any):
    where = clone_database()
    await prepare(where)
    async with opened(where) as gate:
        assert await gate.call(await gate.good()) == []
        written = await contents(gate.owner)
        assert len(written["entry"]) == 4 + 4
        assert await gate.owner.fetchval("SELECT revoked_at FROM ledger.identifier WHERE identifier_id = 'old-card'")


async def lists_of(gate: Gate) -> list[str]:
    names = [name for name in await gate.good() if not name.startswith("p_")]
    assert len(names) == COLUMNS_TOTAL
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
        "WHERE proname = 'write_batch_v1'",
        name,
    )
    return found


# Lists in which a null has a meaning: no order, no date, no key, nothing reversed.
MAY_BE_NULL = {
    *("a_due_ats", "e_order_ids", "e_keys", "e_reasons", "e_available_ats", "e_expires_ats", "e_reverses"),
    *("e_transfer_ids", "k_account_ids", "k_seqs"),
}


async def test_a_null_in_a_list_is_refused_where_it_has_no_meaning(gate: Gate):
    for name in await lists_of(gate):
        good = await gate.good()
        # The metadata of an account that is there are not written: the last one is new.
        place = -1 if name == "a_metadatas" else 0
        if name not in MAY_BE_NULL:
            put(name, place, None)(good)
            assert await gate.refusal(good) in {"LG001", "23502", "23514"}, name


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
