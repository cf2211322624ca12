"""Earned: what a purchase earns under a program's rules, and why (points.md, rule 9)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import ceil, floor

from ledger_service.ledger import reasons
from ledger_service.ledger.baskets import Basket, basket_of
from ledger_service.ledger.campaigns import Addition, Offer, offered
from ledger_service.ledger.conditions import Occasion
from ledger_service.ledger.levels import Level
from ledger_service.ledger.matching import Result, matched
from ledger_service.ledger.multipliers import ZERO, Bonuses, Multiplier, bonuses_of
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.rules import Rule
from ledger_service.ledger.slots import through_slots


@through_slots
@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides beside the settings and the purchase."""

    occurred_at: datetime
    level: Level | None
    """The effective level before the purchase."""
    is_first_purchase: bool


@through_slots
@dataclass(frozen=True, slots=True)
class Share:
    """What a rule, campaign or tier has in the total."""

    id: str
    """Of the rule or campaign; `tier:` and the level's id for a tier."""
    points: int
    applied: bool
    reason: str
    """A sentence for people, also when it was applied."""


@through_slots
@dataclass(frozen=True, slots=True)
class Portion:
    """Points of the total with the same expiry policy. Never 0."""

    points: int
    rule: Rule | None
    """The rule whose own expiry counts; None: the program's or the tier's."""


@through_slots
@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a purchase earns. The shares of rules and campaigns add up to the points, and so do the portions."""

    points: int
    rules: tuple[Share, ...]
    campaigns: tuple[Share, ...]
    portions: tuple[Portion, ...]


@through_slots
@dataclass(frozen=True, slots=True)
class _Reckoning:
    basket: Basket
    matches: Sequence[Result | str]
    """Of each rule."""
    offers: Sequence[Offer]
    bonuses: Bonuses
    multiplied: int
    """Results and bonuses together, rounded."""
    points: int
    """With the additions, which come last."""

    @property
    def results(self) -> list[Result]:
        return [match for match in self.matches if isinstance(match, Result)]


def points_of(
    settings: ProgramSettings,
    purchase: Purchase,
    circumstances: Circumstances,
    shares: Sequence[Fraction] | None = None,
) -> int:
    """What a purchase earns in all, as `evaluate` says it, without the reasons."""
    return _reckoned(settings, purchase, circumstances, shares).points


def evaluate(
    settings: ProgramSettings,
    purchase: Purchase,
    circumstances: Circumstances,
    shares: Sequence[Fraction] | None = None,
) -> Evaluation:
    """What a purchase earns, and why.

    `shares` says what refunds left of each line, or of the whole when it has no lines; None: all. The answer is
    then what the rest alone would have earned, in the same circumstances.
    """
    reckoning = _reckoned(settings, purchase, circumstances, shares)
    return Evaluation(
        points=reckoning.points,
        rules=tuple(_rule_shares(settings, purchase, reckoning)),
        campaigns=tuple(_campaign_shares(settings, reckoning)),
        portions=tuple(_portions(reckoning)),
    )


def portions_of(
    settings: ProgramSettings, purchase: Purchase, circumstances: Circumstances
) -> tuple[int, tuple[Portion, ...]]:
    """What a purchase earns, in all and in parts, as `evaluate` says it, without the reasons: a third of its cost."""
    reckoning = _reckoned(settings, purchase, circumstances, None)
    return reckoning.points, tuple(_portions(reckoning))


def _reckoned(
    settings: ProgramSettings, purchase: Purchase, circumstances: Circumstances, shares: Sequence[Fraction] | None
) -> _Reckoning:
    basket = basket_of(purchase, shares)
    level = circumstances.level
    occasion = Occasion(
        amount=basket.amount,
        currency=purchase.currency,
        channel=purchase.channel,
        level_id=None if level is None else level.id,
        is_first_purchase=circumstances.is_first_purchase,
        local=circumstances.occurred_at.astimezone(settings.zone),
    )
    matches = matched(settings, basket, occasion)
    offers = offered(settings, level, basket, occasion)
    results = [match for match in matches if isinstance(match, Result)]
    bonuses = bonuses_of([offer.gives for offer in offers if isinstance(offer.gives, Multiplier)], results, basket)
    base = sum([result.points for result in results])
    multiplied = base + _rounded(sum(bonuses.of_multipliers, ZERO), settings) if bonuses.of_multipliers else base
    return _Reckoning(
        basket=basket,
        matches=matches,
        offers=offers,
        bonuses=bonuses,
        multiplied=multiplied,
        points=multiplied + sum([offer.gives.points for offer in offers if isinstance(offer.gives, Addition)]),
    )


def _rounded(points: Fraction, settings: ProgramSettings) -> int:
    match settings.rounding:
        case "floor":
            return floor(points)
        case "half_up":
            return floor(points + Fraction(1, 2))
        case "ceil":
            return ceil(points)


def _portions(reckoning: _Reckoning) -> Iterator[Portion]:
    rest = reckoning.points
    for result, bonus in zip(reckoning.results, reckoning.bonuses.of_results, strict=True):
        points = result.points + (floor(bonus) if bonus else 0)
        if result.rule.expiry is not None and points:
            yield Portion(points, result.rule)
            rest -= points
    if rest:
        yield Portion(rest, None)


def _rule_shares(settings: ProgramSettings, purchase: Purchase, reckoning: _Reckoning) -> Iterator[Share]:
    for rule, match in zip(settings.rules, reckoning.matches, strict=True):
        if isinstance(match, str):
            yield Share(rule.id, 0, False, match)
        else:
            reason = reasons.of_result(settings, match, reckoning.basket, purchase.currency)
            yield Share(rule.id, match.points, True, reason)


def _campaign_shares(settings: ProgramSettings, reckoning: _Reckoning) -> Iterator[Share]:
    multiplied = _multiplied_shares(settings, reckoning)
    for offer in reckoning.offers:
        if isinstance(offer.gives, str):
            yield Share(offer.id, 0, False, offer.gives)
        elif isinstance(offer.gives, Multiplier):
            yield next(multiplied)
        else:
            yield Share(offer.id, offer.gives.points, True, reasons.of_addition(settings, offer.gives.points))


def _multiplied_shares(settings: ProgramSettings, reckoning: _Reckoning) -> Iterator[Share]:
    bonuses = reckoning.bonuses.of_multipliers
    last = max((place for place, bonus in enumerate(bonuses) if bonus), default=None)
    # The sum was rounded, not its parts: what that makes is told with the last of them.
    rounding = reckoning.multiplied - sum(result.points for result in reckoning.results) - sum(map(floor, bonuses))
    multipliers = [(offer.id, offer.gives) for offer in reckoning.offers if isinstance(offer.gives, Multiplier)]
    for place, ((name, multiplier), bonus) in enumerate(zip(multipliers, bonuses, strict=True)):
        if not bonus:
            outdone = place in reckoning.bonuses.outdone
            yield Share(name, 0, False, reasons.OUTDONE if outdone else reasons.NOTHING_TO_MULTIPLY)
            continue
        added_here = rounding if place == last else 0
        points = floor(bonus) + added_here
        reason = reasons.of_multiplier(settings, multiplier.factor, points, rounds=added_here > 0)
        yield Share(name, points, True, reason)
