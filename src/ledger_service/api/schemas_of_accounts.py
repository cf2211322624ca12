"""Bodies about two accounts, or about what an account has reached."""

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ledger_service.api.fields import AccountId, Instant, LevelId, Points, Reason
from ledger_service.api.schemas import Body


class TransferBody(Body):
    """Available points to move to another account."""

    from_account: AccountId = Field(description="Gives the points.")
    to_account: AccountId = Field(description="Gets them.")
    points: Points = Field(description="How many points to move.")
    reason: Reason | None = Field(None, description="Why, in words for people.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"from_account": "m-1", "to_account": "m-2", "points": 100, "reason": "a present"}]
        }
    )

    @field_validator("to_account")
    @classmethod
    def another_account(cls, to_account: str, info: ValidationInfo) -> str:
        """Points that move from an account to itself do not move."""
        if to_account == info.data.get("from_account"):
            raise PydanticCustomError("the_same_account", "another account")
        return to_account


class MergeBody(Body):
    """The account that survives."""

    into: AccountId = Field(description="Gets everything: points, counters, holds and identifiers.")
    reason: Reason = Field(description="Why, in words for people.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"into": "m-2", "reason": "the same person"}]})


class UnmergeBody(Body):
    """A merge to undo."""

    reason: Reason = Field(description="Why, in words for people.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "two people after all"}]})


class TierBody(Body):
    """A tier given by hand. It is a floor, not a ceiling."""

    tier: LevelId | None = Field(description="A level of the program's tiers; null ends what was given.")
    reason: Reason = Field(description="Why, in words for people.")
    until: Instant | None = Field(None, description="The first instant at which it no longer counts; left out: none.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"tier": "gold", "reason": "welcome back"}]})
