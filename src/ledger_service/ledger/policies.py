"""Policies: when points can be used, when they are gone, and what becomes of them when they come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledger_service.ledger.points import POINTS_MAX

Activity = Literal["earn", "redeem"]


@dataclass(frozen=True, slots=True)
class Expiry:
    """When points are gone, counted from the moment they become available."""

    mode: Literal["never", "after", "fixed", "inactivity"] = "never"
    years: int | None = None
    months: int | None = None
    """`after`, `inactivity`: calendar months on the local date."""
    days: int | None = None
    hours: int | None = None
    """`after`: exact hours."""
    round_up_to: Literal["month", "quarter", "half_year", "year"] | None = None
    dates: tuple[str, ...] = ()
    """`fixed`: MM-DD for every year, or YYYY-MM-DD. The points live through that day."""
    activities: tuple[Activity, ...] = ("earn", "redeem")
    """`inactivity`: what counts as activity."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Expiry":
        fields = dict(document)
        for name in ("dates", "activities"):
            if name in fields:
                fields[name] = tuple(fields[name])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Available:
    """When points can be used, counted from when they were earned."""

    mode: Literal["immediately", "after", "on_event"] = "immediately"
    months: int | None = None
    days: int | None = None
    hours: int | None = None
    """`after`: exact hours."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Available":
        return cls(**document)


@dataclass(frozen=True, slots=True)
class RestoreExpired:
    """What becomes of points that come back after their expiry (points.md, rule 6)."""

    mode: Literal["expire", "grace"] = "expire"
    days: int = 0
    """`grace`: how many days more they live, from the day they come back."""


@dataclass(frozen=True, slots=True)
class Clawback:
    """What happens when more is taken back than the account has (points.md, rule 7)."""

    mode: Literal["clamp", "allow_debt", "limit"] = "clamp"
    points: int | None = None
    """`limit`: the most debt, in points."""
    percent: int | None = None
    """`limit`: the most debt, in percent of the account's lifetime points."""

    def debt_max(self, lifetime_points: int) -> int:
        """The debt, in points, up to which taking back may go."""
        match self.mode:
            case "allow_debt":
                return POINTS_MAX
            case "clamp":
                return 0
            case "limit":
                bounds = [POINTS_MAX]
                if self.points is not None:
                    bounds.append(self.points)
                if self.percent is not None:
                    bounds.append(max(0, lifetime_points) * self.percent // 100)
                return min(bounds)
