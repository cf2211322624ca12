"""What the books need to know of a program: its settings, at the version that decides (points.md, rule 11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ledger_service.ledger.levels import Ladder
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.policies import Available, Clawback, Expiry, RestoreExpired
from ledger_service.ledger.rules import Campaign, Rule

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """The settings document of a program, as far as it decides about points. A program works with none of it."""

    version: int = 1
    zone: ZoneInfo = UTC_ZONE
    """Where its days begin and end."""
    point_name: tuple[str, str] = ("point", "points")
    """One, many."""
    currency: str | None = None
    """ISO 4217; None: rules that name none match any."""
    rounding: Literal["floor", "half_up", "ceil"] = "floor"
    auto_open: bool = False
    """An earn opens an unknown account."""
    expiry: Expiry = Expiry()
    available: Available = Available()
    clawback: Clawback = Clawback()
    restore_expired: RestoreExpired = RestoreExpired()
    transfer_expiry: Literal["keep", "restart"] = "keep"
    rules: tuple[Rule, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    ladder: Ladder | None = None
    """The tiers; None: the program has none."""
    points_per_entry_max: int = POINTS_MAX
    redeem_per_day_max: int | None = None
    """Points that an account may redeem on one local day."""
    backdate_days_max: int = 90

    @classmethod
    def of(cls, version: int, document: Mapping[str, Any]) -> "ProgramSettings":
        """Read a document that was validated when it was stored."""
        limits = document.get("limits") or {}
        names = document.get("point_name") or {"one": "point", "many": "points"}
        ladder = document.get("tiers")
        return cls(
            version=version,
            zone=_zone(document.get("time_zone") or "UTC"),
            point_name=(names["one"], names["many"]),
            currency=document.get("currency"),
            rounding=document.get("rounding") or "floor",
            auto_open=document.get("auto_open", False),
            expiry=Expiry.of(document.get("expiry") or {}),
            available=Available.of(document.get("available") or {}),
            clawback=Clawback(**(document.get("clawback") or {})),
            restore_expired=RestoreExpired(**(document.get("restore_expired") or {})),
            transfer_expiry=document.get("transfer_expiry") or "keep",
            rules=tuple(Rule.of(rule) for rule in document.get("rules") or ()),
            campaigns=tuple(Campaign.of(campaign) for campaign in document.get("campaigns") or ()),
            ladder=None if ladder is None else Ladder.of(ladder),
            points_per_entry_max=limits.get("max_points_per_entry") or POINTS_MAX,
            redeem_per_day_max=limits.get("max_redeem_per_day"),
            backdate_days_max=90 if limits.get("max_backdate_days") is None else limits["max_backdate_days"],
        )


_zone = lru_cache(maxsize=1_000)(ZoneInfo)


@dataclass(frozen=True, slots=True)
class ProgramState:
    """A program as loaded for one batch."""

    program_id: int
    settings: ProgramSettings
