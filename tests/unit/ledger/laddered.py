"""Programs with tiers, and accounts that have reached some."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ledger_service.ledger.levels import Ladder, Level, Retention, Window
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.standing import Floor, QualifyingDay, Standing, Tier
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import lapsed
from tests.builders import account_state

BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR, MEMBERSHIP, LIFETIME = Window("calendar_year"), Window("membership_year"), Window("lifetime")
ROLLING = Window("rolling", months=12)
LEVELS = (Level("silver", Decimal(100)), Level("gold", Decimal(500)), Level("platinum", Decimal(1_000)))
FREE_LEVELS = (Level("bronze", Decimal(0)), *LEVELS)


def berlin(*parts: int) -> datetime:
    """A moment on the clocks of Berlin."""
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)


OPENED_AT = berlin(2024, 5, 10, 12)
TODAY = date(2026, 12, 3)
NOW = berlin(2026, 12, 3, 15)
YEAR_END = berlin(2027, 1, 1)


def program(levels: tuple[Level, ...] = LEVELS, **others: Any) -> ProgramSettings:
    """A program in Berlin whose tiers are measured over the calendar year, unless the test says otherwise."""
    return ProgramSettings(zone=BERLIN, ladder=Ladder(levels=levels, **({"window": CALENDAR} | others)))


def member(*days: tuple[date, int] | QualifyingDay, **others: Any) -> AccountState:
    """An account that earned so many points on these days."""
    qualifying = sorted(day if isinstance(day, QualifyingDay) else QualifyingDay(*day) for day in days)
    lifetime = sum(day.points for day in qualifying)
    return account_state(**({"days": tuple(qualifying), "lifetime_points": lifetime, "created_at": OPENED_AT} | others))


def at_level(
    level: str, *days: tuple[date, int], valid_until: datetime | None = YEAR_END, **others: Any
) -> AccountState:
    tier = Tier(level, berlin(2026, 2, 1), valid_until, **others)
    return member(*days, standing=Standing(tier=tier))


def after_lapse(settings: ProgramSettings, account: AccountState) -> Tier | None:
    return lapsed(settings, account, account.standing.due_at).tier


windows = st.sampled_from([CALENDAR, MEMBERSHIP, LIFETIME]) | st.builds(Window, st.just("rolling"), st.integers(1, 24))
retentions = st.sampled_from([Retention("end_of_period"), Retention("end_of_next_period")]) | st.builds(
    Retention, st.just("days"), st.integers(0, 200)
)
ladders = st.lists(st.integers(0, 300), min_size=1, max_size=4, unique=True).flatmap(
    lambda thresholds: st.builds(
        Ladder,
        levels=st.just(tuple(Level(f"level-{at}", Decimal(at)) for at in sorted(thresholds))),
        measure=st.sampled_from(["points_earned", "spend", "visits"]),
        window=windows,
        retention=retentions,
        downgrade=st.sampled_from(["to_eligible", "one_step", "never"]),
        grace_days=st.integers(0, 40),
    )
)
zones = st.sampled_from([ZoneInfo("UTC"), BERLIN, ZoneInfo("America/Santiago"), ZoneInfo("Asia/Beirut")])
programs = st.builds(ProgramSettings, zone=zones, ladder=ladders)
qualifying_days = st.lists(
    st.builds(
        QualifyingDay,
        st.dates(date(2025, 1, 1), TODAY),
        st.integers(-50, 400),
        st.decimals(-50, 400, places=2),
        st.integers(-2, 400),
    ),
    max_size=6,
    unique_by=lambda one: one.day,
)
moments = st.datetimes(datetime(2026, 6, 1), datetime(2029, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def members(
    draw: st.DrawFn, settings: st.SearchStrategy[ProgramSettings] = programs
) -> tuple[ProgramSettings, AccountState]:
    """An account in a program, with a tier that it may have had for long, in grace or not, and perhaps a floor."""
    program = draw(settings)
    assert program.ladder is not None
    level_ids = st.sampled_from([*(level.id for level in program.ladder.levels), "gone"])
    ends = st.none() | moments
    tiers = st.none() | st.builds(Tier, level_ids, st.just(OPENED_AT), ends, ends, st.none() | level_ids)
    floors = st.none() | st.builds(Floor, level_ids, st.just(OPENED_AT), ends)
    standing = draw(st.builds(Standing, st.decimals(0, 400, places=2), st.integers(0, 400), tiers, floors))
    days = draw(qualifying_days)
    return program, member(*days, standing=standing, lifetime_points=draw(st.integers(-10, 400)))


def settled_until(settings: ProgramSettings, account: AccountState, at: datetime) -> AccountState:
    while account.standing.due_at <= at:
        account = replace(account, standing=lapsed(settings, account, account.standing.due_at))
    return account
