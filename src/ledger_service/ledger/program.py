"""What the books need to know of a program: its settings, at the version that decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledger_service.ledger.points import POINTS_MAX


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


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """The settings document of a program, as far as it decides about points (points.md, rule 11)."""

    version: int = 1
    auto_open: bool = False
    """An earn opens an unknown account."""
    clawback: Clawback = Clawback()
    points_per_entry_max: int = POINTS_MAX
    backdate_days_max: int = 90

    @classmethod
    def of(cls, version: int, document: Mapping[str, Any]) -> "ProgramSettings":
        """Read a document that was validated when it was stored."""
        limits = document.get("limits") or {}
        return cls(
            version=version,
            auto_open=document.get("auto_open", False),
            clawback=Clawback(**(document.get("clawback") or {})),
            points_per_entry_max=limits.get("max_points_per_entry") or POINTS_MAX,
            backdate_days_max=90 if limits.get("max_backdate_days") is None else limits["max_backdate_days"],
        )


@dataclass(frozen=True, slots=True)
class ProgramState:
    """A program as loaded for one batch."""

    program_id: int
    settings: ProgramSettings
