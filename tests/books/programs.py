"""Random programs: every policy, few values each, so that everything meets everything."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ledger_service.ledger.levels import Ladder, Level, Retention, Window
from ledger_service.ledger.policies import Available, Clawback, Expiry, RestoreExpired
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rules import Campaign, Choice, Rule, When
from tests.books.drawing import at_once, weighted

MILK = When(categories=Choice(include=frozenset({"MILK"})))
NO_GIFT_CARDS = When(skus=Choice(exclude=frozenset({"gift-card"})))

RULES = (
    Rule("base", "spend", 1, per=Decimal("1.00")),
    Rule("net", "spend", 3, per=Decimal("2.00"), tax="excluded", when=NO_GIFT_CARDS),
    Rule("steps", "spend", 10, per=Decimal("5.00"), whole_steps=True, when=When(min_amount=Decimal("6.00"))),
    Rule("euros", "spend", 2, per=Decimal("1.50"), currency="EUR"),
    Rule("visit", "visit", 5),
    Rule("coffee", "item", 2, sku="coffee"),
    Rule("milk", "item", 1, when=MILK),
    Rule("hello", "fixed", 7, when=When(first_purchase=True)),
    Rule("again", "visit", 3, when=When(first_purchase=False, channels=("pos",))),
    Rule("quick", "visit", 4, expiry=Expiry("after", days=1)),
    Rule("slow", "spend", 1, per=Decimal("2.00"), expiry=Expiry("after", months=1, round_up_to="month")),
    Rule("insiders", "spend", 1, per=Decimal("1.00"), when=When(tiers=("silver", "gold"))),
    Rule("mornings", "fixed", 6, when=When(between=(time(6), time(13)))),
    Rule("nights", "fixed", 2, when=When(between=(time(22), time(6)), weekdays=("thu", "fri", "sun"))),
    Rule("advent", "visit", 2, when=When(from_day=date(2026, 12, 4), until_day=date(2026, 12, 25))),
)
ALONE = (
    Rule("alone", "spend", 2, per=Decimal("1.00"), stackable=False, when=MILK),
    Rule("alone-first", "fixed", 20, stackable=False, priority=1, when=When(min_amount=Decimal("8.00"))),
    Rule("alone-slow", "visit", 9, stackable=False, expiry=Expiry("never")),
)
CAMPAIGNS = (
    Campaign("double", "multiply", factor=Decimal(2), when=MILK),
    Campaign("half-more", "multiply", factor=Decimal("1.5")),
    Campaign("triple", "multiply", factor=Decimal(3), stackable=False, when=When(skus=Choice(frozenset({"coffee"})))),
    Campaign("best", "multiply", factor=Decimal("2.2"), stackable=False),
    Campaign("plus", "add", points=6),
    Campaign("plus-milk", "add", points=3, when=MILK),
)

EXPIRIES = [
    *[Expiry()] * 4,
    Expiry("after", days=1),
    Expiry("after", days=3),
    Expiry("after", months=1),
    Expiry("after", years=1),
    Expiry("after", months=2, round_up_to="quarter"),
    Expiry("after", hours=30),
    Expiry("fixed", dates=("12-04", "12-31")),
    Expiry("fixed", dates=("2026-12-06",)),
    Expiry("inactivity", months=1),
    Expiry("inactivity", months=2, activities=("redeem",)),
]
AVAILABLES = [
    *[Available()] * 8,
    Available("after", days=1),
    Available("after", days=14),
    Available("after", months=1),
    Available("after", hours=12),
    *[Available("on_event")] * 2,
]
clawbacks = st.one_of(
    st.sampled_from([Clawback(), Clawback("allow_debt"), Clawback("allow_debt")]),
    st.builds(Clawback, st.just("limit"), st.sampled_from([None, 3, 20]), st.sampled_from([0, 10, 50, 100])),
)


def _ladder(
    measure: str, free: bool, first: int, window: Window, retention: Retention, downgrade: str, grace_days: int
) -> Ladder:
    thresholds = (1, 2, 4) if measure == "visits" else (8, 20, 45)
    levels = [
        Level("bronze", Decimal(0 if free else thresholds[0])),
        Level("silver", Decimal(thresholds[1]), multiplier=Decimal("1.25"), expiry=Expiry("after", days=2)),
        Level("gold", Decimal(thresholds[2]), multiplier=Decimal(2), available=Available()),
    ]
    return Ladder(tuple(levels[first:]), measure, window, retention, downgrade, grace_days)


ladders = st.builds(
    lambda first, second: _ladder(*first, *second),
    at_once(
        ["points_earned", "spend", "visits"],
        [False, True],
        [0, 0, 1],
        [Window("calendar_year"), Window("rolling", months=1), Window("membership_year"), Window("lifetime")],
    ),
    at_once(
        [Retention(), Retention("end_of_next_period"), Retention("days", 3), Retention("days", 30)],
        ["to_eligible", "one_step", "never"],
        [0, 0, 2, 20],
    ),
)


def some_of(values: tuple[Any, ...], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few of these, in any order."""
    return st.lists(st.sampled_from(values), max_size=most, unique_by=lambda value: value.id).map(tuple)


PLAIN: tuple[dict[str, Sequence[Any]], ...] = (
    {"expiry": EXPIRIES, "available": AVAILABLES},
    {
        "version": [1, 2, 3],
        "zone": [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Santiago")],
        "currency": [None, "EUR"],
        "rounding": ["floor", "half_up", "ceil"],
        "auto_open": [False, True],
        "transfer_expiry": ["keep", "restart"],
    },
    {
        "points_per_entry_max": [*[1000] * 7, 20],
        "redeem_per_day_max": [None, None, 15],
        "backdate_days_max": [90, 90, 2],
        "restore_expired": [RestoreExpired(), RestoreExpired("grace", 1), RestoreExpired("grace", 2)],
    },
)
"""Settings that are drawn together."""


def _program(
    rules: tuple[Rule, ...], ladder: Ladder | None, clawback: Clawback, campaigns: Any, *plain: tuple[Any, ...]
) -> ProgramSettings:
    chosen: dict[str, Any] = {}
    for names, values in zip(PLAIN, plain, strict=True):
        chosen |= zip(names, values, strict=True)
    rules = tuple(rule for rule in rules if ladder is not None or not rule.when.tiers)
    return ProgramSettings(rules=rules, ladder=ladder, clawback=clawback, campaigns=campaigns, **chosen)


_few_rules = some_of(RULES, 4)
programs = st.builds(
    _program,
    weighted((_few_rules, 3), (st.tuples(_few_rules, some_of(ALONE, 2)).map(lambda both: both[0] + both[1]), 1)),
    weighted((st.none(), 1), (ladders, 2)),
    clawbacks,
    some_of(CAMPAIGNS, 3),
    *(at_once(*values.values()) for values in PLAIN),
)
"""Any program."""

Revision = tuple[int, ProgramSettings] | None
"""From which batch on the program has other settings."""

revisions: st.SearchStrategy[Revision] = st.none() | st.tuples(st.integers(1, 4), programs)


def revised(program: ProgramSettings, revision: Revision) -> ProgramSettings:
    """The program with all its settings changed but those that say what a day is, and what tiers there are."""
    if revision is None:
        return program
    rules = tuple(rule for rule in revision[1].rules if program.ladder is not None or not rule.when.tiers)
    return replace(revision[1], zone=program.zone, ladder=program.ladder, rules=rules)


def document_of(program: ProgramSettings) -> dict[str, Any]:
    """The settings as a caller writes them: what is at its default is left out."""
    limits = {"max_points_per_entry": program.points_per_entry_max, "max_backdate_days": program.backdate_days_max}
    if program.redeem_per_day_max is not None:
        limits["max_redeem_per_day"] = program.redeem_per_day_max
    document = {
        "time_zone": program.zone.key,
        "rounding": program.rounding,
        "auto_open": program.auto_open,
        "expiry": _written(program.expiry),
        "available": _written(program.available),
        "clawback": _written(program.clawback),
        "restore_expired": _written(program.restore_expired),
        "transfer_expiry": program.transfer_expiry,
        "rules": [_written(rule) for rule in program.rules],
        "campaigns": [_written(campaign) for campaign in program.campaigns],
        "limits": limits,
    }
    if program.currency is not None:
        document["currency"] = program.currency
    if program.ladder is not None:
        ladder = _written(program.ladder)
        places = [level.at if program.ladder.measure == "spend" else int(level.at) for level in program.ladder.levels]
        ladder["levels"] = [
            _written(level) | {"at": str(at) if isinstance(at, Decimal) else at}
            for level, at in zip(program.ladder.levels, places, strict=True)
        ]
        document["tiers"] = ladder
    return document


NAMES = {"from_day": "from", "until_day": "until"}


def _written(value: Any) -> Any:
    """A policy, rule or level as JSON, without the fields that are at their default."""
    match value:
        case Decimal() | date():
            return str(value)
        case time():
            return value.isoformat("minutes")
        case tuple() | frozenset():
            return [_written(one) for one in (sorted(value) if isinstance(value, frozenset) else value)]
        case _ if is_dataclass(value):
            return {
                NAMES.get(field.name, field.name): _written(getattr(value, field.name))
                for field in fields(value)
                if getattr(value, field.name) != field.default or field.name == "mode"
            }
        case _:
            return value
