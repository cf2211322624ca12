"""Settings of policies: when points can be used, when they are gone, and what becomes of them when they come back."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from ledger_service.api.fields import Points
from ledger_service.api.schemas import Body
from ledger_service.api.settings_fields import DayOrAnniversary, looking_together, one_of

Years = Annotated[int, Field(ge=1, le=100)]
Months = Annotated[int, Field(ge=1, le=1200)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Hours = Annotated[int, Field(ge=1, le=876_000)]


def _schema_of_units(*units: str) -> dict[str, Any]:
    """Hours alone, or at least one of the others."""
    # `required` alone would do for who leaves out; null is the same as left out.
    given = [{"required": [unit], "properties": {unit: {"type": "integer"}}} for unit in units]
    hours = {"required": ["hours"], "properties": {"hours": {"type": "integer"}}}
    return {"oneOf": [hours, {"anyOf": given}]}


class NeverExpires(Body):
    """Points stay until they are used."""

    mode: Literal["never"] = Field(description="Points stay until they are used.")


class ExpiresAfter(Body):
    """Points are gone some time after they became available: years, months and days add up; hours stand alone."""

    mode: Literal["after"] = Field(description="Points are gone some time after they became available.")
    years: Years | None = Field(None, description="Calendar years on the local date.")
    months: Months | None = Field(
        None, description="Calendar months on the local date: 31 January and one month is the last day of February."
    )
    days: Days | None = Field(None, description="Days on the local date. The points live through the resulting day.")
    hours: Hours | None = Field(None, description="Exact hours, without any other unit.")
    round_up_to: Literal["month", "quarter", "half_year", "year"] | None = Field(
        None, description="Let the points live to the end of this period. Not with hours."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"mode": "after", "months": 12, "round_up_to": "month"}],
            **_schema_of_units("years", "months", "days"),
        }
    )

    @model_validator(mode="after")
    def units_fit(self) -> "ExpiresAfter":
        """At least one unit; hours alone."""
        with looking_together() as misfits:
            if self.hours is not None:
                for name in ("years", "months", "days", "round_up_to"):
                    if getattr(self, name) is not None:
                        misfits.add((name,), "contradicts", "Hours stand alone: leave this out, or the hours.")
            elif self.years is None and self.months is None and self.days is None:
                misfits.add((), "required", "Give years, months or days, or hours alone.")
        return self


class ExpiresOnDates(Body):
    """Points are gone at the end of the next of these days."""

    mode: Literal["fixed"] = Field(description="Points are gone at the end of the next of these days.")
    dates: Annotated[list[DayOrAnniversary], Field(min_length=1, max_length=100)] = Field(
        description="12-31 for the one of every year, or 2026-12-31. After the last one points do not expire."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "fixed", "dates": ["06-30", "12-31"]}]})


class ExpiresWithoutActivity(Body):
    """All open points are gone when nothing happened for some months."""

    mode: Literal["inactivity"] = Field(description="All open points are gone when nothing happened for some months.")
    months: Months = Field(description="Calendar months since the last activity.")
    activities: Annotated[list[Literal["earn", "redeem"]], Field(min_length=1, max_length=2)] = Field(
        ["earn", "redeem"], description="What counts as activity; left out: both."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "inactivity", "months": 18}]})


Expiry = Annotated[NeverExpires | ExpiresAfter | ExpiresOnDates | ExpiresWithoutActivity, *one_of("mode")]
"""When points are gone."""

OwnExpiry = Annotated[NeverExpires | ExpiresAfter | ExpiresOnDates, *one_of("mode")]
"""When points of one rule or one level are gone. Inactivity is about all points of an account: the program's only."""


class AvailableAtOnce(Body):
    """Points can be used as soon as they are earned."""

    mode: Literal["immediately"] = Field(description="Points can be used as soon as they are earned.")


class AvailableAfter(Body):
    """Points can be used some time after they were earned: months and days add up; hours stand alone."""

    mode: Literal["after"] = Field(description="Points can be used some time after they were earned, like goods.")
    months: Months | None = Field(None, description="Calendar months on the local date.")
    days: Days | None = Field(
        None, description="Days on the local date. The points can be used from the midnight that begins that day."
    )
    hours: Hours | None = Field(None, description="Exact hours, without any other unit.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mode": "after", "days": 14}], **_schema_of_units("months", "days")}
    )

    @model_validator(mode="after")
    def units_fit(self) -> "AvailableAfter":
        """At least one unit; hours alone."""
        with looking_together() as misfits:
            if self.hours is not None:
                for name in ("months", "days"):
                    if getattr(self, name) is not None:
                        misfits.add((name,), "contradicts", "Hours stand alone: leave this out, or the hours.")
            elif self.months is None and self.days is None:
                misfits.add((), "required", "Give months or days, or hours alone.")
        return self


class AvailableOnEvent(Body):
    """Points can be used once their order is confirmed."""

    mode: Literal["on_event"] = Field(description="Points can be used once their order is confirmed.")


Available = Annotated[AvailableAtOnce | AvailableAfter | AvailableOnEvent, *one_of("mode")]
"""When points can be used."""


class ClawbackClamp(Body):
    """Never more is taken back than the account has; the rest is let go and written down."""

    mode: Literal["clamp"] = Field(description="Never more is taken back than the account has.")


class ClawbackDebt(Body):
    """All of it is taken back; what the account does not have becomes a debt."""

    mode: Literal["allow_debt"] = Field(description="What the account does not have becomes a debt.")


class ClawbackLimit(Body):
    """A debt up to a limit; the smaller one when both are given."""

    mode: Literal["limit"] = Field(description="A debt up to a limit; the smaller one when both are given.")
    points: Points | None = Field(None, description="The most debt, in points.")
    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="The most debt, in percent of the account's lifetime points."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"mode": "limit", "points": 500}],
            "anyOf": [
                {"required": ["points"], "properties": {"points": {"type": "integer"}}},
                {"required": ["percent"], "properties": {"percent": {"type": "integer"}}},
            ],
        }
    )

    @model_validator(mode="after")
    def has_a_limit(self) -> "ClawbackLimit":
        """A limit without one would be another mode."""
        with looking_together() as misfits:
            if self.points is None and self.percent is None:
                misfits.add((), "required", "Give points or percent, or both.")
        return self


Clawback = Annotated[ClawbackClamp | ClawbackDebt | ClawbackLimit, *one_of("mode")]
"""What happens when more is taken back than the account has."""


class RestoredExpire(Body):
    """Points that come back after their expiry are gone in the same breath; the books show both."""

    mode: Literal["expire"] = Field(description="Points that come back after their expiry are gone at once.")


class RestoredWithGrace(Body):
    """Points that come back after their expiry live some days more."""

    mode: Literal["grace"] = Field(description="Points that come back after their expiry live some days more.")
    days: Days = Field(description="How many days more, from the day on which they come back.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "grace", "days": 10}]})


RestoreExpired = Annotated[RestoredExpire | RestoredWithGrace, *one_of("mode")]
"""What becomes of points that come back after their expiry."""
