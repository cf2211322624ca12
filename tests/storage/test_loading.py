"""Loading: what a batch finds of holds, days, standing and orders is what was written of them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from ledger_service.ledger.commands import Command
from ledger_service.ledger.holds import HoldFacts
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.ledger.states import Loaded
from ledger_service.storage.journal import PostgresJournal
from tests.builders import (
    DAY,
    NOON,
    capture,
    claim,
    earn,
    hold,
    merge,
    movement,
    open_account,
    place_hold,
    preview,
    purchase,
    redeem,
    refund,
    release,
    reverse,
    set_tier,
    settle_due,
    transfer,
)
from tests.database.functions.forgery import TIERED
from tests.storage.conftest import Storage, configure, round_trips

MINUTE = timedelta(minutes=1)
NO_TIERS = {name: value for name, value in TIERED.items() if name != "tiers"}


async def load(storage: Storage, *commands: Command) -> Loaded:
    return await storage.journal.load_batch(storage.program_id, commands)


async def test_an_account_comes_with_its_open_holds_soonest_time_out_first(storage: Storage):
    await storage.post(
        earn(100),
        earn(50, expires_at=NOON + DAY),
        place_hold(60, "late", expires_in_seconds=120, order_id="A-1", source="web"),
        place_hold(7, "soon", expires_in_seconds=60),
        place_hold(5, "gone"),
        place_hold(5, "used"),
        release("gone"),
        capture("used"),
    )
    late = hold(
        60,
        "late",
        seq=3,
        expires_at=NOON + 2 * MINUTE,
        movements=(movement(-50, NOON + DAY), movement(-10)),
        source="web",
        order_id="A-1",
    )
    soon = hold(7, "soon", seq=4, expires_at=NOON + MINUTE)
    loaded = await load(storage, earn())
    assert loaded.accounts["m-1"].holds == (soon, late)
    assert loaded.accounts["m-1"].held == 67
    assert loaded.holds == {}


async def test_a_hold_is_found_by_its_name_open_or_not(storage: Storage):
    await storage.post(
        earn(100), place_hold(5, "open"), place_hold(6, "gone"), place_hold(9, "used"), place_hold(8, "over")
    )
    await storage.post(release("gone"), capture("used", 4))
    await storage.set_clock(NOON + DAY)
    await storage.post(settle_due())
    loaded = await load(storage, capture("used"), release("gone"), capture("open"), capture("over"), capture("none"))
    over = NOON + 15 * MINUTE
    assert loaded.holds == {
        "open": HoldFacts(hold(5, "open", seq=2), "timed_out", closed_seq=9, closed_at=over),
        "gone": HoldFacts(hold(6, "gone", seq=3), "released", closed_seq=6, closed_at=NOON),
        "used": HoldFacts(hold(9, "used", seq=4), "captured", captured=4, closed_seq=8, closed_at=NOON),
        "over": HoldFacts(hold(8, "over", seq=5), "timed_out", closed_seq=10, closed_at=over),
    }


async def test_a_hold_follows_its_account_into_another_one(storage: Storage):
    await storage.post(earn(100), place_hold(5), open_account("m-2"), place_hold(7, "h-2"))
    await storage.post(merge("m-2"))
    loaded = await load(storage, capture("h-1", chain=("m-2",)))
    moved = hold(5, "h-1", seq=2, account_id="m-2")
    assert loaded.holds == {"h-1": HoldFacts(moved)}
    assert loaded.accounts["m-2"].holds == (moved, hold(7, "h-2", seq=3, account_id="m-2"))
    assert (loaded.accounts["m-1"].holds, loaded.accounts["m-1"].merged_into) == ((), "m-2")


async def test_days_are_loaded_in_programs_with_tiers(storage: Storage):
    await configure(storage, TIERED)
    await storage.post(earn(5), earn(purchase=purchase("12.50"), account_id="m-2"))
    await storage.set_clock(NOON + DAY)
    await storage.post(earn(7), redeem(3), earn(2, account_id="m-2"))
    loaded = await load(storage, earn(), transfer(1, "m-2"))
    first, second = NOON.date(), (NOON + DAY).date()
    assert loaded.accounts["m-1"].days == (QualifyingDay(first, 5), QualifyingDay(second, 7))
    assert loaded.accounts["m-2"].days == (
        QualifyingDay(first, 12, Decimal("12.50"), 1),
        QualifyingDay(second, 2),
    )


async def test_days_that_no_window_reaches_are_not_loaded(storage: Storage):
    await configure(storage, TIERED)
    await storage.post(earn(5))
    await storage.set_clock(NOON + 36 * 31 * DAY)
    assert [day.points for day in (await load(storage, earn())).accounts["m-1"].days] == [5]
    await storage.set_clock(NOON + 38 * 31 * DAY)
    assert (await load(storage, earn())).accounts["m-1"].days == ()


async def test_tiers_may_come_and_go(storage: Storage):
    """Whether days are asked for hangs on the settings as they were known; whether they are there, on the settings."""
    await configure(storage, TIERED)
    await storage.post(earn(5))
    for settings, days in ((NO_TIERS, 0), (TIERED, 1), (TIERED, 1), (NO_TIERS, 0), (NO_TIERS, 0), (TIERED, 1)):
        await configure(storage, settings)
        for journal in (storage.journal, PostgresJournal(storage.database)):
            loaded = await journal.load_batch(storage.program_id, [earn()])
            assert (loaded.program.settings.ladder is None) == (settings is NO_TIERS)
            if settings is TIERED:
                assert len(loaded.accounts["m-1"].days) == days


async def test_an_account_comes_with_what_it_reached(storage: Storage):
    await configure(storage, TIERED)
    commands = earn(purchase=purchase("2000.00")), set_tier("silver", until=NOON + DAY)
    written = (await storage.proposal(*commands)).accounts
    await storage.post(*commands)
    state = (await load(storage, earn())).accounts["m-1"]
    assert state == replace(written[0].after, version=1)
    assert state.standing.tier is not None
    assert state.standing.floor is not None
    assert state.standing.spend == Decimal("2000.00")
    assert state.next_due_at == NOON + DAY


async def test_points_that_wait_for_an_event_are_loaded_as_waiting(storage: Storage):
    await configure(storage, NO_TIERS | {"available": {"mode": "on_event"}})
    await storage.post(earn(purchase=purchase("12.00"), order_id="A-1"))
    loaded = await load(storage, reverse(1))
    assert loaded.accounts["m-1"].lots == (Lot(NEVER, NEVER, 12),)
    assert loaded.entries["m-1", 1].entry.available_at == NEVER
    assert loaded.accounts["m-1"].lots[0].available_at > ALWAYS


async def test_a_preview_loads_like_an_earn_of_an_account_or_of_nobody(storage: Storage):
    await storage.post(earn(5))
    loaded = await load(storage, preview(), preview(account_id=""))
    assert loaded.accounts.keys() == {"m-1"}
    assert (loaded.outcomes, loaded.orders, loaded.entries) == ({}, {}, {})


@pytest.mark.parametrize(
    ("commands", "statements"),
    [
        ((earn(order_id="A-9"), redeem(1), settle_due(), preview()), 1),
        ((place_hold(1, "new"), capture("h-1"), release("h-1"), transfer(1, "m-2")), 1),
        ((reverse(1),), 2),
        ((refund("A-1"),), 2),
        ((earn(5, key="known"),), 2),
        ((merge("m-2"),), 2),
        ((open_account("m-3", identifiers=[claim("1")]),), 2),
    ],
    ids=lambda value: "+".join(type(one).__name__ for one in value) if isinstance(value, tuple) else str(value),
)
async def test_a_batch_is_loaded_in_one_round_trip_and_history_in_a_second(
    storage: Storage, commands: tuple[Command, ...], statements: int
):
    await configure(storage, TIERED)
    await storage.post(earn(5, key="known"), earn(purchase=purchase("5.00"), order_id="A-1"), place_hold(1))
    async with round_trips(storage) as sent:
        await load(storage, *commands)
    assert len(sent) == statements


async def test_a_program_without_tiers_is_not_asked_twice(storage: Storage):
    await storage.post(earn(5))
    async with round_trips(storage) as sent:
        await load(storage, earn())
    assert len(sent) == 1
    await configure(storage, TIERED)
    async with round_trips(storage) as sent:
        await load(storage, earn())
    assert len(sent) == 3, "as it was known, the new settings, and once more with the days"
    async with round_trips(storage) as sent:
        await load(storage, earn())
    assert len(sent) == 1
