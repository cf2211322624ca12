"""Programs with rules, and purchases, for the tests of what purchases earn."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from ledger_service.ledger.earned import Circumstances, Evaluation, evaluate
from ledger_service.ledger.levels import Level
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Line, Purchase
from tests.builders import NOON

SKUS, CATEGORIES, CHANNELS = ["coffee", "milk", "gift-card"], [None, "MILK", "SHIPPING"], [None, "pos", "web"]


def program(*rules: dict[str, Any], **document: Any) -> ProgramSettings:
    """A program as its settings document says it, in euros."""
    written = [{"id": f"rule-{place}", **rule} for place, rule in enumerate(rules)]
    return ProgramSettings.of(1, {"currency": "EUR", "rules": written} | document)


def spend(points: int = 1, per: str = "1.00", **others: Any) -> dict[str, Any]:
    return {"type": "spend", "points": points, "per": per, **others}


def times(factor: str, **others: Any) -> dict[str, Any]:
    """A campaign that multiplies."""
    return {"id": f"times-{factor}", "type": "multiply", "factor": factor, **others}


def only(*skus: str) -> dict[str, Any]:
    """The conditions of a rule or campaign about these articles."""
    return {"skus": {"include": list(skus)}}


def at(moment: datetime = NOON, level: Level | None = None, *, first: bool = False) -> Circumstances:
    return Circumstances(occurred_at=moment, level=level, is_first_purchase=first)


def earned(settings: ProgramSettings, purchase: Purchase, **others: Any) -> Evaluation:
    """What a purchase at noon of an account without level earns."""
    return evaluate(settings, purchase, at(**others))


def points(settings: ProgramSettings, purchase: Purchase, **others: Any) -> int:
    return earned(settings, purchase, **others).points


def scaled(bought: Purchase, shares: tuple[Fraction, ...]) -> Purchase:
    """A purchase of just what is left of each line. The shares must leave whole decimals."""
    lines = tuple(
        replace(
            line,
            amount=line.amount * share.numerator / share.denominator,
            quantity=line.quantity * share.numerator / share.denominator,
            tax=line.tax * share.numerator / share.denominator,
        )
        for line, share in zip(bought.lines, shares, strict=True)
    )
    return replace(bought, lines=lines, amount=sum((line.amount for line in lines if not line.voided), Decimal(0)))


money = st.integers(0, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))
quantities = st.integers(1, 5).map(Decimal) | st.sampled_from([Decimal("0.5"), Decimal("1.250")])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    amount = draw(money)
    return Line(
        sku=draw(st.sampled_from(SKUS)),
        amount=amount,
        quantity=draw(quantities),
        category=draw(st.sampled_from(CATEGORIES)),
        tax=(amount * draw(st.sampled_from([0, 19])) / 119).quantize(Decimal("0.01")),
        voided=draw(st.booleans() | st.just(False)),
    )


@st.composite
def purchases(draw: st.DrawFn, *, with_lines: bool | None = None) -> Purchase:
    """Purchases in euros, some paid with points in part."""
    has_lines = draw(st.booleans()) if with_lines is None else with_lines
    of = tuple(draw(st.lists(lines(), min_size=1, max_size=5))) if has_lines else ()
    amount = sum((line.amount for line in of if not line.voided), Decimal(0)) if of else draw(money)
    return Purchase(
        amount=amount,
        currency="EUR",
        tax=(amount * 19 / 119).quantize(Decimal("0.01")) if draw(st.booleans()) else Decimal(0),
        channel=draw(st.sampled_from(CHANNELS)),
        redeemed_value=(amount * draw(st.sampled_from([0, 0, 25, 100])) / 100).quantize(Decimal("0.01")),
        lines=of,
    )


scopes = st.sampled_from(
    [
        {},
        {},
        only("coffee"),
        only("coffee", "milk"),
        {"skus": {"exclude": ["gift-card"]}},
        {"categories": {"include": ["MILK"]}},
        {"categories": {"exclude": ["SHIPPING"]}},
    ]
)
conditions = st.sampled_from([{}, {}, {"channels": ["pos"]}, {"tiers": ["gold"]}, {"first_purchase": True}])
minimums = st.just({}) | st.integers(1, 5_000).map(lambda cents: {"min_amount": str(Decimal(cents).scaleb(-2))})
expiries = st.just({}) | st.just({"expiry": {"mode": "never"}})
factors = st.sampled_from(["1", "1.1", "1.25", "1.5", "2", "3.333"])


@st.composite
def rules(draw: st.DrawFn, *, stackable: st.SearchStrategy[bool] | None = None) -> dict[str, Any]:
    when = draw(scopes) | draw(conditions) | draw(minimums)
    chosen: dict[str, Any] = {
        "stackable": draw(st.booleans() if stackable is None else stackable),
        "priority": draw(st.integers(0, 2)),
        "when": when,
    } | draw(expiries)
    kind = draw(st.sampled_from(["spend", "spend", "visit", "item", "fixed"]))
    if kind == "spend":
        per = draw(st.sampled_from(["0.07", "1.00", "2.5", "10.00"]))
        steps, tax = draw(st.booleans()), draw(st.sampled_from(["included", "excluded"]))
        return chosen | spend(draw(st.integers(1, 20)), per, whole_steps=steps, tax=tax)
    if kind == "item" and draw(st.booleans()):
        chosen["sku"] = draw(st.sampled_from(SKUS))
    return chosen | {"type": kind, "points": draw(st.integers(1, 20))}


@st.composite
def campaigns(draw: st.DrawFn, *, minimum: bool = True) -> dict[str, Any]:
    when = draw(scopes) | draw(conditions) | (draw(minimums) if minimum else {})
    if draw(st.integers(0, 3)) == 0:
        return {"type": "add", "points": draw(st.integers(1, 50)), "when": when}
    return {"type": "multiply", "factor": draw(factors), "stackable": draw(st.booleans()), "when": when}


@st.composite
def programs(
    draw: st.DrawFn, *, stackable: st.SearchStrategy[bool] | None = None, minimum: bool = True
) -> ProgramSettings:
    """Programs with any rules and campaigns; `minimum`: campaigns may ask for a minimum purchase."""
    return program(
        *draw(st.lists(rules(stackable=stackable), max_size=4)),
        campaigns=[
            {"id": f"campaign-{place}", **campaign}
            for place, campaign in enumerate(draw(st.lists(campaigns(minimum=minimum), max_size=4)))
        ],
        rounding=draw(st.sampled_from(["floor", "half_up", "ceil"])),
        time_zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago"])),
    )


levels = st.none() | factors.map(lambda factor: Level("gold", Decimal(1), Decimal(factor)))
circumstances = st.builds(
    Circumstances,
    occurred_at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    level=levels,
    is_first_purchase=st.booleans(),
)
