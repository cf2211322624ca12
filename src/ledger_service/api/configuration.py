"""Configuration: the bodies of calls that make programs and keys, and how they are claimed and answered."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ledger_service.api import problems
from ledger_service.api.calls import Call, needed_key
from ledger_service.api.fields import Instant, Name
from ledger_service.api.fingerprints import fingerprint
from ledger_service.api.rendering import json_response
from ledger_service.api.schemas import Body
from ledger_service.api.settings_document import SettingsDocument
from ledger_service.api.views import Place, Time, View
from ledger_service.ledger.entries import UPKEEP_SOURCE
from ledger_service.ledger.outcomes import Answered, Refused, Replayed
from ledger_service.storage.claims import KeyClaim

Scope = Literal["read", "earn", "redeem", "adjust", "accounts", "admin"]
"""What a program's key may be allowed; `operator` is given on the command line only."""


def _not_ours(source: str) -> str:
    if source == UPKEEP_SOURCE:
        raise PydanticCustomError("reserved", "the source of due work")
    return source


def _in_order(scopes: list[str]) -> list[str]:
    """Each once, in one order: the same scopes are the same request."""
    return sorted(set(scopes))


class NewKeyBody(Body):
    """An API key to make."""

    name: Name | None = Field(None, description="For people.")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=6), AfterValidator(_in_order)]
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$"), AfterValidator(_not_ours)] = Field(
        description="Who posts with it: a shop chain, a partner, a web shop. Stands in every entry."
    )
    expires_at: Instant | None = Field(None, description="When it ends; left out: when it is revoked.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "till 7", "scopes": ["read", "earn", "redeem"], "source": "shop-berlin"}]
        }
    )


class NewProgramBody(Body):
    """A program to make."""

    slug: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
    mode: Literal["live", "test"]
    settings: SettingsDocument = SettingsDocument()
    clock: Instant | None = Field(None, description="Mode `test` only: the instant at which its clock stands.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "demo", "mode": "live", "settings": {"auto_open": True}}]}
    )

    @model_validator(mode="after")
    def only_tests_have_a_clock(self) -> "NewProgramBody":
        """A live program follows the time that is."""
        if self.clock is not None and self.mode != "test":
            raise PydanticCustomError("clock_of_live", "a clock is for programs of mode test")
        return self


class ApiKey(View):
    """An API key, without the key itself."""

    key_id: str
    name: str
    scopes: list[str]
    source: str
    masked: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class ApiKeys(View):
    """All keys of a program, ended ones too."""

    data: list[ApiKey]


class MadeKey(View):
    """A new API key."""

    key_id: str
    name: str
    scopes: list[str]
    source: str
    masked: str
    expires_at: Time | None
    api_key: str | None = Field(description="The key itself, in the first answer only; null in every replay.")


class ProgramView(View):
    """A program with the settings that decide now."""

    slug: str
    mode: Literal["live", "test"]
    version: Place
    settings: SettingsDocument


class MadeProgram(ProgramView):
    """A new program."""

    api_key: str | None = Field(description="Its first admin key, in the first answer only; null in every replay.")


class Programs(View):
    """All programs."""

    data: list[ProgramView]


class ProgramVersion(View):
    """One version of a program's settings."""

    version: Place
    created_at: Time
    settings: SettingsDocument


class ProgramVersions(View):
    """Every settings document the program had, newest first."""

    data: list[ProgramVersion]


class SettingsSchema(BaseModel):
    """A JSON Schema."""

    model_config = ConfigDict(extra="allow")


def claim_of(call: Call, program_id: int, verb: str, body: Body) -> KeyClaim:
    """The idempotency of a configuration call. Raises Unfit `idempotency_key_missing`."""
    meaning: Mapping[str, Any] = body.model_dump(exclude_defaults=True)
    return KeyClaim(program_id, needed_key(call), fingerprint(verb, (), meaning), call.request_id)


def made(outcome: Answered | Replayed | Refused, api_key: str) -> Response:
    """The answer to a call that made something with a key. Raises Unfit when it was refused."""
    match outcome:
        case Answered(detail):
            return json_response(json.loads(detail) | {"api_key": api_key}, status=201)
        case Replayed(Answered(detail)):
            return json_response(json.loads(detail), {"Idempotent-Replayed": "true"}, 201)
        case Replayed(Refused(refusal)) | Refused(refusal):
            raise problems.Unfit(refusal.code, **problems.fields_of(refusal))
        case _:
            raise TypeError("what makes a key or a program is answered or refused")
