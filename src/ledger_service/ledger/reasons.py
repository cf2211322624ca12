"""Reasons: why a rule or campaign gave what it gave, in sentences for the people at the till."""

from fractions import Fraction

from ledger_service.ledger.baskets import Basket, money_text, number_text
from ledger_service.ledger.matching import Result, basis
from ledger_service.ledger.program import ProgramSettings

NOTHING_TO_MULTIPLY = "No rule gave points for what it covers."
OUTDONE = "Others that do not combine with it are better."


def points_text(settings: ProgramSettings, points: int) -> str:
    """So many points, as the program calls them."""
    one, many = settings.point_name
    return f"{points} {one if points == 1 else many}"


def of_result(settings: ProgramSettings, result: Result, basket: Basket, currency: str) -> str:
    """Why a rule gave its points."""
    rule = result.rule
    each = points_text(settings, rule.points)
    match rule.type:
        case "spend":
            steps = "full " if rule.whole_steps else ""
            tax = "" if rule.tax == "included" else " without tax"
            of = money_text(basis(rule, basket, result.places))
            return f"{each} for every {steps}{rule.per} {currency} of {of} {currency}{tax}."
        case "item":
            return f"{each} for each unit; units: {number_text(basis(rule, basket, result.places))}."
        case "visit":
            return f"{each} for the visit."
        case "fixed":
            return f"{each} for the purchase."


def of_multiplier(settings: ProgramSettings, factor: Fraction, points: int, *, rounds: bool) -> str:
    """What a multiplier adds. `rounds`: the fractions of all multipliers are rounded at this one."""
    rounding = ", the fractions of all multipliers rounded here" if rounds else ""
    return f"Times {number_text(factor)} gives {points_text(settings, points)} more{rounding}."


def of_addition(settings: ProgramSettings, points: int) -> str:
    """What a campaign adds."""
    return f"{points_text(settings, points)} on top."
