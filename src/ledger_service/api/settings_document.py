"""The settings document of a program, as callers send it. What has no effect is refused, not ignored."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ledger_service.api.fields import Name, Points
from ledger_service.api.schemas import Body
from ledger_service.api.settings_fields import Misfits, looking_together
from ledger_service.api.settings_policies import Available, Clawback, Expiry, RestoreExpired
from ledger_service.api.settings_rules import CURRENCY_PATTERN, EarningCampaign, EarningRule
from ledger_service.api.settings_tiers import TierSettings

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_zones = cache(available_timezones)


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("unknown_zone", "an IANA time zone")
    return name


class PointName(Body):
    """What the program calls its points."""

    one: Name = Field(description="One of them: point, star, mile.")
    many: Name = Field(description="Several of them: points, stars, miles.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"one": "star", "many": "stars"}]})


class Limits(Body):
    """How much is allowed."""

    max_points_per_entry: Points | None = Field(None, description="The largest entry, in points; left out: any.")
    max_redeem_per_day: Points | None = Field(
        None, description="The points that an account may redeem or hold on one local day; left out: any."
    )
    max_backdate_days: Annotated[int, Field(ge=0, le=36_500)] | None = Field(
        None, description="How many days back `occurred_at` may lie; left out: 90."
    )


class SettingsDocument(Body):
    """The settings of a program. Every part is optional: a program works with none."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="IANA name, like Europe/Berlin: where the program's days begin and end."
    )
    point_name: PointName | None = Field(None, description="What the program calls its points.")
    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] | None = Field(
        None, description="ISO 4217. Rules that name no currency count for purchases in this one; left out: in any."
    )
    rounding: Literal["floor", "half_up", "ceil"] = Field(
        "floor", description="How the points of a purchase are rounded, once, after everything was multiplied."
    )
    auto_open: bool = Field(False, description="Whether an earn opens an unknown account.")
    expiry: Expiry | None = Field(None, description="When points are gone; left out: never.")
    available: Available | None = Field(None, description="When points can be used; left out: at once.")
    clawback: Clawback | None = Field(
        None, description="What happens when more is taken back than the account has; left out: the rest is let go."
    )
    restore_expired: RestoreExpired | None = Field(
        None, description="What becomes of points that come back after their expiry; left out: they are gone again."
    )
    transfer_expiry: Literal["keep", "restart"] = Field(
        "keep", description="Whether points that are transferred keep their dates, or get those of newly earned ones."
    )
    rules: Annotated[list[EarningRule], Field(max_length=200)] = Field(
        [], description="How purchases earn points. Without rules only explicit points are earned."
    )
    campaigns: Annotated[list[EarningCampaign], Field(max_length=200)] = Field(
        [], description="What multiplies, or adds to, what the rules gave."
    )
    tiers: TierSettings | None = Field(None, description="Levels that accounts reach; left out: there are none.")
    limits: Limits | None = Field(None, description="How much is allowed.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "time_zone": "Europe/Berlin",
                    "point_name": {"one": "point", "many": "points"},
                    "currency": "EUR",
                    "auto_open": True,
                    "expiry": {"mode": "after", "months": 12, "round_up_to": "month"},
                    "available": {"mode": "after", "days": 14},
                    "clawback": {"mode": "limit", "points": 500},
                    "restore_expired": {"mode": "grace", "days": 10},
                    "rules": [
                        {"id": "base", "type": "spend", "points": 1, "per": "1.00"},
                        {"id": "hello", "type": "fixed", "points": 100, "when": {"first_purchase": True}},
                    ],
                    "campaigns": [
                        {
                            "id": "milk",
                            "type": "multiply",
                            "factor": "2",
                            "when": {"categories": {"include": ["MILK"]}, "tiers": ["silver"]},
                        }
                    ],
                    "tiers": {
                        "window": {"mode": "rolling", "months": 12},
                        "levels": [
                            {"id": "bronze", "at": 0},
                            {"id": "silver", "at": 1000, "multiplier": "1.25"},
                        ],
                    },
                    "limits": {"max_points_per_entry": 1000000, "max_backdate_days": 30},
                },
                {},
            ]
        }
    )

    @model_validator(mode="after")
    def names_fit(self) -> "SettingsDocument":
        """Rules and campaigns have names of their own, and speak of levels that there are."""
        levels = frozenset(level.id for level in self.tiers.levels) if self.tiers is not None else frozenset[str]()
        with looking_together() as misfits:
            for part, entries in (("rules", self.rules), ("campaigns", self.campaigns)):
                _check_names(part, entries, levels, misfits)
        return self

    def document(self) -> dict[str, Any]:
        """The document as it is kept: what was sent, no more."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _check_names(
    part: str, entries: Sequence[EarningRule | EarningCampaign], levels: frozenset[str], misfits: Misfits
) -> None:
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        if entry.id in seen:
            misfits.add((part, place, "id"), "not_unique", f"Another of the {part} has this id.")
        seen.add(entry.id)
        for at, level in enumerate((entry.when.tiers if entry.when else None) or ()):
            if level not in levels:
                misfits.add((part, place, "when", "tiers", at), "unknown_level", "`tiers` has no such level.")


@cache
def settings_schema() -> dict[str, Any]:
    """The JSON Schema of settings documents, with a description of every field."""
    return {"$schema": JSON_SCHEMA_DIALECT, **SettingsDocument.model_json_schema()}
