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
    again,
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
    swap,
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
    swap("accounts")(arguments)
    for name in ("p_entries", "p_lots", "p_outcomes", "p_attachments", "p_revocations"):
        for said in arguments[name]:
            said["account"] = {A: B, B: A}.get(said["account"], said["account"])
        arguments[name].sort(key=lambda said: said["account"])


def one_of_several(account_id: str, change: Callable[[list[Any]], object]) -> Spoil:
    """Say that the first outcome of several entries of this account is other ones."""

    def spoil(arguments: Arguments) -> None:
        several = [
            row for row in arguments["p_outcomes"] if (row["form"], row["account_id"]) == ("several", account_id)
        ]
        named = json.loads(several[0]["detail"])["entries"]
        several[0]["detail"] = json.dumps({"entries": change(named)})

    return spoil


HASH = b"\x01" * 32
# What is said, and the SQLSTATEs of which it must be refused with one.
LIES: dict[str, tuple[Spoil, str]] = {
    "recorded_in_the_future": (say("p_now", NOON + timedelta(seconds=2)), "LG001"),
    "recorded_never": (say("p_now", None), "LG001"),
    "an_unknown_program": (say("p_program_id", 999), "LG001"),
    "no_program": (say("p_program_id", None), "LG001"),
    "no_rule_version": (say("p_rule_version", None), "LG001"),
    "an_account_of_another_program": (
        all_of(put("accounts", 3, account_id="z"), put("accounts", 3, version=1)),
        "LG001",
    ),
    "an_account_that_is_not_there": (put("accounts", 0, account_id="aa"), "LG001"),
    "an_account_without_a_name": (put("accounts", 0, account_id=None), "LG001"),
    "a_new_account_with_an_empty_name": (put("accounts", 3, account_id=""), "LG001"),
    "a_new_account_with_a_name_too_long": (put("accounts", 3, account_id="d" * 65), "23514"),
    "accounts_not_sorted": (swap_accounts, "LG001"),
    "an_account_named_twice": (again("accounts"), "LG001"),
    "another_loaded_hash": (put("accounts", 0, loaded_hash=HASH), "LG001"),
    "another_head_hash": (put("accounts", 0, head_hash=HASH), "LG001"),
    "a_head_hash_without_an_entry": (put("accounts", 2, head_hash=HASH), "LG001"),
    "a_head_hash_that_is_none": (all_of(put("accounts", 0, head_hash=b""), put("entries", 2, hash=b"")), "23514"),
    "a_seq_further_on": (add("accounts", 0, seq=1), "LG001"),
    "a_seq_further_back": (put("accounts", 0, seq=1), "LG001"),
    "another_balance": (add("accounts", 0, balance=1), "LG001"),
    "another_balance_without_an_entry": (add("accounts", 2, balance=1), "LG001"),
    "held_points": (put("accounts", 0, held=1), "LG001"),
    "held_points_below_0": (put("accounts", 0, held=-1), "LG001"),
    "a_debt": (put("accounts", 0, debt=1), "LG001"),
    "a_debt_below_0": (put("accounts", 0, debt=-1), "LG001"),
    "a_debt_not_paid": (put("accounts", 1, debt=15), "LG001"),
    "other_lifetime_points": (add("accounts", 0, lifetime_points=1), "LG001"),
    "other_lifetime_points_without_an_entry": (add("accounts", 2, lifetime_points=1), "LG001"),
    "a_status_that_is_none": (put("accounts", 0, status=None), "LG001"),
    "a_status_nobody_knows": (put("accounts", 0, status="gone"), "23514"),
    "an_account_merged_by_its_status": (put("accounts", 0, status="merged"), "LG001"),
    "metadata_of_a_new_account_that_are_no_json": (put("accounts", 3, metadata="{"), "22P02"),
    "an_entry_of_nobody": (put("entries", 0, account=0), "LG001"),
    "an_entry_of_the_account_after_the_last": (put("entries", 0, account=D + 1), "LG001"),
    "an_entry_of_another_account": (put("entries", 0, account=B), "LG001"),
    "a_seq_twice": (put("entries", 1, seq=3), "LG001"),
    "a_gap_in_seq": (put("entries", 0, seq=4), "LG001"),
    "a_wrong_balance_after": (add("entries", 0, balance_after=1), "LG001"),
    "a_wrong_balance_after_at_the_end": (add("entries", 2, balance_after=1), "LG001"),
    "more_points_than_the_balance_says": (add("entries", 0, points=1), "LG001"),
    "the_most_points_a_bigint_holds": (put("entries", 0, points=2**63 - 1), "22003"),
    "the_most_balance_a_bigint_holds": (
        all_of(put("accounts", 0, balance=2**63 - 1), put("accounts", 0, debt=2**63 - 1)),
        "LG001",
    ),
    "more_available_than_there_is": (put("entries", 0, available_after=10_000), "23514"),
    "held_points_after_an_entry": (put("entries", 2, held_after=1), "LG001"),
    "less_than_nothing_written_off": (put("entries", 0, written_off=-1), "23514"),
    "metadata_of_an_entry_that_are_no_json": (put("entries", 0, metadata="{"), "22P02"),
    "movements_that_are_no_json": (put("entries", 0, movements="["), "22P02"),
    "movements_that_are_no_list": (put("entries", 0, movements="{}"), "22023"),
    "movements_without_points": (put("entries", 0, movements="[[null,null,null]]"), "LG001"),
    "movements_of_other_points": (put("entries", 0, movements="[[null,null,11]]"), "LG001"),
    "movements_of_another_lot": (put("entries", 0, movements="[[1796385600000001,null,10]]"), "LG001"),
    "a_reversal_of_what_is_not_there": (put("entries", 2, reverses_seq=0), "LG001"),
    "a_reversal_of_the_future": (put("entries", 2, reverses_seq=9), "23514"),
    "a_reversal_of_itself": (put("entries", 2, reverses_seq=5), "23514"),
    "an_earn_reversed_as_a_redeem": (put("entries", 2, reverses_seq=4), "LG001"),
    "a_fingerprint_too_short": (put("entries", 0, fingerprint=b"short"), "23514"),
    "no_fingerprint": (put("entries", 0, fingerprint=None), "LG001"),
    "an_empty_key": (put("entries", 0, idempotency_key=""), "23514"),
    "a_key_too_long": (put("entries", 0, idempotency_key="k" * 256), "23514"),
    "a_key_twice": (put("entries", 1, idempotency_key="good-earn"), "23505"),
    "a_key_of_an_entry_and_a_refusal": (put("outcomes", 0, idempotency_key="good-earn"), "23505"),
    "a_key_that_is_known": (put("entries", 0, idempotency_key="first"), "23505"),
    "an_order_that_is_known": (put("entries", 0, order_id="A-1"), "23505"),
    "entries_not_in_the_order_of_seq": (swap("entries"), "LG001"),
    "entries_not_in_the_order_of_their_accounts": (swap("entries", 2), "LG001"),
    "an_entry_twice": (again("entries"), "LG001"),
    "lots_not_in_the_order_of_their_accounts": (swap("lots", 1), "LG001"),
    "a_lot_of_nobody": (put("lots", 0, account=0), "LG001"),
    "a_lot_of_the_account_after_the_last": (put("lots", 0, account=D + 1), "LG001"),
    "a_lot_that_stays": (put("lots", 0, points=0), "LG001"),
    "a_lot_changed_by_no_number": (put("lots", 0, points=None), "LG001"),
    "a_lot_with_more_points": (add("lots", 0, points=1), "LG001"),
    "lots_with_points_swapped": (all_of(add("lots", 0, points=1), add("lots", 1, points=-1)), "LG001"),
    "a_lot_of_other_dates": (put("lots", 1, expires_at=TOMORROW + DAY), "LG001"),
    "a_lot_twice": (again("lots"), "LG001"),
    "an_outcome_posted_without_an_entry": (
        all_of(put("outcomes", 0, form="posted"), put("outcomes", 0, account_id="a"), put("outcomes", 0, seq=1)),
        "LG001",
    ),
    "an_outcome_of_no_form": (put("outcomes", 0, form=None), "23502"),
    "an_outcome_of_an_unknown_form": (put("outcomes", 0, form="forgotten"), "LG001"),
    "an_outcome_that_repeats_nothing": (put("outcomes", 1, seq=77), "LG001"),
    "an_outcome_that_repeats_no_number": (put("outcomes", 1, seq=None), "LG001"),
    "an_outcome_that_repeats_another_program": (put("outcomes", 1, account_id="z"), "LG001"),
    "an_outcome_of_the_account_after_the_last": (put("outcomes", 0, account=D + 1), "LG001"),
    "an_outcome_of_an_account_below_0": (put("outcomes", 0, account=-1), "LG001"),
    "a_refusal_without_its_reason": (put("outcomes", 0, detail=None), "23514"),
    "a_refusal_that_is_no_json": (put("outcomes", 0, detail="no"), "22P02"),
    "an_identifier_of_nobody": (put("attachments", 0, account=0), "LG001"),
    "an_identifier_of_an_unknown_type": (put("attachments", 0, type="iris"), "23514"),
    "an_identifier_in_clear": (put("attachments", 0, digest=b"4111 1111 1111 1111"), "23514"),
    "a_revocation_for_nobody": (put("revocations", 0, account=0), "LG001"),
    "a_revocation_of_what_another_account_has": (put("revocations", 0, account=B), "LG001"),
    "too_many_accounts": (many("accounts", 2001), "LG001"),
    "too_many_entries": (many("entries", 20_001), "LG001"),
    "too_many_lots": (many("lots", 20_001), "LG001"),
    "too_many_outcomes": (many("outcomes", 20_001), "LG001"),
    "too_many_identifiers": (many("attachments", 20_001), "LG001"),
    "too_many_revocations": (many("revocations", 20_001), "LG001"),
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
        assert await gate.call(good | {name: value}) == [one["account_id"] for one in good["p_accounts"]]
    without_accounts = {name: [] if isinstance(value, list) else value for name, value in good.items()} | {
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


# The lists that the gates of earlier releases take, each a column of what this one takes.
LISTS_BEFORE = {
    "a": {
        "account_ids": "account_id",
        "versions": "version",
        "groups": "group_number",
        "loaded_hashes": "loaded_hash",
        "statuses": "status",
        "seqs": "seq",
        "balances": "balance",
        "helds": "held",
        "debts": "debt",
        "lifetimes": "lifetime_points",
        "due_ats": "next_due_at",
        "head_hashes": "head_hash",
        "metadatas": "metadata",
        "merged_intos": "merged_into",
        "standings": "standing",
    },
    "e": {
        "accounts": "account",
        "seqs": "seq",
        "kinds": "kind",
        "points": "points",
        "balances": "balance_after",
        "availables": "available_after",
        "helds": "held_after",
        "order_ids": "order_id",
        "sources": "source",
        "keys": "idempotency_key",
        "fingerprints": "fingerprint",
        "reasons": "reason",
        "metadatas": "metadata",
        "movements": "movements",
        "available_ats": "available_at",
        "expires_ats": "expires_at",
        "reverses": "reverses_seq",
        "transfer_ids": "transfer_id",
        "written_offs": "written_off",
        "occurred_ats": "occurred_at",
        "hashes": "hash",
        "details": "detail",
    },
    "l": {
        "accounts": "account",
        "expires_ats": "expires_at",
        "available_ats": "available_at",
        "points": "points",
    },
    "k": {
        "accounts": "account",
        "keys": "idempotency_key",
        "fingerprints": "fingerprint",
        "forms": "form",
        "account_ids": "account_id",
        "seqs": "seq",
        "details": "detail",
    },
    "i": {
        "accounts": "account",
        "identifier_ids": "identifier_id",
        "types": "type",
        "digests": "digest",
        "maskeds": "masked",
    },
    "r": {"accounts": "account", "identifier_ids": "identifier_id"},
}
ROWS_NOW = {
    "a": "p_accounts",
    "e": "p_entries",
    "l": "p_lots",
    "k": "p_outcomes",
    "i": "p_attachments",
    "r": "p_revocations",
}


def as_before(name: str, arguments: Arguments) -> Any:
    """What an earlier gate is given as its parameter of this name."""
    kind, _, listed = name.partition("_")
    if kind not in ROWS_NOW:
        return arguments[name]
    return [said[LISTS_BEFORE[kind][listed]] for said in arguments[ROWS_NOW[kind]]]


BOOKS = """
SELECT account_id, seq, kind, points, balance_after, detail::text FROM ledger.entry
UNION ALL SELECT account_id, seq, status, balance, version, standing::text FROM ledger.account
UNION ALL SELECT account_id, NULL, expires_at::text, remaining, NULL, available_at::text FROM ledger.lot
UNION ALL SELECT account_id, NULL, identifier_id, NULL, NULL, revoked_at::text FROM ledger.identifier
UNION ALL SELECT account_id, seq, status, points, captured, hold_id FROM ledger.hold
UNION ALL SELECT account_id, points, day::text, visits, NULL, spend::text FROM ledger.qualifying_day
UNION ALL SELECT idempotency_key, seq, form, NULL, NULL, detail::text FROM ledger.outcome
WHERE account_id IS NOT NULL AND form <> 'refused' ORDER BY 1, 2, 3, 4, 6
"""


async def written_by(gate: Gate, version: str, arguments: Arguments) -> list[tuple[Any, ...]]:
    """The books after this gate wrote them."""
    if version == "write_batch_v3":
        assert await gate.call(arguments) == []
    else:
        names = await gate.owner.fetchval("SELECT proargnames[1:pronargs] FROM pg_proc WHERE proname = $1", version)
        places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
        lists = [as_before(name, arguments) for name in names]
        assert await gate.service.fetch(f"SELECT FROM ledger.{version}({places})", *lists) == []
    return [tuple(row) for row in await gate.owner.fetch(BOOKS) if not row[0].startswith("key-")]


async def test_earlier_releases_write_on_beside_this_one(clone_database: Any):
    """Their gates take what they took, and all come to the same books."""
    written = []
    for version in ("write_batch_v1", "write_batch_v2", "write_batch_v3"):
        where = clone_database()
        await prepare(where)
        async with opened(where) as gate:
            written.append(await written_by(gate, version, await gate.good()))
    assert written[0] == written[1] == written[2]


async def test_the_last_release_writes_the_life_of_points_on_beside_this_one(clone_database: Any):
    written = []
    for version in ("write_batch_v2", "write_batch_v3"):
        where = clone_database()
        await prepare_life(where)
        async with opened(where, CLUB) as gate:
            written.append(await written_by(gate, version, await life(gate)))
    assert written[0] == written[1]


LISTS = tuple(ROWS_NOW.values())


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_that_is_missing_is_refused(gate: Gate, name: str):
    assert await gate.refusal(await gate.good() | {name: None}) == "LG001"


@pytest.mark.parametrize("name", LISTS)
async def test_a_row_that_is_none_is_refused(gate: Gate, name: str):
    for place in range(len((await gate.good())[name]) + 1):
        good = await gate.good()
        good[name].insert(place, None)
        assert await gate.refusal(good) == "LG001", place
        del good[name][place]
        if place < len(good[name]):
            good[name][place] = None
            assert await gate.refusal(good) == "LG001", place


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_that_does_not_begin_at_1_is_refused(gate: Gate, name: str):
    """Some checks reach a row by its place, some writes by its order: they must mean the same."""
    good = await gate.good()
    kind = await type_of(gate, name)
    for first in (0, 2):
        shifted = f"('[{first}:{first + len(good[name]) - 1}]=' || {{}}::{kind}::text)::{kind}"
        assert await gate.refusal(good, instead_of(name, good, shifted)) == "LG001"


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_of_lists_is_refused(gate: Gate, name: str):
    good = await gate.good()
    assert await gate.refusal(good, instead_of(name, good, f"ARRAY[{{}}::{await type_of(gate, name)}]")) == "LG001"
    pairs = f"(SELECT array_agg(ARRAY[one]) FROM unnest({{}}::{await type_of(gate, name)}) AS one)"
    assert await gate.refusal(good, instead_of(name, good, pairs)) == "LG001"


@pytest.mark.parametrize("name", LISTS)
async def test_a_row_with_other_columns_is_refused(gate: Gate, name: str):
    """By Postgres: what has other columns is of another type."""
    good = await gate.good()
    kind = await type_of(gate, name)
    for written in ("(1)", f"({',' * 30})"):
        other = f"(array_fill('{written}'::text, ARRAY[cardinality({{}}::{kind})]))::{kind}"
        assert await gate.refusal(good, instead_of(name, good, other)) == "22P02"


def instead_of(name: str, arguments: Arguments, expression: str) -> str:
    """The call with this expression in the place of one argument."""
    place = f"${list(arguments).index(name) + 1}"
    return re.sub(rf"{re.escape(place)}\b", lambda _found: expression.format(place), WRITE_BATCH)


async def type_of(gate: Gate, name: str) -> str:
    found: str = await gate.owner.fetchval(
        "SELECT format_type(proargtypes[array_position(proargnames, $1) - 1], NULL) FROM pg_proc "
        "WHERE proname = 'write_batch_v3'",
        name,
    )
    return found


# Columns in which a null has a meaning: no order, no date, no key, nothing reversed.
MAY_BE_NULL = {
    "p_accounts": {"next_due_at", "merged_into", "standing"},
    "p_entries": {
        *("order_id", "idempotency_key", "reason", "available_at", "expires_at", "reverses_seq", "transfer_id"),
        "detail",
    },
    "p_outcomes": {"account_id", "seq"},
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_null_in_a_row_is_refused_where_it_has_no_meaning(gate: Gate, name: str):
    for column in (await gate.good())[name][0].keys() - MAY_BE_NULL.get(name, set()):
        good = await gate.good()
        # The metadata of an account that is there are not written: the last one is new.
        good[name][-1 if column == "metadata" else 0][column] = None
        assert await gate.refusal(good) in {"LG001", "23502", "23514"}, column


# What is refused also when it is said beside an account that is in conflict, and not written.
BESIDE_A_CONFLICT: dict[str, Spoil] = {
    "an_entry_of_nobody": put("entries", 0, account=0),
    "an_entry_of_no_number": put("entries", 0, account=None),
    "an_entry_of_the_account_after_the_last": put("entries", -1, account=D + 1),
    "a_lot_of_nobody": put("lots", 0, account=0),
    "a_lot_of_the_account_after_the_last": put("lots", -1, account=D + 1),
    "an_outcome_of_the_account_after_the_last": put("outcomes", 0, account=D + 1),
    "an_identifier_of_nobody": put("attachments", 0, account=0),
    "a_revocation_for_nobody": put("revocations", 0, account=None),
    "an_account_in_no_group": put("accounts", 0, group_number=None),
    "an_account_loaded_at_no_version": put("accounts", 1, version=None),
    "another_balance": add("accounts", 1, balance=1),
    "another_loaded_hash": put("accounts", 1, loaded_hash=HASH),
    "a_debt_that_nobody_made": put("accounts", 2, debt=1),
}


@pytest.mark.parametrize("name", BESIDE_A_CONFLICT)
async def test_a_lie_beside_a_conflict_is_refused_and_nothing_is_written(gate: Gate, name: str):
    arguments = await gate.good()
    put("accounts", 0, version=99)(arguments)
    BESIDE_A_CONFLICT[name](arguments)
    assert await gate.refusal(arguments) == "LG001"


# What is said otherwise in the call of `life`.
LIES_OF_LIFE: dict[str, tuple[Spoil, str]] = {
    "a_detail_that_is_no_json": (of_entry("b", "earn", detail="{"), "22P02"),
    "a_standing_that_is_no_json": (of_account("a", standing="{"), "22P02"),
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
    "several_entries_with_a_fingerprint": (of_entry("a", "transfer_out", fingerprint=bytes(16)), "LG001"),
    "several_entries_under_no_key": (of_entry("a", "transfer_out", idempotency_key=None), "LG001"),
    "a_fingerprint_without_a_key": (of_entry("b", "earn", idempotency_key=None), "LG001"),
    "more_undone_than_there_was": (
        of_entry("h", "reverse_earn", written_off=51),
        "LG001",
    ),
    "an_entry_undone_in_the_books_of_an_active_account": (
        of_entry("h", "reverse_earn", detail=in_detail(reverses_account="a")),
        "LG001",
    ),
    "an_entry_undone_in_books_that_are_not_in_the_batch": (
        of_entry("h", "reverse_earn", detail=in_detail(reverses_account="idle")),
        "LG001",
    ),
    "an_entry_of_ones_own_undone_as_that_of_another": (
        of_entry("h", "reverse_earn", detail=in_detail(reverses_account="h")),
        "LG001",
    ),
    "an_entry_undone_that_is_not_there": (of_entry("h", "reverse_earn", reverses_seq=7), "LG001"),
    "an_entry_undone_that_is_none_to_be_undone": (of_entry("h", "reverse_earn", reverses_seq=2), "LG001"),
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
            "then": put("entries", 1, available_after=0),
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
