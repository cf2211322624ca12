"""Validation: bytes to a body, or the problem that says where they do not fit. Input values are never repeated."""

import json
from typing import Any, Final, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ledger_service.api.fields import PRINTABLE
from ledger_service.api.problems import Unfit

Value = TypeVar("Value")

ERRORS_MAX: Final = 20
"""Errors told at once; the rest shows when these are mended."""

_NAME_SIZE_MAX: Final = 64

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("required", "This field is required."),
    "extra_forbidden": ("unknown_field", "There is no such field here."),
    "int_type": ("not_an_integer", "Must be a whole number, written without quotes, fraction or exponent."),
    "int_parsing_size": ("out_of_range", "The number is too large."),
    "bool_type": ("not_a_boolean", "Must be true or false."),
    "string_type": ("not_a_text", "Must be text."),
    "dict_type": ("not_an_object", "Must be an object."),
    "model_type": ("not_an_object", "Must be an object."),
    "model_attributes_type": ("not_an_object", "Must be an object."),
    "list_type": ("not_an_array", "Must be an array."),
    "literal_error": ("not_one_of", "Must be one of: {expected}."),
    "union_tag_invalid": ("not_one_of", "Must be one of: {expected_tags}."),
    "union_tag_not_found": ("required", "This field is required."),
    "greater_than_equal": ("out_of_range", "Must be at least {ge}."),
    "less_than_equal": ("out_of_range", "Must be at most {le}."),
    "string_too_short": ("too_short", "Must have at least {min_length} character(s)."),
    "string_too_long": ("too_long", "Must have at most {max_length} characters."),
    "too_short": ("too_short", "Must have at least {min_length} item(s)."),
    "too_long": ("too_long", "Must have at most {max_length} items."),
    "string_pattern_mismatch": ("bad_format", "Must match {pattern}."),
    "not_an_instant": ("not_an_instant", "Must be an RFC 3339 time with an offset, like 2026-12-31T23:00:00Z."),
    "out_of_range": ("out_of_range", "Lies outside what can be kept."),
    "bad_character": ("bad_character", "Must not have control characters."),
    "unknown_zone": ("unknown_zone", "Must be an IANA time zone, like Europe/Berlin."),
    "reserved": ("reserved", "This name is the ledger's own."),
    "bounds_and_limit": ("invalid", "Give points or percent with mode limit, and only then."),
    "clock_of_live": ("invalid", "A clock is for programs of mode test."),
    "not_money": (
        "not_money",
        'Must be a decimal in quotes, 0 or more, like "12.50": below 10^12 and with at most 4 decimals.',
    ),
    "not_a_quantity": (
        "not_a_quantity",
        'Must be above 0 and below 10^9, with at most 6 decimals: a number, or a decimal in quotes, like "0.750".',
    ),
    "beyond_amount": ("beyond_amount", "Must not be more than the amount that it is a part of."),
    "lines_do_not_add_up": (
        "lines_do_not_add_up",
        "The lines that are not voided must add up to the amount of the purchase; they come to {total}.",
    ),
    "the_same_account": ("the_same_account", "Must be another account."),
    "none_required": ("no_effect_yet", "Must be null."),
    "not_a_scalar": ("not_a_scalar", "Must be text, a number, a boolean or null."),
}


def error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def invalid(pointer: str, code: str, detail: str) -> Unfit:
    """One field that does not fit."""
    return Unfit("validation_failed", errors=[error(pointer, code, detail)])


def require_one(body: object, first: str, second: str, place: str = "") -> None:
    """Of two fields exactly one is given. Raises Unfit."""
    has_first, has_second = getattr(body, first) is not None, getattr(body, second) is not None
    if has_first and has_second:
        raise invalid(f"{place}/{second}", "one_of_two", f"Give {first} or {second}, not both.")
    if not has_first and not has_second:
        raise invalid(f"{place}/{first}", "required", f"Give {first} or {second}.")


def read_json(adapter: TypeAdapter[Value], content: bytes) -> Value:
    """The body that these bytes say. Raises Unfit: `malformed_request` or `validation_failed`."""
    try:
        return adapter.validate_json(content)
    except ValidationError as wrong:
        _refuse(wrong, content)


def unfit(wrong: ValidationError) -> Unfit:
    """The problem of a value that was JSON but does not fit."""
    return Unfit("validation_failed", errors=errors_of(wrong.errors(include_url=False, include_input=False)))


def errors_of(details: list[ErrorDetails], prefix: str = "") -> list[dict[str, str]]:
    """One error for each place, in the order of the body."""
    places: dict[str, dict[str, str]] = {}
    for detail in details:
        pointer = prefix + pointer_of(detail["loc"])
        if pointer not in places and len(places) < ERRORS_MAX:
            places[pointer] = error(pointer, *_words(detail))
    return list(places.values())


def pointer_of(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901). Long names are cut: they are the caller's and may be anything."""
    names = (str(part)[:_NAME_SIZE_MAX] for part in location if part != "[key]")
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def _words(detail: ErrorDetails) -> tuple[str, str]:
    context = detail.get("ctx", {})
    if detail["type"] == "told":
        return context["code"], context["detail"]
    kind = "bad_character" if context.get("pattern") == PRINTABLE else detail["type"]
    code, words = _WORDS.get(kind, ("invalid", "Does not fit."))
    return code, words.format_map(context)


def _refuse(wrong: ValidationError, content: bytes) -> NoReturn:
    details = wrong.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid" or not _is_json(content):
        raise Unfit("malformed_request") from None
    raise Unfit("validation_failed", errors=errors_of(details)) from None


def _is_json(content: bytes) -> bool:
    """Whether the bytes are JSON in the strict sense. The parser that made the body also reads NaN and Infinity."""

    def refuse(_: str) -> Any:
        raise ValueError

    try:
        json.loads(content.decode(), parse_constant=refuse, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return False
    return True
