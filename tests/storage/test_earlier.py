"""Earlier: an account as it was, whatever happened since."""

from dataclasses import replace
from datetime import datetime, timedelta

from ledger_service.ledger.commands import Command
from ledger_service.storage.balances import BalanceView
from ledger_service.storage.earlier import ENTRIES_AT_ONCE
from ledger_service.storage.reads import Reads
from tests.builders import (
    DAY,
    INSTANT,
    NOON,
    adjust,
    capture,
    earn,
    merge,
    open_account,
    place_hold,
    redeem,
    release,
    reverse,
    set_status,
    set_tier,
    settle_due,
    transfer,
    unmerge,
)
from tests.storage.conftest import Storage
from tests.varied_books import CLUB, create_program, post

HOUR = timedelta(hours=1)


async def test_the_past_is_what_was_answered_then_whatever_happened_since(storage: Storage):
    """Holds in every way they end, a merge and its undoing, debt, expiry: each step is told again afterwards."""
    week = 7 * 24 * 3600
    steps: list[tuple[timedelta, list[Command]]] = [
        (0 * DAY, [open_account("m-1"), open_account("m-2")]),
        (1 * DAY, [earn(100, expires_at=NOON + 9 * DAY), earn(20), earn(30, account_id="m-2")]),
        (
            2 * DAY,
            [place_hold(50, "h-1", expires_in_seconds=60), place_hold(10, "h-2", expires_in_seconds=week), redeem(5)],
        ),
        (3 * DAY, [place_hold(40, "h-3", expires_in_seconds=week)]),
        (4 * DAY, [capture("h-3", 25)]),
        (5 * DAY, [merge("m-2"), earn(3, account_id="m-2")]),
        (6 * DAY, [unmerge("m-2")]),
        (7 * DAY, [release("h-2"), transfer(4, "m-2")]),
        (8 * DAY, [reverse(1, account_id="m-1"), redeem(1)]),
        (11 * DAY, [settle_due(account_id="m-1"), adjust(-90, allow_negative=True)]),
        (12 * DAY, [earn(12), set_status("suspended")]),
    ]
    reads = Reads(storage.database)
    told: dict[tuple[str, datetime], BalanceView | None] = {}
    for after, commands in steps:
        await storage.set_clock(NOON + after)
        for command in commands:
            await storage.post(command)
        for hours in (0, 6):
            await storage.set_clock(NOON + after + hours * HOUR)
            for account_id in ("m-1", "m-2"):
                view = await reads.balance(storage.program_id, account_id)
                assert view is not None
                told[account_id, view.as_of] = view
    assert len({(view.balance, view.available, view.held) for view in told.values()}) > 10
    for (account_id, at), then in told.items():
        now = await reads.balance(storage.program_id, account_id, at)
        assert now is not None
        # Due work that was only counted as done then is in the books by now.
        assert replace(now, seq=0, newest_seq=0) == replace(then, seq=0, newest_seq=0), (account_id, at)
        assert now.seq >= then.seq


async def test_before_it_was_opened_an_account_has_nothing(storage: Storage):
    program_id = await create_program(storage.database, "club", CLUB)
    await post(storage.journal, program_id, earn(5))
    view = await Reads(storage.database).balance(program_id, "m-1", NOON - INSTANT)
    assert view is not None
    assert (view.seq, view.newest_seq, view.balance, view.available, view.tier) == (0, 1, 0, 0, None)


async def test_the_past_does_not_depend_on_how_many_entries_came_since(storage: Storage):
    await storage.post(earn(5))
    await storage.set_clock(NOON + DAY)
    await storage.post(*(earn(1) for _ in range(2 * ENTRIES_AT_ONCE + 1)))
    view = await Reads(storage.database).balance(storage.program_id, "m-1", NOON + INSTANT)
    assert view is not None
    assert (view.seq, view.balance) == (1, 5)


async def test_rule_10_a_tier_of_the_past_is_that_of_the_last_change_up_to_then(storage: Storage):
    program_id = await create_program(storage.database, "club", CLUB)
    clock = "UPDATE ledger.program SET clock = $2 WHERE program_id = $1"
    reads = Reads(storage.database)
    told = []
    for days, command in (
        (0, earn(20)),
        (1, set_tier("silver")),
        (2, earn(100)),
        (3, set_tier(None)),
        (40, settle_due()),
        (400, redeem(1)),
    ):
        await storage.fetch(clock, program_id, NOON + days * DAY)
        await post(storage.journal, program_id, command)
        view = await reads.balance(program_id, "m-1")
        assert view is not None
        told.append(view)
    assert {view.tier["id"] for view in told if view.tier} == {"bronze", "silver"}
    for then in told:
        now = await reads.balance(program_id, "m-1", then.as_of)
        assert now is not None
        assert (now.tier, now.balance, now.seq) == (then.tier, then.balance, then.seq)
