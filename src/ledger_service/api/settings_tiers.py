"""Settings of tiers: the levels, what leads to them, and how they are kept and lost."""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from ledger_service.api.schemas import Body
from ledger_service.api.settings_fields import Factor, Id, Threshold, looking_together, one_of
from ledger_service.api.settings_policies import Available, Days, OwnExpiry

WINDOW_MONTHS_MAX = 36
"""So far back the books keep what each day counts."""


class CalendarYearWindow(Body):
    """From January to December, by local time."""

    mode: Literal["calendar_year"] = Field(description="From January to December, by local time.")


class RollingWindow(Body):
    """The last so many months, moving with every day."""

    mode: Literal["rolling"] = Field(description="The last so many months, moving with every day.")
    months: Annotated[int, Field(ge=1, le=WINDOW_MONTHS_MAX)] = Field(description="How many calendar months.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "rolling", "months": 12}]})


class MembershipYearWindow(Body):
    """A year that begins on the day on which the account was opened."""

    mode: Literal["membership_year"] = Field(description="A year from the day on which the account was opened, each.")


class LifetimeWindow(Body):
    """From the beginning; a level once reached is never lost."""

    mode: Literal["lifetime"] = Field(description="From the beginning; a level once reached is never lost.")


Window = Annotated[CalendarYearWindow | RollingWindow | MembershipYearWindow | LifetimeWindow, *one_of("mode")]
"""The stretch of time over which the measure is taken."""


class KeptThisPeriod(Body):
    """Until the end of the period in which it was reached."""

    mode: Literal["end_of_period"] = Field(description="Until the end of the period in which it was reached.")


class KeptNextPeriod(Body):
    """Until the end of the period after the one in which it was reached."""

    mode: Literal["end_of_next_period"] = Field(description="Until the end of the period after that.")


class KeptDays(Body):
    """So many days from the one on which it was reached."""

    mode: Literal["days"] = Field(description="So many days from the one on which it was reached.")
    days: Days = Field(description="How many days.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "days", "days": 365}]})


Retention = Annotated[KeptThisPeriod | KeptNextPeriod | KeptDays, *one_of("mode")]
"""How long a level that was reached is kept."""


class TierLevel(Body):
    """One level."""

    id: Id = Field(description="Its name, once in the document.")
    at: Threshold = Field(
        description="The measure from which on it is reached: points or visits as a whole number; for `spend` an "
        "amount in currency units, which may be a decimal number in quotes."
    )
    multiplier: Factor | None = Field(
        None, description="Multiplies what its members earn for purchases; a decimal number from 1 to 1000."
    )
    expiry: OwnExpiry | None = Field(
        None, description="Counts for its members where it lets points live longer than the program's."
    )
    available: Available | None = Field(None, description="Counts for its members instead of the program's.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "silver", "at": 1000, "multiplier": "1.25"}]},
    )


class TierSettings(Body):
    """Levels that accounts reach by what they buy."""

    measure: Literal["points_earned", "spend", "visits"] = Field(
        "points_earned",
        description="What leads to a level. Redeeming and expiry never lower it; taking back an earn does.",
    )
    window: Window | None = Field(None, description="Over which time it is measured; left out: `lifetime`.")
    retention: Retention | None = Field(
        None,
        description="How long a level is kept; left out: `end_of_period`. A rolling window's period is its length from "
        "the day on which the level was reached. Without effect when the window is `lifetime`.",
    )
    downgrade: Literal["to_eligible", "one_step", "never"] = Field(
        "to_eligible", description="Where an account falls that did not reach its level again in time."
    )
    grace_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        0, description="Days between the end of a level's time and its loss; reaching it again in them keeps it."
    )
    levels: Annotated[list[TierLevel], Field(min_length=1, max_length=100)] = Field(
        description="From the lowest to the highest."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "measure": "points_earned",
                    "window": {"mode": "rolling", "months": 12},
                    "retention": {"mode": "end_of_next_period"},
                    "grace_days": 30,
                    "levels": [
                        {"id": "bronze", "at": 0},
                        {
                            "id": "silver",
                            "at": 1000,
                            "multiplier": "1.25",
                            "expiry": {"mode": "after", "months": 18},
                        },
                    ],
                }
            ]
        }
    )

    @model_validator(mode="after")
    def levels_rise(self) -> "TierSettings":
        """Each at more than the one before, each with a name of its own."""
        with looking_together() as misfits:
            for place, level in enumerate(self.levels):
                if isinstance(level.at, str) and self.measure != "spend":
                    misfits.add(("levels", place, "at"), "not_an_integer", "Must be a whole number for this measure.")
                if level.id in {lower.id for lower in self.levels[:place]}:
                    misfits.add(("levels", place, "id"), "not_unique", "Another level has this id.")
            for place, (lower, level) in enumerate(pairwise(self.levels), 1):
                if Decimal(level.at) <= Decimal(lower.at):
                    misfits.add(("levels", place, "at"), "out_of_order", "Must be more than that of the level before.")
        return self
