"""Lookups: whose books a hold, an order or a merged account is about, also when they were merged meanwhile."""

from datetime import UTC, datetime, timedelta

from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Posted, PostedSeveral
from ledger_service.storage.lookups import HoldPlace, Lookups
from tests.builders import DAY, INSTANT, NOON, SOURCE, capture, earn, merge, place_hold, redeem, release, unmerge
from tests.storage.conftest import Storage
from tests.varied_books import create_program

FROM_THE_FIRST = (datetime.min.replace(tzinfo=UTC), "")


async def posted(storage: Storage, *commands: Command) -> None:
    for command in commands:
        [outcome] = await storage.post(command)
        assert isinstance(outcome, Posted | PostedSeveral), outcome


async def chain(storage: Storage) -> Lookups:
    """m-1, which has a hold of an order, merged into m-2, which merged into m-3."""
    await posted(storage, *(earn(50, account_id=account_id) for account_id in ("m-1", "m-2", "m-3")))
    await posted(storage, place_hold(30, "h-open", order_id="H-1"), place_hold(5, "h-gone"), release("h-gone"))
    await posted(storage, merge("m-2"), merge("m-3", account_id="m-2"))
    return Lookups(storage.database)


async def test_an_open_hold_is_where_its_account_went_and_a_closed_one_leads_there(storage: Storage):
    lookups = await chain(storage)
    found = await lookups.holds(storage.program_id, ["h-gone", "nobody's", "h-open"])
    assert found == {
        "h-gone": HoldPlace(("m-1", "m-2", "m-3"), None),
        "h-open": HoldPlace(("m-3",), "H-1"),
    }


async def test_an_order_is_where_it_was_earned_and_where_it_was_redeemed_and_where_these_went(storage: Storage):
    await posted(storage, earn(50, account_id="m-9"), redeem(5, account_id="m-9", order_id="A-1"))
    await posted(storage, earn(20, order_id="A-1"), earn(20, order_id="A-2"), redeem(5, order_id="A-2"))
    await posted(storage, redeem(1, account_id="m-9", order_id="A-3"))
    lookups = await chain(storage)
    found = await lookups.orders(storage.program_id, SOURCE, ["A-3", "A-1", "A-2", "A-4"])
    assert found == {
        "A-1": ("m-1", "m-2", "m-3", "m-9"),
        "A-2": ("m-1", "m-2", "m-3"),
        "A-3": ("m-9",),
    }
    assert await lookups.orders(storage.program_id, "another source", ["A-1"]) == {}


async def test_a_merged_account_is_followed_one_step_until_the_merge_is_undone(storage: Storage):
    lookups = await chain(storage)
    found = await lookups.merged_into(storage.program_id, ["m-1", "m-2", "m-3", "nobody"])
    assert found == {"m-1": "m-2", "m-2": "m-3"}
    await posted(storage, unmerge("m-3", account_id="m-2"))
    assert await lookups.merged_into(storage.program_id, ["m-1", "m-2"]) == {"m-1": "m-2"}


async def test_a_thousand_at_once_are_one_question(storage: Storage):
    lookups = await chain(storage)
    names = [f"nobody-{number}" for number in range(999)]
    assert len(await lookups.holds(storage.program_id, [*names, "h-open"])) == 1
    assert await lookups.holds(storage.program_id, []) == {}


async def test_another_program_has_nothing_of_it(storage: Storage):
    lookups = await chain(storage)
    await posted(storage, earn(1, account_id="m-7", order_id="A-1"))
    other = await create_program(storage.database, "other")
    assert await lookups.holds(other, ["h-open"]) == {}
    assert await lookups.orders(other, SOURCE, ["A-1"]) == {}
    assert await lookups.merged_into(other, ["m-1"]) == {}
    assert await lookups.hold(other, "h-open") is None
    assert await lookups.open_holds(other, "m-3", FROM_THE_FIRST, 10) is None


async def test_a_hold_is_seen_as_it_stands_with_what_its_entry_says(storage: Storage):
    lookups = await chain(storage)
    view = await lookups.hold(storage.program_id, "h-open")
    assert view is not None
    hold = view.facts.hold
    assert (hold.account_id, hold.seq, hold.points, hold.order_id) == ("m-3", 2, 30, "H-1")
    assert (view.facts.status, view.facts.captured, view.metadata) == ("open", 0, "{}")
    assert sum(movement.points for movement in hold.movements) == -30
    await posted(storage, capture("h-open", 20, account_id="m-3"))
    view = await lookups.hold(storage.program_id, "h-open")
    assert view is not None
    assert (view.facts.status, view.facts.captured, view.facts.closed_at) == ("captured", 20, NOON)


async def test_a_hold_is_over_at_the_very_instant_of_its_time_out(storage: Storage):
    lookups = Lookups(storage.database)
    await posted(storage, earn(50), place_hold(30, expires_in_seconds=60))
    ends = NOON + timedelta(seconds=60)
    for now, status, closed_at in (
        (ends - INSTANT, "open", None),
        (ends, "timed_out", ends),
        (ends + DAY, "timed_out", ends),
    ):
        await storage.set_clock(now)
        view = await lookups.hold(storage.program_id, "h-1")
        assert view is not None
        assert (view.facts.status, view.facts.closed_at, view.facts.closed_seq) == (status, closed_at, None)
    assert await lookups.open_holds(storage.program_id, "m-1", FROM_THE_FIRST, 10) == []


async def test_open_holds_go_on_behind_the_last_one_also_when_two_end_together(storage: Storage):
    lookups = Lookups(storage.database)
    await posted(storage, earn(50), *(place_hold(1, f"h-{n}", expires_in_seconds=60) for n in (3, 1, 2)))
    await posted(storage, place_hold(1, "h-0", expires_in_seconds=61))
    after, names = FROM_THE_FIRST, []
    while page := await lookups.open_holds(storage.program_id, "m-1", after, 2):
        names.append([view.facts.hold.hold_id for view in page])
        after = (page[-1].facts.hold.expires_at, page[-1].facts.hold.hold_id)
    assert names == [["h-1", "h-2"], ["h-3", "h-0"]]
    assert await lookups.open_holds(storage.program_id, "nobody", FROM_THE_FIRST, 2) is None
