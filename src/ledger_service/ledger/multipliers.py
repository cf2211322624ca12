"""Multipliers: what campaigns and tiers add to the results of the rules (points.md, rule 9)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from ledger_service.ledger.baskets import Basket
from ledger_service.ledger.matching import Result, given
from ledger_service.ledger.slots import through_slots

Members = tuple[int, ...]
"""Multipliers, by their place."""
ZERO, ONE = Fraction(0), Fraction(1)
Lines = frozenset[int] | None
"""Places of lines; None: no line, to which visits and fixed points belong."""


@through_slots
@dataclass(frozen=True, slots=True)
class Multiplier:
    """A campaign or level that multiplies, on a purchase that meets its conditions."""

    factor: Fraction
    """At least 1."""
    stackable: bool
    covers: Lines
    """None: the whole purchase, also what belongs to no line."""


@through_slots
@dataclass(frozen=True, slots=True)
class Bonuses:
    """What the multipliers add, in exact points. Both tuples have the same sum."""

    of_multipliers: tuple[Fraction, ...]
    """What each multiplier adds."""
    of_results: tuple[Fraction, ...]
    """What is added to each result."""
    outdone: frozenset[int]
    """Multipliers, by their place, that did not count somewhere because others are better."""


def bonuses_of(multipliers: Sequence[Multiplier], results: Sequence[Result], basket: Basket) -> Bonuses:
    """For each group of lines under the same multipliers: (f - 1) times the floored results of that group alone."""
    if not multipliers:
        return Bonuses((), (ZERO,) * len(results), frozenset())
    of_multipliers, of_results = [ZERO] * len(multipliers), [ZERO] * len(results)
    outdone: set[int] = set()
    for lines, members in _groups(multipliers, len(basket.items)):
        gain, parts = _combined(multipliers, members)
        points = [_points_of(result, lines, basket) for result in results] if gain else []
        if not any(points):
            continue
        outdone.update(set(members) - parts.keys())
        for place, part in parts.items():
            of_multipliers[place] += gain * part * sum(points)
        for place, number in enumerate(points):
            of_results[place] += gain * number
    return Bonuses(tuple(of_multipliers), tuple(of_results), frozenset(outdone))


def _groups(multipliers: Sequence[Multiplier], size: int) -> Iterator[tuple[Lines, Members]]:
    everywhere = tuple(place for place, multiplier in enumerate(multipliers) if multiplier.covers is None)
    yield None, everywhere
    if len(everywhere) == len(multipliers):
        yield frozenset(range(size)), everywhere
        return
    lines_under: dict[Members, list[int]] = {}
    for line in range(size):
        members = tuple(
            place
            for place, multiplier in enumerate(multipliers)
            if multiplier.covers is None or line in multiplier.covers
        )
        lines_under.setdefault(members, []).append(line)
    for members, lines in lines_under.items():
        yield frozenset(lines), members


def _points_of(result: Result, lines: Lines, basket: Basket) -> int:
    if lines is None or not result.belongs_to_lines:
        return 0 if lines is not None or result.belongs_to_lines else result.points
    own = lines.intersection(result.places)
    return result.points if len(own) == len(result.places) else given(result.rule, basket, own)


def _combined(multipliers: Sequence[Multiplier], members: Members) -> tuple[Fraction, dict[int, Fraction]]:
    """How much is added to each point, and the part in it of each multiplier that counts."""
    if not members:
        return ZERO, {}
    stacked = {place: multipliers[place].factor for place in members if multipliers[place].stackable}
    factor = prod(stacked.values(), start=ONE)
    best = max(
        (place for place in members if not multipliers[place].stackable),
        key=lambda place: multipliers[place].factor,
        default=None,
    )
    if best is not None and multipliers[best].factor > factor:
        return multipliers[best].factor - 1, {best: ONE}
    weight = sum(one - 1 for one in stacked.values())
    return factor - 1, {place: (one - 1) / weight for place, one in stacked.items() if weight}
