"""Fields: the kinds of value that bodies are made of, each with its bounds."""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ledger_service.ledger.points import POINTS_MAX

ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
ORDER_ID: Final = re.compile("[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128}")
METADATA_KEYS_MAX: Final = 50
METADATA_TEXT_SIZE_MAX: Final = 500
QUANTITY_DIGITS_MAX: Final = 15
"""Significant digits of a quantity. A JSON number of so many survives the way through a float unharmed."""

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,20})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_MONEY: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_QUANTITY: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
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


def money_of(value: Any) -> Decimal:
    """An amount of money, exact, 0 or more."""
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise PydanticCustomError("not_money", "a decimal in quotes")
    return Decimal(value)


def quantity_of(value: Any) -> Decimal:
    """How many units, exact, above 0. What a float cannot hold exactly is refused, never rounded."""
    match value:
        case bool():
            text = ""
        case int():
            text = str(value) if 0 < value < 10**9 else ""
        case float():
            # The shortest text that means this float: for up to 15 digits it is what the caller wrote.
            text = format(Decimal(repr(value)), "f") if math.isfinite(value) else ""
            if sum(character.isdigit() for character in text.lstrip("0.")) > QUANTITY_DIGITS_MAX:
                text = ""
        case str():
            text = value
        case _:
            text = ""
    if not _QUANTITY.fullmatch(text) or not any(digit in text for digit in "123456789"):
        raise PydanticCustomError("not_a_quantity", "a number above 0")
    return Decimal(text)


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

Money = Annotated[
    Decimal,
    PlainValidator(money_of),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,4})?$", "examples": ["12.50"]}),
]
"""Money as a decimal in quotes: a number would pass through a float in many a client."""

Quantity = Annotated[
    Decimal,
    PlainValidator(quantity_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**9},
                {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$"},
            ],
            "examples": [2, "0.750"],
        }
    ),
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
"""ISO 4217."""
Label = Annotated[str, Field(min_length=1, max_length=128, pattern=PRINTABLE)]
"""An article, a category or a channel, in the caller's own words."""
LevelId = Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE)]
HoldId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]

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
