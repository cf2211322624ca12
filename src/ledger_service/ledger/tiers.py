"""Tiers: what a program's ladder makes of what an account did (points.md, rule 10).

All of it takes the account as it is: due work done, counters already changed. A program without tiers has no levels,
and levels that its ladder no longer has count as none.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from operator import attrgetter
from typing import Any

from ledger_service.ledger.calendar import day_ends, days_later, local_day
from ledger_service.ledger.levels import Ladder, Level
from ledger_service.ledger.lots import MICROSECOND, NEVER
from ledger_service.ledger.periods import period_ends, window_of
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.standing import Floor, QualifyingDay, Standing, Tier, total
from ledger_service.ledger.states import AccountState

NO_LEVEL = -1
"""The place of an account below all levels."""
NOTHING = Decimal(0)

_by_day = attrgetter("day")


def measure(settings: ProgramSettings, account: AccountState, day: date) -> Decimal:
    """What counts on this day: points, currency units or visits in the window in which it lies. Below 0 when more was
    taken back in the window than came in; 0 in programs without tiers.
    """
    ladder = settings.ladder
    if ladder is None:
        return NOTHING
    if ladder.window.mode == "lifetime":
        standing = account.standing
        match ladder.measure:
            case "points_earned":
                return Decimal(account.lifetime_points)
            case "spend":
                return standing.spend
            case "visits":
                return Decimal(standing.visits)
    first_day, last_day = window_of(ladder.window, _opened(settings, account, day), day)
    days = account.days
    within = days[bisect_left(days, first_day, key=_by_day) : bisect_right(days, last_day, key=_by_day)]
    match ladder.measure:
        case "points_earned":
            return Decimal(sum(one.points for one in within))
        case "spend":
            return sum((one.spend for one in within), NOTHING)
        case "visits":
            return Decimal(sum(one.visits for one in within))


def effective_level(settings: ProgramSettings, standing: Standing, at: datetime) -> Level | None:
    """The level that counts at this instant: the higher of the one reached and the one given by hand."""
    ladder = settings.ladder
    if ladder is None:
        return None
    place = max(_tier_place(ladder, standing.tier), _floor_place(ladder, standing.floor, at))
    return None if place == NO_LEVEL else ladder.levels[place]


def counted(
    settings: ProgramSettings, account: AccountState, points: int, spend: Decimal, visits: int, day: date
) -> tuple[Standing, tuple[QualifyingDay, ...]]:
    """The standing and the days after this much was added on that day (taken back: below 0)."""
    before, days = account.standing, account.days
    standing = before
    if spend or visits:
        standing = Standing(
            spend=total(before.spend, spend),
            visits=before.visits + visits,
            tier=before.tier,
            floor=before.floor,
            redeemed_on=before.redeemed_on,
            redeemed=before.redeemed,
        )
    if settings.ladder is None or not (points or spend or visits):
        return standing, days
    place = bisect_left(days, day, key=_by_day)
    if place == len(days) or days[place].day != day:
        return standing, (*days[:place], QualifyingDay(day, points, spend, visits), *days[place:])
    known = days[place]
    changed = QualifyingDay(day, known.points + points, known.spend + spend, known.visits + visits)
    return standing, (*days[:place], changed, *days[place + 1 :])


def reached(settings: ProgramSettings, account: AccountState, at: datetime) -> Standing:
    """The standing after the counters changed: a higher level at once, and a level in grace kept when it is earned
    again. Nothing is lost here; the very same standing when nothing changes.
    """
    ladder, standing = settings.ladder, account.standing
    if ladder is None:
        return standing
    tier, day = standing.tier, local_day(at, settings.zone)
    current, eligible = _tier_place(ladder, tier), _eligible(settings, ladder, account, day)
    if eligible > current:
        valid_until = _valid_until(settings, ladder, account, eligible, day)
        return replace(standing, tier=Tier(ladder.levels[eligible].id, at, valid_until))
    if tier is not None and tier.grace_until is not None and eligible == current == ladder.place(tier.level):
        return replace(standing, tier=_kept(tier, _valid_until(settings, ladder, account, current, day)))
    return standing


def lapsed(settings: ProgramSettings, account: AccountState, at: datetime) -> Standing:
    """The standing after its `due_at`, which is this instant: the end of a level's validity, of its grace, of a floor.

    What falls due next lies after this instant, so that looking again and again comes to an end.
    """
    standing = account.standing
    if standing.floor is not None and standing.floor.until is not None and standing.floor.until <= at:
        standing = replace(standing, floor=None)
    tier = standing.tier
    if tier is None or (tier.grace_until or tier.valid_until or NEVER) > at:
        return standing
    return replace(standing, tier=_looked_at(settings, account, tier, at))


def with_floor(
    settings: ProgramSettings, account: AccountState, level_id: str | None, until: datetime | None, at: datetime
) -> Standing:
    """The standing with a level given by hand, up to `until` (None: for good); with `level_id` None it is taken away.

    The same level given again keeps its `since`; the very same standing when nothing changes. A level that the ladder
    does not have is a bug: ValueError.
    """
    standing, ladder = account.standing, settings.ladder
    if level_id is None:
        return standing if standing.floor is None else replace(standing, floor=None)
    if ladder is None or ladder.place(level_id) == NO_LEVEL:
        raise ValueError(f"the program has no level {level_id!r}")
    before = standing.floor
    floor = Floor(level_id, at if before is None or before.level != level_id else before.since, until)
    return standing if floor == before else replace(standing, floor=floor)


def merged(settings: ProgramSettings, one: Standing, other: Standing) -> tuple[Tier | None, Floor | None]:
    """The tier and the floor of two accounts that become one: the higher of each; at the same level the one that is
    valid for longer, then the one that was reached first.
    """
    tiers = [tier for tier in (one.tier, other.tier) if tier is not None]
    floors = [floor for floor in (one.floor, other.floor) if floor is not None]
    return (
        max(tiers, default=None, key=lambda tier: (_place(settings, tier.level), _ends_at(tier), NEVER - tier.since)),
        max(
            floors,
            default=None,
            key=lambda floor: (_place(settings, floor.level), floor.until or NEVER, NEVER - floor.since),
        ),
    )


def progress(settings: ProgramSettings, account: AccountState, at: datetime) -> dict[str, Any] | None:
    """What a balance tells of the tier: {id, since, valid_until, measure, next: {id, at, missing} or None}.

    None in programs without tiers; id and since are None below all levels. Instants are datetimes; a level in grace is
    valid until that ends. Points and visits are integers, rounded up where something is missing; money is text.
    """
    ladder = settings.ladder
    if ladder is None:
        return None
    standing = account.standing
    place = max(_tier_place(ladder, standing.tier), _floor_place(ladder, standing.floor, at))
    holdings = list(_holdings(ladder, account, place, at))
    valid_until = max((until for _, until in holdings), default=NEVER)
    so_far = measure(settings, account, local_day(at, settings.zone))
    following = ladder.levels[place + 1] if place + 1 < len(ladder.levels) else None
    return {
        "id": None if place == NO_LEVEL else ladder.levels[place].id,
        "since": min((since for since, _ in holdings if since is not None), default=None),
        "valid_until": None if valid_until == NEVER else valid_until,
        "measure": _shown(ladder, so_far),
        "next": None
        if following is None
        else {
            "id": following.id,
            "at": _shown(ladder, following.at),
            "missing": _shown(ladder, max(NOTHING, following.at - so_far)),
        },
    }


def _holdings(
    ladder: Ladder, account: AccountState, place: int, at: datetime
) -> Iterator[tuple[datetime | None, datetime]]:
    """Since when and until when the account has the level at this place: by its tier, by its floor, or by both."""
    tier, floor = account.standing.tier, account.standing.floor
    if place == NO_LEVEL:
        return
    if tier is not None and ladder.place(tier.level) == place:
        yield tier.since, _ends_at(tier)
    elif _tier_place(ladder, tier) == place:
        yield account.created_at, NEVER
    if floor is not None and _floor_place(ladder, floor, at) == place:
        yield floor.since, floor.until or NEVER


def _looked_at(settings: ProgramSettings, account: AccountState, tier: Tier, at: datetime) -> Tier | None:
    """The tier after its validity, or its grace, ended at this instant."""
    ladder = settings.ladder
    if ladder is None:
        return None
    today, last_day = local_day(at, settings.zone), local_day(at - MICROSECOND, settings.zone)
    current, eligible = ladder.place(tier.level), _eligible(settings, ladder, account, last_day)
    if tier.grace_until is not None:
        fallen_to = max(eligible, ladder.place(tier.fallback))
    elif current == NO_LEVEL:
        fallen_to = eligible
    elif eligible >= current:
        valid_until = _valid_until(settings, ladder, account, current, last_day)
        if valid_until is not None and valid_until <= at:
            valid_until = _valid_until(settings, ladder, account, current, today)
        return _kept(tier, valid_until)
    elif ladder.downgrade == "never":
        return _kept(tier, None)
    else:
        fallen_to = eligible if ladder.downgrade == "to_eligible" else current - 1
        if ladder.grace_days > 0:
            grace_until = day_ends(days_later(last_day, ladder.grace_days), settings.zone)
            fallback = None if fallen_to == NO_LEVEL else ladder.levels[fallen_to].id
            return replace(tier, grace_until=grace_until, fallback=fallback)
    if fallen_to == NO_LEVEL:
        return None
    since = tier.since if fallen_to == current else at
    return Tier(ladder.levels[fallen_to].id, since, _valid_until(settings, ladder, account, fallen_to, today))


def _kept(tier: Tier, valid_until: datetime | None) -> Tier:
    return Tier(tier.level, tier.since, valid_until)


def _valid_until(
    settings: ProgramSettings, ladder: Ladder, account: AccountState, place: int, day: date
) -> datetime | None:
    """How long a level is kept that was reached on this day; None when it cannot be lost."""
    if ladder.window.mode == "lifetime" or ladder.levels[place].at <= 0:
        return None
    if ladder.retention.mode == "days":
        until = day_ends(days_later(day, ladder.retention.days or 0), settings.zone)
    else:
        periods = 1 if ladder.retention.mode == "end_of_period" else 2
        last_day = period_ends(ladder.window, _opened(settings, account, day), day, periods)
        until = day_ends(last_day, settings.zone)
    return None if until == NEVER else until


def _opened(settings: ProgramSettings, account: AccountState, day: date) -> date:
    """The day on which the account was opened: this day, when that is about to be done."""
    return day if account.created_at is None else local_day(account.created_at, settings.zone)


def _eligible(settings: ProgramSettings, ladder: Ladder, account: AccountState, day: date) -> int:
    """The place of the highest level whose threshold is reached on this day."""
    so_far = max(NOTHING, measure(settings, account, day))
    place = NO_LEVEL
    for level in ladder.levels:
        if level.at > so_far:
            break
        place += 1
    return place


def _place(settings: ProgramSettings, level_id: str | None) -> int:
    return NO_LEVEL if settings.ladder is None else settings.ladder.place(level_id)


def _tier_place(ladder: Ladder, tier: Tier | None) -> int:
    """The place of a tier. A level that nothing is needed for belongs to everyone, from the start."""
    place = NO_LEVEL if tier is None else ladder.place(tier.level)
    return 0 if place == NO_LEVEL and ladder.levels and ladder.levels[0].at <= 0 else place


def _floor_place(ladder: Ladder, floor: Floor | None, at: datetime) -> int:
    if floor is None or (floor.until is not None and floor.until <= at):
        return NO_LEVEL
    return ladder.place(floor.level)


def _ends_at(tier: Tier) -> datetime:
    return tier.grace_until or tier.valid_until or NEVER


def _shown(ladder: Ladder, measured: Decimal) -> int | str:
    if ladder.measure == "spend":
        return format(measured, "f")
    return int(measured.to_integral_value(ROUND_CEILING))
