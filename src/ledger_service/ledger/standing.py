"""Standing: what an account has reached beside its points: what it spent, how often it came, its tier."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ledger_service.ledger.lots import NEVER, instant, microseconds
from ledger_service.ledger.slots import through_slots


@dataclass(frozen=True, slots=True)
class Tier:
    """A level that was reached."""

    level: str
    since: datetime
    valid_until: datetime | None = None
    """The instant at which it is looked at again; None: it cannot be lost."""
    grace_until: datetime | None = None
    """The level was not kept and falls to `fallback` at this instant, unless it is reached again before."""
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """A level given by hand: the account is not below it."""

    level: str
    since: datetime
    until: datetime | None = None
    """The first instant at which it no longer counts."""


@through_slots
@dataclass(frozen=True, slots=True)
class Standing:
    """All counters and the tier of an account. A projection of its entries, like its lots."""

    spend: Decimal = Decimal(0)
    """Of all purchases less what was returned, in currency units."""
    visits: int = 0
    """Purchases that were not wholly returned."""
    tier: Tier | None = None
    floor: Floor | None = None
    redeemed_on: date | None = None
    """The local day of the last redeem, in programs that limit them by day."""
    redeemed: int = 0
    """Points redeemed on that day."""

    @property
    def due_at(self) -> datetime:
        """The next instant at which the tier is looked at, or the floor ends; NEVER when none."""
        due = NEVER
        if self.tier is not None:
            due = self.tier.grace_until or self.tier.valid_until or NEVER
        if self.floor is not None and self.floor.until is not None:
            due = min(due, self.floor.until)
        return due


NOTHING_SPENT = Decimal(0)


def total(*amounts: Decimal) -> Decimal:
    """Their sum. A zero has no places, whatever its terms had: so are standings equal that were stored in between."""
    return sum(amounts, NOTHING_SPENT) or NOTHING_SPENT


NEWCOMER = Standing()
"""The standing of an account that never bought anything."""


@through_slots
@dataclass(frozen=True, slots=True, order=True)
class QualifyingDay:
    """What one local day of an account counts towards its tier."""

    day: date
    points: int = 0
    """Earned less taken back."""
    spend: Decimal = Decimal(0)
    visits: int = 0


def standing_text(standing: Standing) -> str | None:
    """A standing as it is stored: a canonical JSON object; None for a newcomer's."""
    if standing == NEWCOMER:
        return None
    document: dict[str, Any] = {}
    if standing.spend:
        document["spend"] = str(standing.spend)
    if standing.visits:
        document["visits"] = standing.visits
    document |= tier_document(standing)
    if standing.redeemed_on is not None:
        document["redeemed"] = [standing.redeemed_on.isoformat(), standing.redeemed]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def standing_of(text: str | None) -> Standing:
    """The inverse of `standing_text`."""
    if text is None:
        return NEWCOMER
    document = json.loads(text)
    redeemed_on, redeemed = document.get("redeemed") or (None, 0)
    tier, floor = tier_of(document)
    return Standing(
        spend=Decimal(document.get("spend", 0)),
        visits=document.get("visits", 0),
        tier=tier,
        floor=floor,
        redeemed_on=None if redeemed_on is None else date.fromisoformat(redeemed_on),
        redeemed=redeemed,
    )


def tier_document(standing: Standing) -> dict[str, Any]:
    """The tier of a standing, and its floor, as entries keep them. Instants are microseconds since 1970."""
    document: dict[str, Any] = {}
    if standing.tier is not None:
        tier = standing.tier
        document["tier"] = [
            tier.level,
            microseconds(tier.since),
            _micros(tier.valid_until),
            _micros(tier.grace_until),
            tier.fallback,
        ]
    if standing.floor is not None:
        floor = standing.floor
        document["floor"] = [floor.level, microseconds(floor.since), _micros(floor.until)]
    return document


def tier_of(document: dict[str, Any]) -> tuple[Tier | None, Floor | None]:
    """The inverse of `tier_document`."""
    tier, floor = document.get("tier"), document.get("floor")
    return (
        None if tier is None else Tier(tier[0], instant(tier[1]), _instant(tier[2]), _instant(tier[3]), tier[4]),
        None if floor is None else Floor(floor[0], instant(floor[1]), _instant(floor[2])),
    )


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else instant(micros)
