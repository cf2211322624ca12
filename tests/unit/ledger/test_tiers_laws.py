"""Laws of tiers: what holds for every ladder, every account and every moment."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.calendar import day_ends, local_day
from ledger_service.ledger.lots import NEVER
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import counted, effective_level, lapsed, measure, progress, reached
from tests.builders import INSTANT
from tests.unit.ledger.laddered import member, members, moments, programs, settled_until


@given(members())
def test_what_falls_due_always_makes_progress_and_comes_to_an_end(given_member: tuple[ProgramSettings, AccountState]):
    settings, account = given_member
    steps = 0
    # Nothing counts any more in 2040, so that no level can be renewed for ever but those that are not looked at.
    while (due_at := account.standing.due_at) < NEVER:
        assert due_at < datetime(2045, 1, 1, tzinfo=UTC)
        account = replace(account, standing=lapsed(settings, account, due_at))
        assert account.standing.due_at > due_at
        steps += 1
    assert steps < 3_000


@given(members(), moments)
def test_the_effective_level_is_never_below_the_floor_and_never_below_the_tier(
    given_member: tuple[ProgramSettings, AccountState], at: datetime
):
    settings, account = given_member
    ladder, standing = settings.ladder, settled_until(settings, account, at).standing
    assert ladder is not None
    level = effective_level(settings, standing, at)
    place = ladder.place(None if level is None else level.id)
    assert place >= (-1 if standing.floor is None else ladder.place(standing.floor.level))
    assert place >= (-1 if standing.tier is None else ladder.place(standing.tier.level))


@given(members(), moments)
def test_reaching_a_level_is_done_once_and_loses_nothing(
    given_member: tuple[ProgramSettings, AccountState], at: datetime
):
    settings, account = given_member
    account = settled_until(settings, account, at)
    once = reached(settings, account, at)
    assert reached(settings, replace(account, standing=once), at) is once
    assert once.due_at > at
    ladder = settings.ladder
    assert ladder is not None
    before, after = (effective_level(settings, standing, at) for standing in (account.standing, once))
    assert ladder.place(None if after is None else after.id) >= ladder.place(None if before is None else before.id)
    so_far = measure(settings, account, local_day(at, settings.zone))
    assert all(
        ladder.place(None if after is None else after.id) >= ladder.place(level.id)
        for level in ladder.levels
        if level.at <= so_far
    )


@given(members(), moments, st.integers(1, 100))
def test_more_earned_is_never_a_lower_level(
    given_member: tuple[ProgramSettings, AccountState], at: datetime, points: int
):
    settings, account = given_member
    ladder = settings.ladder
    assert ladder is not None
    account = settled_until(settings, account, at)
    standing, days = counted(settings, account, points, Decimal(points), points, local_day(at, settings.zone))
    richer = replace(account, standing=standing, days=days, lifetime_points=account.lifetime_points + points)
    poorer_level, richer_level = (
        effective_level(settings, reached(settings, one, at), at) for one in (account, richer)
    )
    assert ladder.place(richer_level.id if richer_level else None) >= ladder.place(
        poorer_level.id if poorer_level else None
    )


@given(programs, st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 1, 9)), st.integers(-9, 9)), max_size=20))
def test_counting_keeps_one_day_each_in_order_and_loses_nothing(
    settings: ProgramSettings, counts: list[tuple[date, int]]
):
    account = member()
    for day, number in counts:
        standing, days = counted(settings, account, number, Decimal(number) / 4, number, day)
        account = replace(account, standing=standing, days=days)
    assert [one.day for one in account.days] == sorted({day for day, number in counts if number})
    total = sum(number for _, number in counts)
    assert sum(one.points for one in account.days) == account.standing.visits == total
    assert account.standing.spend == sum(one.spend for one in account.days) == Decimal(total) / 4


@given(members(), moments)
def test_progress_is_told_whatever_the_standing(given_member: tuple[ProgramSettings, AccountState], at: datetime):
    settings, account = given_member
    account = settled_until(settings, account, at)
    told, level = progress(settings, account, at), effective_level(settings, account.standing, at)
    assert told is not None
    assert told["id"] == (None if level is None else level.id)
    assert (told["since"] is None) == (level is None)
    assert told["valid_until"] is None or told["valid_until"] > at
    assert (told["next"] is None) == (settings.ladder is not None and level == settings.ladder.levels[-1])


@given(members())
def test_a_grace_ends_with_a_local_day_after_that_of_the_lapse(given_member: tuple[ProgramSettings, AccountState]):
    settings, account = given_member
    due_at = account.standing.due_at
    if due_at == NEVER:
        return
    tier = lapsed(settings, account, due_at).tier
    if tier is None or tier == account.standing.tier:
        return
    ends = tier.grace_until or tier.valid_until
    assert ends is None or ends == day_ends(local_day(ends - INSTANT, settings.zone), settings.zone)
