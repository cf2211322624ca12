"""Fields: the kinds of value that bodies are made of, each with its bounds."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ledger_service.ledger.points import POINTS_MAX

ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
METADATA_KEYS_MAX: Final = 50
METADATA_TEXT_SIZE_MAX: Final = 500

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,20})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"
# Outside these years neither Postgres nor a calendar library is a problem, but "never" (9999) would be.
_YEARS: Final = range(1900, 9999)


def instant_of(value: Any) -> datetime:
    """An RFC 3339 time with an offset, in UTC and to the microsecond."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise PydanticCustomError("not_an_instant", "RFC 3339 with an offset")
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("not_an_instant", "RFC 3339 with an offset") from None
    if instant.year not in _YEARS:
        raise PydanticCustomError("out_of_range", "year")
    return instant


def metadata_value(value: Any) -> str | int | float | bool | None:
    """Text, number, boolean or null. A number without a fraction is a whole number, however it was written."""
    match value:
        case None | bool():
            return value
        case str():
            if len(value) > METADATA_TEXT_SIZE_MAX:
                raise PydanticCustomError(
                    "string_too_long", "at most {max_length}", {"max_length": METADATA_TEXT_SIZE_MAX}
                )
            if _CONTROL.search(value):
                raise PydanticCustomError("bad_character", "control character")
            return value
        case int():
            if abs(value) > POINTS_MAX:
                raise PydanticCustomError("out_of_range", "at most 2^53 - 1")
            return value
        case float():
            if not math.isfinite(value):
                raise PydanticCustomError("out_of_range", "finite")
            return int(value) if value.is_integer() and abs(value) <= POINTS_MAX else value
    raise PydanticCustomError("not_a_scalar", "text, number, boolean or null")


def _not_zero(points: Any) -> Any:
    if type(points) is int and points == 0:
        raise PydanticCustomError("out_of_range", "not 0")
    return points


Points = Annotated[int, Field(ge=1, le=POINTS_MAX)]
"""A number of points, at least 1."""

SignedPoints = Annotated[
    int,
    Field(ge=-POINTS_MAX, le=POINTS_MAX),
    BeforeValidator(_not_zero),
    WithJsonSchema({"type": "integer", "minimum": -POINTS_MAX, "maximum": POINTS_MAX, "not": {"const": 0}}),
]
"""A number of points to give (above 0) or to take (below 0)."""

AccountId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]
OrderId = Annotated[str, Field(min_length=1, max_length=128, pattern=PRINTABLE)]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=PRINTABLE)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)]
"""A short text that people read. Like every text: no control characters, its size in characters."""
IdentifierValue = Annotated[str, Field(min_length=1, max_length=254, pattern=PRINTABLE)]
Seq = Annotated[int, Field(ge=1, le=POINTS_MAX)]

Instant = Annotated[datetime, BeforeValidator(instant_of), WithJsonSchema({"type": "string", "format": "date-time"})]

MetadataValue = Annotated[str | int | float | bool | None, PlainValidator(metadata_value)]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40, pattern=PRINTABLE)], MetadataValue],
    Field(max_length=METADATA_KEYS_MAX),
    WithJsonSchema(
        {
            "type": "object",
            "description": "The caller's own facts, kept with the entry and given back as they are.",
            "maxProperties": METADATA_KEYS_MAX,
            "propertyNames": {"minLength": 1, "maxLength": 40, "pattern": PRINTABLE},
            "additionalProperties": {
                "anyOf": [
                    {"type": "string", "maxLength": METADATA_TEXT_SIZE_MAX, "pattern": PRINTABLE},
                    {"type": "number", "description": "Whole numbers up to 2^53 - 1; no NaN, no Infinity."},
                    {"type": "boolean"},
                    {"type": "null"},
                ]
            },
        }
    ),
]
