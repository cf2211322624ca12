"""Campaigns: which of them, and which tier, multiply or add to what the rules give (points.md, rule 9)."""

from dataclasses import dataclass
from fractions import Fraction

from ledger_service.ledger.baskets import Basket
from ledger_service.ledger.conditions import Occasion, chosen, nothing_chosen, obstacle
from ledger_service.ledger.levels import Level
from ledger_service.ledger.multipliers import Multiplier
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rules import Campaign
from ledger_service.ledger.slots import through_slots


@dataclass(frozen=True, slots=True)
class Addition:
    """A campaign that adds points, on a purchase that meets its conditions. All of them add up."""

    points: int


@through_slots
@dataclass(frozen=True, slots=True)
class Offer:
    """What a campaign or tier has for a purchase."""

    id: str
    gives: Multiplier | Addition | str
    """A sentence: why it gives nothing."""


def offered(settings: ProgramSettings, level: Level | None, basket: Basket, occasion: Occasion) -> list[Offer]:
    """What the tier, if it multiplies, and each campaign have for a purchase; in the order of the settings."""
    offers = [Offer(campaign.id, _gives(campaign, basket, occasion)) for campaign in settings.campaigns]
    if level is not None and level.multiplier != 1:
        offers.insert(0, Offer(f"tier:{level.id}", Multiplier(Fraction(level.multiplier), True, None)))
    return offers


def _gives(campaign: Campaign, basket: Basket, occasion: Occasion) -> Multiplier | Addition | str:
    reason = obstacle(campaign.when, occasion)
    if reason is not None:
        return reason
    places = chosen(campaign.when, basket.items)
    if not places:
        return nothing_chosen(basket)
    if campaign.type == "add":
        return Addition(campaign.points or 0)
    covers = frozenset(places) if campaign.when.is_scoped else None
    return Multiplier(Fraction(campaign.factor or 1), campaign.stackable, covers)
