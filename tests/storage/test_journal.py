"""The journal: what is written is what was proposed, and what is loaded is what was written."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from fractions import Fraction
from random import Random

import asyncpg
import pytest

from ledger_service import metrics
from ledger_service.errors import AccountLocked, DatabaseUnavailable, KeyTaken, OutcomeUnknown, ProposalRejected
from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot
from ledger_service.ledger.outcomes import Outcome, Posted, PostedSeveral, Repeated, Replayed, WrittenTogether
from ledger_service.ledger.states import EntryFacts
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.programs import Programs
from tests.builders import (
    DAY,
    NOON,
    adjust,
    attach,
    cancel,
    capture,
    claim,
    confirm,
    earn,
    entries_of,
    entry_of,
    merge,
    open_account,
    place_hold,
    purchase,
    redeem,
    refund,
    refusal_of,
    reverse,
    revoke,
    set_status,
    set_tier,
    settle_due,
    together,
    transfer,
    unmerge,
)
from tests.storage.conftest import Storage, configure
from tests.varied_books import create_program, post

BUYING = {"auto_open": True, "currency": "EUR", "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}]}


async def test_a_batch_loads_nothing_of_accounts_keys_and_orders_that_are_not_there(storage: Storage):
    loaded = await storage.journal.load_batch(storage.program_id, [earn(order_id="A-1"), reverse(1)])
    assert (loaded.accounts, loaded.outcomes, loaded.orders, loaded.entries) == ({}, {}, {}, {})
    assert (loaded.program.program_id, loaded.program.settings.auto_open, loaded.now) == (
        storage.program_id,
        True,
        NOON,
    )


async def test_an_account_is_loaded_as_it_was_written(storage: Storage):
    commands = (open_account(metadata='{"a":"ü"}'), earn(5), earn(7, expires_at=NOON + DAY), redeem(3))
    written = (await storage.proposal(*commands)).accounts[0].after
    await storage.post(*commands)
    loaded = await storage.journal.load_batch(storage.program_id, [earn()])
    assert loaded.accounts == {"m-1": replace(written, version=1)}


async def test_lots_are_loaded_in_the_order_in_which_they_are_consumed(storage: Storage):
    dates = [(None, None), (2, None), (1, None), (2, 1), (None, 1)]
    await storage.post(
        *(
            earn(10 + place, expires_at=gone and NOON + gone * DAY, available_at=usable and NOON + usable * DAY)
            for place, (gone, usable) in enumerate(dates)
        )
    )
    account = (await storage.journal.load_batch(storage.program_id, [earn()])).accounts["m-1"]
    assert account.lots == (
        Lot(NOON + DAY, ALWAYS, 12),
        Lot(NOON + 2 * DAY, ALWAYS, 11),
        Lot(NOON + 2 * DAY, NOON + DAY, 13),
        Lot(NEVER, ALWAYS, 10),
        Lot(NEVER, NOON + DAY, 14),
    )


async def test_an_empty_lot_is_gone(storage: Storage):
    await storage.post(earn(10), earn(5, expires_at=NOON + DAY), redeem(5))
    assert await storage.count("lot") == 1
    await storage.post(redeem(10))
    assert await storage.count("lot") == 0


async def test_every_form_of_outcome_is_replayed_as_it_was_told(storage: Storage):
    card = claim("1111")
    commands: list[Command] = [
        open_account(identifiers=[card]),
        earn(100, order_id="A-1", reason="why", metadata='{"b":[1,null]}', available_at=NOON + DAY),
        earn(100, order_id="A-1"),
        redeem(500),
        open_account("never", identifiers=[card]),
        reverse(1, 10),
        set_status("suspended"),
        together(earn(1), earn(2, account_id="m-2")),
        together(earn(1), redeem(999, account_id="m-2")),
        adjust(5),
        earn(70, account_id="m-5"),
        earn(1, account_id="m-6"),
        transfer(20, "m-6", account_id="m-5"),
        place_hold(30, "h-1", account_id="m-5"),
        capture("h-1", 10, account_id="m-5"),
        merge("m-6", account_id="m-5"),
        capture("h-1", account_id="m-5", chain=("m-6",)),
        set_tier(None, account_id="m-6"),
    ]
    first = await storage.post(*commands)
    again = await storage.post(*commands)
    for command, told, replayed in zip(commands, first, again, strict=True):
        assert isinstance(replayed, Replayed), command
        assert as_stored(replayed.first) == as_stored(told)
    assert await storage.count("outcome") == len(commands) + 2


def as_stored(outcome: Outcome) -> Outcome:
    """The hash before an entry is that of the entry before it: it is not stored twice, nor told."""
    match outcome:
        case Replayed(first):
            return as_stored(first)
        case WrittenTogether(outcomes):
            return WrittenTogether(tuple(as_stored(one) for one in outcomes))
        case Posted(entry) | Repeated(entry):
            return type(outcome)(replace(entry, previous_hash=b""))
        case PostedSeveral(entries):
            return PostedSeveral(tuple(replace(entry, previous_hash=b"") for entry in entries))
        case _:
            return outcome


async def test_an_entry_to_be_reversed_comes_with_what_was_reversed_of_it(storage: Storage):
    await storage.post(earn(100), reverse(1, 30), redeem(70))
    await storage.post(adjust(-5, allow_negative=True), reverse(1, 20))
    loaded = await storage.journal.load_batch(storage.program_id, [reverse(1), reverse(9)])
    assert loaded.entries.keys() == {("m-1", 1)}
    assert loaded.entries["m-1", 1].reversed_points == 50


async def test_what_was_written_off_counts_as_taken_back(storage: Storage):
    clamps = await Programs(storage.database).put(storage.program_id, 1, {"auto_open": True})
    assert clamps is not None
    await storage.post(earn(100), redeem(70))
    [outcome] = await storage.post(reverse(1))
    assert (entry_of(outcome).points, entry_of(outcome).written_off) == (-30, 70)
    loaded = await storage.journal.load_batch(storage.program_id, [reverse(1)])
    assert loaded.entries["m-1", 1].reversed_points == 100


async def test_an_order_is_found_by_its_source_and_kind(storage: Storage):
    await storage.post(earn(5, order_id="A-1"), earn(6, order_id="A-1", source="web"), redeem(1, order_id="A-1"))
    asked = [earn(order_id="A-1"), redeem(order_id="A-1", source="web"), redeem(order_id="A-2")]
    loaded = await storage.journal.load_batch(storage.program_id, asked)
    assert {key: entry.seq for key, entry in loaded.orders.items()} == {("shop-berlin", "earn", "A-1"): 1}


async def test_what_is_undone_after_a_merge_counts_for_the_entry_of_the_merged_account(storage: Storage):
    await configure(storage, BUYING)
    bought = earn(purchase=purchase("60.00"), order_id="A-1")
    await storage.post(bought, redeem(20, order_id="A-1"), earn(9, account_id="m-2"))
    await storage.post(refund("A-1", "6.00"))
    await storage.post(merge("m-2"))
    await storage.post(refund("A-1", "24.00", chain=("m-2",)))
    loaded = await storage.journal.load_batch(storage.program_id, [refund("A-1", chain=("m-2",)), reverse(3)])
    earned, redeemed = loaded.entries["m-1", 1], loaded.entries["m-1", 2]
    assert (earned.reversed_points, earned.shares, earned.is_uncounted) == (30, (Fraction(1, 2),), False)
    assert (redeemed.reversed_points, redeemed.shares) == (10, None)
    # Of what m-2 has at that place itself, nothing was undone.
    own = await storage.journal.load_batch(storage.program_id, [reverse(1, account_id="m-2")])
    assert own.entries["m-2", 1].reversed_points == 0


async def test_a_purchase_of_which_nothing_is_left_counts_no_more(storage: Storage):
    await configure(storage, BUYING)
    await storage.post(earn(purchase=purchase("60.00"), order_id="A-1"))
    await storage.post(reverse(1))
    loaded = await storage.journal.load_batch(storage.program_id, [refund("A-1")])
    facts = loaded.entries["m-1", 1]
    assert (facts.reversed_points, facts.shares, facts.is_uncounted) == (60, (Fraction(1),), True)


@pytest.mark.parametrize("is_merged", [False, True])
async def test_an_entry_whose_points_were_freed_comes_with_what_freed_them(storage: Storage, is_merged: bool):
    await configure(storage, BUYING | {"available": {"mode": "on_event"}})
    await storage.post(earn(purchase=purchase("60.00"), order_id="A-1"), open_account("m-2"))
    if is_merged:
        await storage.post(merge("m-2"))
    freeing = confirm("A-1", chain=("m-2",))
    before = await storage.journal.load_batch(storage.program_id, [freeing])
    assert before.entries["m-1", 1].confirmed_by is None
    [outcome] = await storage.post(freeing)
    [freed] = entries_of(outcome)
    assert freed.account_id == ("m-2" if is_merged else "m-1")
    loaded = await storage.journal.load_batch(storage.program_id, [cancel("A-1", chain=("m-2",))])
    facts = loaded.entries["m-1", 1]
    assert (facts.confirmed_by, facts.reversed_points) == (replace(freed, previous_hash=b""), 0)


async def test_an_order_comes_with_the_settings_under_which_it_was_earned(storage: Storage):
    await storage.post(earn(order_id="A-1"), earn(order_id="A-2"), reverse(1, 5))
    await configure(storage, BUYING)
    await configure(storage, BUYING | {"rounding": "ceil"})
    asked = [refund("A-1"), earn(order_id="A-3")]
    loaded = await storage.journal.load_batch(storage.program_id, asked)
    assert {version: settings.version for version, settings in loaded.settings.items()} == {1: 1, 3: 3}
    assert loaded.settings[3] == loaded.program.settings
    assert loaded.settings[1].rules == ()
    alone = await storage.journal.load_batch(storage.program_id, [earn(order_id="A-1"), reverse(1)])
    assert alone.settings.keys() == {3}


async def test_orders_of_returns_and_captures_are_found(storage: Storage):
    await storage.post(earn(50, order_id="A-1"), redeem(5, order_id="A-1"), redeem(6, order_id="A-2"))
    for command, kinds in (
        (refund("A-1"), {"earn", "redeem"}),
        (confirm("A-1"), {"earn", "redeem"}),
        (cancel("A-1"), {"earn", "redeem"}),
        (refund("A-1", source="web"), set()),
        (capture("h-1", order_id="A-1"), {"redeem"}),
        (place_hold(1, order_id="A-1"), {"redeem"}),
    ):
        loaded = await storage.journal.load_batch(storage.program_id, [command])
        assert {kind for _, kind, _ in loaded.orders} == kinds, command
        assert {entry.kind for entry in (facts.entry for facts in loaded.entries.values())} == kinds


async def test_a_merge_to_be_undone_comes_with_the_entry_that_made_it(storage: Storage):
    await storage.post(earn(50), open_account("m-2"))
    [outcome] = await storage.post(merge("m-2"))
    gone, _ = entries_of(outcome)
    loaded = await storage.journal.load_batch(storage.program_id, [unmerge("m-2")])
    assert loaded.entries == {("m-1", 2): EntryFacts(replace(gone, previous_hash=b""))}


async def test_programs_do_not_see_each_other(storage: Storage):
    other_id = await create_program(storage.database, "other")
    command = earn(5, order_id="A-1", key="same")
    await storage.post(command)
    loaded = await storage.journal.load_batch(other_id, [command, reverse(1)])
    assert (loaded.accounts, loaded.outcomes, loaded.orders, loaded.entries) == ({}, {}, {}, {})
    [outcome] = await post(storage.journal, other_id, command)
    assert entry_of(outcome).seq == 1


async def test_identifiers_are_loaded_for_whoever_asks_about_them(storage: Storage):
    card, phone = claim("1111"), claim("2222", "phone")
    await storage.post(open_account("m-1", identifiers=[card]), open_account("m-2", identifiers=[phone]))
    for command, found in (
        (attach(replace(card, identifier_id="new"), account_id="m-2"), [card]),
        (open_account("m-3", identifiers=[phone]), [phone]),
        (set_status(account_id="m-1"), [card]),
        (revoke(phone.identifier_id, account_id="m-2"), [phone]),
        (merge("m-2", account_id="m-1"), [card, phone]),
        (unmerge("m-2", account_id="m-1"), [card, phone]),
        (set_tier(account_id="m-2"), [phone]),
        (transfer(1, "m-2", account_id="m-1"), []),
        (earn(), []),
    ):
        loaded = await storage.journal.load_batch(storage.program_id, [command])
        assert [held.claim for held in loaded.identifiers] == found


async def test_a_revoked_identifier_can_be_attached_anew_even_in_the_same_batch(storage: Storage):
    card = claim("1111", identifier_id="old")
    await storage.post(open_account("m-1", identifiers=[card]), open_account("m-2"))
    anew = replace(card, identifier_id="new")
    await storage.post(revoke("old", account_id="m-1"), attach(anew, account_id="m-2"))
    rows = await storage.fetch("SELECT identifier_id, account_id FROM ledger.identifier WHERE revoked_at IS NULL")
    assert [tuple(row) for row in rows] == [("new", "m-2")]


async def test_an_identifier_attached_and_revoked_in_one_batch_finds_nobody(storage: Storage):
    card = claim("1111", identifier_id="brief")
    await storage.post(open_account(), attach(card), revoke("brief"))
    assert await storage.fetch("SELECT FROM ledger.identifier WHERE revoked_at IS NULL") == []
    assert await storage.count("identifier") == 1


async def test_an_account_that_moved_on_is_answered_and_the_others_are_written(storage: Storage):
    await storage.post(earn(5, account_id="moved"), earn(5, account_id="still"))
    proposal = await storage.proposal(
        earn(1, account_id="moved"), earn(1, account_id="still"), earn(1, account_id="new")
    )
    await storage.post(earn(7, account_id="moved"))
    assert (await storage.journal.write_batch(proposal)).conflicts == {"moved"}
    rows = await storage.fetch("SELECT account_id, balance, seq, version FROM ledger.account ORDER BY account_id")
    assert [tuple(row) for row in rows] == [("moved", 12, 2, 2), ("new", 1, 1, 1), ("still", 6, 2, 2)]
    assert await storage.count("entry") == await storage.count("outcome") == 5


async def test_who_is_bound_to_an_account_that_moved_on_is_not_written_either(storage: Storage):
    await storage.post(earn(5, account_id="moved"))
    bulk = together(earn(1, account_id="moved"), earn(1, account_id="bound"), earn(1, account_id="new"))
    proposal = await storage.proposal(bulk, earn(1, account_id="free"))
    await storage.post(earn(7, account_id="moved"))
    assert (await storage.journal.write_batch(proposal)).conflicts == {"moved", "bound", "new"}
    rows = await storage.fetch("SELECT account_id FROM ledger.account ORDER BY 1")
    assert [row["account_id"] for row in rows] == ["free", "moved"]
    assert bulk.key not in {row["idempotency_key"] for row in await storage.fetch("SELECT * FROM ledger.outcome")}


async def test_a_refusal_is_void_when_its_account_moved_on(storage: Storage):
    await storage.post(open_account())
    too_much = redeem(50, key="too-much")
    proposal = await storage.proposal(too_much)
    await storage.post(earn(100))
    assert (await storage.journal.write_batch(proposal)).conflicts == {"m-1"}
    [outcome] = await storage.post(too_much)
    assert entry_of(outcome).points == -50


async def test_two_instances_that_open_one_account_open_it_once(storage: Storage):
    first, second = [await storage.proposal(earn(points, key=f"key-of-{points}")) for points in (1, 2)]
    async with Database.open(storage.where.service_url) as other:
        answers = await asyncio.gather(storage.journal.write_batch(first), PostgresJournal(other).write_batch(second))
    assert sorted((answer.conflicts for answer in answers), key=len) == [frozenset(), {"m-1"}]
    assert await storage.count("entry") == await storage.count("account") == 1


async def test_when_the_settings_move_on_everything_is_decided_again(storage: Storage):
    proposal = await storage.proposal(earn(1, account_id="m-1"), earn(1, account_id="m-2"))
    await Programs(storage.database).put(storage.program_id, 1, {})
    assert (await storage.journal.write_batch(proposal)).conflicts == {"m-1", "m-2"}
    assert await storage.count("account") == await storage.count("outcome") == 0
    loaded = await storage.journal.load_batch(storage.program_id, [earn()])
    assert (loaded.program.settings.version, loaded.program.settings.auto_open) == (2, False)


@pytest.mark.parametrize(
    ("slow", "quick"),
    [
        (earn(1, account_id="m-1", key="same"), earn(1, account_id="m-2", key="same")),
        (earn(1, account_id="m-1", order_id="A-1"), earn(1, account_id="m-2", order_id="A-1")),
        (
            attach(claim("1111"), account_id="m-1"),
            attach(claim("1111"), account_id="m-2"),
        ),
    ],
    ids=["key", "order", "identifier"],
)
async def test_what_another_writer_took_meanwhile_is_decided_again(storage: Storage, slow: Command, quick: Command):
    await storage.post(open_account("m-1"), open_account("m-2"))
    proposal = await storage.proposal(slow)
    await storage.post(quick)
    entries = await storage.count("entry")
    with pytest.raises(KeyTaken):
        await storage.journal.write_batch(proposal)
    assert await storage.count("entry") == entries
    [outcome] = await storage.post(slow)
    assert not isinstance(outcome, Posted)
    refusal_of(outcome)


async def test_a_proposal_that_breaks_an_invariant_is_rejected_and_counted(storage: Storage):
    counted = metrics.INVARIANT_VIOLATIONS.labels("gate")._value.get()
    proposal = await storage.proposal(earn(5))
    wrong = replace(proposal.entries[0], balance_after=6)
    with pytest.raises(ProposalRejected, match="LG001"):
        await storage.journal.write_batch(replace(proposal, entries=(wrong,)))
    assert metrics.INVARIANT_VIOLATIONS.labels("gate")._value.get() == counted + 1
    assert await storage.count("account") == 0


async def test_a_connection_lost_while_the_gate_runs_leaves_the_outcome_unknown(storage: Storage):
    await storage.post(earn(5))
    proposal = await storage.proposal(earn(6))
    async with storage.owner.transaction():
        await storage.owner.execute("SELECT FROM ledger.account FOR UPDATE")
        writing = asyncio.create_task(storage.journal.write_batch(proposal))
        await _until_it_waits(storage)
        await storage.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with pytest.raises(OutcomeUnknown):
            await writing
    assert (await storage.journal.write_batch(proposal)).conflicts == frozenset()


async def test_a_lock_that_does_not_come_free_in_time_is_a_rollback(storage: Storage):
    await storage.post(earn(5))
    proposal = await storage.proposal(earn(6))
    async with storage.owner.transaction():
        await storage.owner.execute("SELECT FROM ledger.account FOR UPDATE")
        with pytest.raises(AccountLocked):
            await storage.journal.write_batch(proposal)
    assert (await storage.journal.write_batch(proposal)).conflicts == frozenset()


async def test_a_connection_lost_between_batches_is_replaced(storage: Storage):
    await storage.post(earn(5))
    await storage.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    # The loss is noticed before or after a command is sent; in the second case the batch is told.
    with suppress(DatabaseUnavailable):
        await storage.journal.load_batch(storage.program_id, [earn()])
    await storage.post(earn(6))
    assert await storage.count("entry") == 2


async def _until_it_waits(storage: Storage) -> None:
    while not await storage.owner.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        pass


async def test_batches_with_crossing_accounts_never_deadlock_and_lose_no_point(storage: Storage):
    """Every writer locks in the order of the account_ids, whatever the order of its commands."""
    writers, rounds, accounts = 6, 15, [f"m-{number}" for number in range(8)]
    await storage.post(*(earn(1, account_id=account_id) for account_id in accounts))

    async def write(journal: PostgresJournal, random: Random) -> None:
        for _ in range(rounds):
            waiting: list[Command] = [earn(1, account_id=account_id) for account_id in random.sample(accounts, 6)]
            while waiting:
                proposal = decide(await journal.load_batch(storage.program_id, waiting), waiting)
                written = await journal.write_batch(proposal)
                waiting = [command for command in waiting if command.account_id in written.conflicts]

    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Database.open(storage.where.service_url)) for _ in range(writers)]
        await asyncio.gather(
            *(write(PostgresJournal(database), Random(seed)) for seed, database in enumerate(databases))
        )
    [row] = await storage.fetch(
        "SELECT sum(balance) AS points, sum(seq) AS entries, "
        "(SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()) AS deadlocks FROM ledger.account"
    )
    assert tuple(row) == (len(accounts) + writers * rounds * 6, len(accounts) + writers * rounds * 6, 0)


async def test_settling_alone_writes_the_expiry_and_no_key(storage: Storage):
    await storage.post(earn(5, expires_at=NOON + DAY))
    await storage.set_clock(NOON + DAY)
    await storage.post(settle_due())
    rows = await storage.fetch("SELECT kind, points, idempotency_key FROM ledger.entry ORDER BY seq")
    assert [tuple(row)[:2] for row in rows] == [("earn", 5), ("expire", -5)]
    assert (rows[1]["idempotency_key"], await storage.count("outcome")) == (None, 1)


async def test_facts_of_an_entry_are_the_entry_itself(storage: Storage):
    [outcome] = await storage.post(earn(100, metadata='{"till":"7"}', occurred_at=NOON - DAY, expires_at=NOON + DAY))
    loaded = await storage.journal.load_batch(storage.program_id, [reverse(1)])
    assert loaded.entries["m-1", 1] == EntryFacts(replace(entry_of(outcome), previous_hash=b""), 0)


async def test_the_gate_alone_writes(storage: Storage):
    async with storage.database.writer() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO ledger.lot VALUES (1, 'infinity', '-infinity', 5, 'm-1')")
