"""Settings of earning: the rules by which purchases earn points, and the campaigns that multiply or add to them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from ledger_service.api.fields import Points
from ledger_service.api.schemas import Body
from ledger_service.api.settings_fields import (
    Day,
    Factor,
    Id,
    Money,
    MoneyAboveZero,
    Text,
    TimeOfDay,
    looking_together,
    one_of,
)
from ledger_service.api.settings_policies import OwnExpiry
from ledger_service.ledger.rules import Weekday

Texts = Annotated[list[Text], Field(min_length=1, max_length=1000)]
CURRENCY_PATTERN = "^[A-Z]{3}$"


class Selection(Body):
    """Which values are meant: these only, or all but these, or both at once."""

    include: Texts | None = Field(None, description="Only these. A purchase without lines has none of them.")
    exclude: Texts | None = Field(None, description="All but these.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"exclude": ["gift-card"]}],
            "anyOf": [
                {"required": ["include"], "properties": {"include": {"type": "array"}}},
                {"required": ["exclude"], "properties": {"exclude": {"type": "array"}}},
            ],
        }
    )

    @model_validator(mode="after")
    def selects(self) -> "Selection":
        """A selection that chooses nothing is a mistake."""
        with looking_together() as misfits:
            if self.include is None and self.exclude is None:
                misfits.add((), "required", "Give include or exclude, or both.")
        return self


class Conditions(Body):
    """When it counts. `skus` and `categories` choose lines; all others are tested once, on the whole purchase."""

    min_amount: Money | None = Field(None, description="The least amount of the whole purchase, in its currency.")
    skus: Selection | None = Field(None, description="The articles whose lines it is about.")
    categories: Selection | None = Field(None, description="The categories whose lines it is about.")
    tiers: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = Field(
        None, description="For accounts of these levels only; left out: for all, also those without a level."
    )
    channels: Texts | None = Field(None, description="For purchases through these channels only.")
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)] | None = Field(
        None, description="On these days of the week only, by local time."
    )
    between: Annotated[list[TimeOfDay], Field(min_length=2, max_length=2)] | None = Field(
        None,
        description="From the first local time up to, but not including, the second; across midnight when the second "
        "is earlier.",
    )
    from_: Day | None = Field(None, alias="from", description="The first local day on which it counts.")
    until: Day | None = Field(None, description="The first local day on which it no longer counts.")
    first_purchase: bool | None = Field(
        None, description="true: for an account's first purchase only. false: for all but the first."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"min_amount": "10.00", "weekdays": ["sat"], "from": "2026-12-01", "until": "2027-01-01"},
                {"categories": {"include": ["MILK"]}, "channels": ["pos"]},
            ]
        }
    )

    @model_validator(mode="after")
    def stretches_have_length(self) -> "Conditions":
        """What begins ends later."""
        with looking_together() as misfits:
            if self.between is not None and self.between[0] == self.between[1]:
                misfits.add(("between", 1), "contradicts", "Must not be the same time as the first.")
            if self.from_ is not None and self.until is not None and self.until <= self.from_:
                misfits.add(("until",), "contradicts", "Must lie after `from`: it is the first day that is over.")
        return self


class _Rule(Body):
    """What all rules have in common."""

    id: Id = Field(description="Its name, once in the document. Previews and explanations refer to it.")
    stackable: bool = Field(
        True,
        description="Whether it adds up with others. Of matching rules that do not, the one with the highest priority, "
        "then the larger result, counts alone.",
    )
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = Field(
        0, description="Decides between rules that are not stackable; higher wins."
    )
    when: Conditions | None = Field(None, description="When it counts; left out: always.")
    expiry: OwnExpiry | None = Field(
        None, description="When its points are gone, instead of what the program and the level say."
    )


class SpendRule(_Rule):
    """Points for money spent."""

    type: Literal["spend"] = Field(description="Points for money spent.")
    points: Points = Field(description="Points for each `per`.")
    per: MoneyAboveZero = Field(description="So much money, in units of the currency.")
    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] | None = Field(
        None, description="ISO 4217. A purchase in another one does not match. Left out: the program's."
    )
    whole_steps: bool = Field(False, description="Whether only full steps of `per` count.")
    tax: Literal["included", "excluded"] = Field("included", description="Whether tax earns points too.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}]}
    )


class VisitRule(_Rule):
    """Points for coming."""

    type: Literal["visit"] = Field(description="Points for each purchase.")
    points: Points = Field(description="Points for the visit.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "visit", "type": "visit", "points": 5}]})


class ItemRule(_Rule):
    """Points for each unit of an article."""

    type: Literal["item"] = Field(description="Points for each unit of an article.")
    points: Points = Field(description="Points for each unit.")
    sku: Text | None = Field(None, description="This article only; `when` may choose lines too.")
    category: Text | None = Field(None, description="Articles of this category only.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "coffee", "type": "item", "points": 1, "sku": "coffee"}]}
    )


class FixedRule(_Rule):
    """The same points for every purchase that meets its conditions."""

    type: Literal["fixed"] = Field(description="The same points for every purchase that meets its conditions.")
    points: Points = Field(description="Points, once.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "hello", "type": "fixed", "points": 100, "when": {"first_purchase": True}}]
        }
    )


EarningRule = Annotated[SpendRule | VisitRule | ItemRule | FixedRule, *one_of("type")]
"""One way in which a purchase earns points."""


class _Campaign(Body):
    """What all campaigns have in common."""

    id: Id = Field(description="Its name, once in the document. Previews and explanations refer to it.")
    when: Conditions | None = Field(
        None, description="When it counts, and for which lines; left out: always, for the whole purchase."
    )


class MultiplyCampaign(_Campaign):
    """Multiplies what the rules gave."""

    type: Literal["multiply"] = Field(description="Multiplies what the rules gave.")
    factor: Factor = Field(description="A decimal number from 1 to 1000.")
    stackable: bool = Field(
        True,
        description="Whether it is multiplied with others. Of those that are not, the best counts where it beats them.",
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "double", "type": "multiply", "factor": "2"}]})


class AddCampaign(_Campaign):
    """Adds points, once, after everything was multiplied. All of them add up."""

    type: Literal["add"] = Field(description="Adds points, once, after everything was multiplied.")
    points: Points = Field(description="Points, once.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "plus", "type": "add", "points": 50}]})


EarningCampaign = Annotated[MultiplyCampaign | AddCampaign, *one_of("type")]
"""What multiplies, or adds to, what the rules gave."""
