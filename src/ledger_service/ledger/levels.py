"""Levels: how a program's settings say what tiers there are (points.md, rule 10). `tiers` applies them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ledger_service.ledger.policies import Available, Expiry


@dataclass(frozen=True, slots=True)
class Level:
    """One tier of the ladder."""

    id: str
    at: Decimal
    """The measure from which on it is reached: points, currency units or visits."""
    multiplier: Decimal = Decimal(1)
    """At least 1; an unscoped, stackable multiplier of purchases."""
    expiry: Expiry | None = None
    """Counts when it lets points live longer than the program's."""
    available: Available | None = None
    """Instead of the program's."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Level":
        return cls(
            id=document["id"],
            at=Decimal(document["at"]),
            multiplier=Decimal(document.get("multiplier") or 1),
            expiry=None if document.get("expiry") is None else Expiry.of(document["expiry"]),
            available=None if document.get("available") is None else Available.of(document["available"]),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time over which the measure is taken."""

    mode: Literal["calendar_year", "rolling", "membership_year", "lifetime"] = "lifetime"
    months: int | None = None
    """`rolling`."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a level that was reached is kept."""

    mode: Literal["end_of_period", "end_of_next_period", "days"] = "end_of_period"
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The tiers of a program."""

    levels: tuple[Level, ...]
    """From the lowest to the highest threshold."""
    measure: Literal["points_earned", "spend", "visits"] = "points_earned"
    window: Window = Window()
    retention: Retention = Retention()
    downgrade: Literal["to_eligible", "one_step", "never"] = "to_eligible"
    grace_days: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Ladder":
        return cls(
            levels=tuple(Level.of(level) for level in document["levels"]),
            measure=document.get("measure", "points_earned"),
            window=Window(**(document.get("window") or {})),
            retention=Retention(**(document.get("retention") or {})),
            downgrade=document.get("downgrade", "to_eligible"),
            grace_days=document.get("grace_days", 0),
        )

    def place(self, level_id: str | None) -> int:
        """Where a level stands, 0 the lowest; -1 for none, and for one that the ladder no longer has."""
        for place, level in enumerate(self.levels):
            if level.id == level_id:
                return place
        return -1
