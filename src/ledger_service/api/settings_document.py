"""The settings document of a program, as callers send it. What has no effect yet is refused, not ignored."""

from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ledger_service.api.fields import Name, Points
from ledger_service.api.schemas import Body

_zones = cache(available_timezones)


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("unknown_zone", "an IANA time zone")
    return name


class PointName(Body):
    """What the program calls its points."""

    one: Name
    many: Name


class Expiry(Body):
    """When points are gone."""

    mode: Literal["never"]


class Available(Body):
    """When points can be used."""

    mode: Literal["immediately"]


class ClawbackPolicy(Body):
    """What happens when more is taken back than the account has."""

    mode: Literal["clamp", "allow_debt", "limit"]
    points: Points | None = Field(None, description="`limit`: the most debt, in points.")
    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="`limit`: the most debt, in percent of the account's lifetime points."
    )

    @model_validator(mode="after")
    def bounds_belong_to_limit(self) -> "ClawbackPolicy":
        """Bounds go with `limit`, and `limit` with bounds."""
        has_bounds = self.points is not None or self.percent is not None
        if has_bounds != (self.mode == "limit"):
            raise PydanticCustomError("bounds_and_limit", "points or percent with limit, and only then")
        return self


class RestoreExpired(Body):
    """What becomes of points that come back after their expiry."""

    mode: Literal["expire"]


class Limits(Body):
    """How much is allowed."""

    max_points_per_entry: Points | None = Field(None, description="The largest entry, in points.")
    max_backdate_days: Annotated[int, Field(ge=0, le=36_500)] | None = Field(
        None, description="How many days back `occurred_at` may lie; left out: 90."
    )
    max_redeem_per_day: None = None


class SettingsDocument(Body):
    """The settings of a program. Every part is optional: a program works with none."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field("UTC", description="IANA name, like Europe/Berlin.")
    point_name: PointName | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(None, description="ISO 4217.")
    rounding: Literal["floor"] = "floor"
    auto_open: bool = Field(False, description="Whether an earn opens an unknown account.")
    expiry: Expiry | None = None
    available: Available | None = None
    clawback: ClawbackPolicy | None = None
    restore_expired: RestoreExpired | None = None
    transfer_expiry: Literal["keep"] = "keep"
    limits: Limits | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "time_zone": "Europe/Berlin",
                    "point_name": {"one": "point", "many": "points"},
                    "currency": "EUR",
                    "auto_open": True,
                    "clawback": {"mode": "limit", "points": 500},
                    "limits": {"max_points_per_entry": 1000000, "max_backdate_days": 30},
                }
            ]
        }
    )

    def document(self) -> dict[str, Any]:
        """The document as it is kept: what was sent, no more."""
        return self.model_dump(mode="json", exclude_unset=True)
