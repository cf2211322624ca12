"""Settings fields: the kinds of value that settings documents are made of, and how a rule over several is refused."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, get_args

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, WithJsonSchema, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from ledger_service.api.fields import PRINTABLE
from ledger_service.ledger.points import POINTS_MAX

Location = tuple[int | str, ...]

FACTOR_MAX: Final = 1000
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
_DECIMAL_PATTERN: Final = r"^[0-9]{1,12}(\.[0-9]{1,4})?$"
_NOT_ZERO_PATTERN: Final = r"[1-9]"
_FACTOR_PATTERN: Final = r"^(1000(\.0{1,4})?|[1-9][0-9]{0,2}(\.[0-9]{1,4})?)$"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DAY_OF_YEARS: Final = re.compile(r"[0-9]{2}-[0-9]{2}", re.ASCII)
A_LEAP_YEAR: Final = 2000


def told(code: str, detail: str) -> PydanticCustomError:
    """An error in these words."""
    return PydanticCustomError("told", "{detail}", {"code": code, "detail": detail})


class Misfits:
    """Errors at places inside a value, found by looking at several of its fields together."""

    def __init__(self) -> None:
        self._found: list[InitErrorDetails] = []

    def add(self, location: Location, code: str, detail: str) -> None:
        """An error at this place, which is relative to the value."""
        self._found.append(InitErrorDetails(type=told(code, detail), loc=location, input=None))

    def check(self) -> None:
        """Raises ValidationError with all that were added; whoever validates puts the value's own place before."""
        if self._found:
            raise ValidationError.from_exception_data("settings", self._found)


@contextmanager
def looking_together() -> Iterator[Misfits]:
    """Add what does not fit to the value that is yielded; it is told at the end."""
    misfits = Misfits()
    yield misfits
    misfits.check()


def one_of(tag: str) -> tuple[Any, Any]:
    """What makes a union one whose members are told apart by a field: errors name places in the document only.

    The validator would put the member's tag into the place of every error, where the document has no such level."""

    def without_tag(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except ValidationError as wrong:
            details = wrong.errors(include_url=False)
            raise ValidationError.from_exception_data(
                "settings", [_without_tag(each, tag) for each in details]
            ) from None

    return Field(discriminator=tag), WrapValidator(without_tag)


_KNOWN: Final = frozenset(get_args(ErrorType))


def _without_tag(detail: Any, tag: str) -> InitErrorDetails:
    kind, location = detail["type"], detail["loc"]
    if location:
        location = location[1:]
    elif kind == "union_tag_invalid":
        location = (tag,)
    elif kind == "union_tag_not_found":
        return InitErrorDetails(type="missing", loc=(tag,), input=None)
    if kind not in _KNOWN:
        custom = PydanticCustomError(kind, detail["msg"], detail.get("ctx"))
        return InitErrorDetails(type=custom, loc=location, input=None)
    return InitErrorDetails(type=kind, loc=location, input=None, ctx=detail.get("ctx", {}))


def _decimal(value: Any) -> Any:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise told("not_a_decimal", 'Must be a decimal number in quotes, like "12.50", with at most 4 decimals.')
    return value


def _above_zero(value: Any) -> Any:
    if not Decimal(_decimal(value)):
        raise told("out_of_range", "Must be more than 0.")
    return value


def _factor(value: Any) -> Any:
    if not 1 <= Decimal(_decimal(value)) <= FACTOR_MAX:
        raise told("out_of_range", f"Must be from 1 to {FACTOR_MAX}: what takes points away is no multiplier.")
    return value


def _threshold(value: Any) -> Any:
    if isinstance(value, str):
        return _decimal(value)
    if type(value) is not int or not 0 <= value <= POINTS_MAX:
        raise told("not_a_threshold", "Must be a whole number from 0 on, or for money a decimal number in quotes.")
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str) or not _is_day(value):
        raise told("not_a_day", "Must be a day, like 2026-12-31.")
    return value


def _day_or_anniversary(value: Any) -> Any:
    if not isinstance(value, str) or not (_is_day(value) or _is_anniversary(value)):
        raise told("not_a_day", "Must be a day like 2026-12-31, or 12-31 for the one of every year.")
    return value


def _is_day(text: str) -> bool:
    return bool(_DAY.fullmatch(text)) and _is_date(text)


def _is_anniversary(text: str) -> bool:
    return bool(_DAY_OF_YEARS.fullmatch(text)) and _is_date(f"{A_LEAP_YEAR}-{text}")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Money = Annotated[str, BeforeValidator(_decimal), WithJsonSchema({"type": "string", "pattern": _DECIMAL_PATTERN})]
"""An amount of the program's currency, in its units, exact."""

MoneyAboveZero = Annotated[
    str,
    BeforeValidator(_above_zero),
    WithJsonSchema(
        {"type": "string", "allOf": [{"pattern": _DECIMAL_PATTERN}, {"pattern": _NOT_ZERO_PATTERN}]},
    ),
]

Factor = Annotated[str, BeforeValidator(_factor), WithJsonSchema({"type": "string", "pattern": _FACTOR_PATTERN})]
"""What multiplies points, exact."""

Threshold = Annotated[
    int | str,
    BeforeValidator(_threshold),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": POINTS_MAX},
                {"type": "string", "pattern": _DECIMAL_PATTERN},
            ]
        }
    ),
]
"""What a level is reached at: a whole number, or an amount of money."""

Day = Annotated[str, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A local day of the program."""

_ANNIVERSARY_PATTERN: Final = (
    r"^(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$|^02-29$|^(0[13-9]|1[0-2])-(29|30)$|^(0[13578]|1[02])-31$"
)

DayOrAnniversary = Annotated[
    str,
    BeforeValidator(_day_or_anniversary),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date"},
                {"type": "string", "pattern": _ANNIVERSARY_PATTERN, "examples": ["12-31"]},
            ]
        }
    ),
]

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A local time of the program, to the minute."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]
"""A name of a rule, a campaign or a level, which entries and answers refer to."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTABLE)]
"""What tills send: an article, a category, a channel."""
