"""Settings documents drawn from their own JSON Schema, as a caller would write them who has nothing else to go by."""

import re
from typing import Any

from hypothesis import strategies as st

from ledger_service.api.settings_document import settings_schema

SCHEMA = settings_schema()
MANY_MAX = 3
"""Members of a list that are drawn: each is a document of its own."""

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Asia/Kolkata"])


def documents(schema: dict[str, Any] = SCHEMA) -> st.SearchStrategy[Any]:
    """Values that a schema admits, as far as its own words say: what hangs on two fields is not in them."""
    return st.deferred(lambda: _drawn(schema))


def _drawn(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return documents(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "object":
        return _object(schema)
    if "anyOf" in schema or "oneOf" in schema:
        return st.one_of([documents(each) for each in schema.get("anyOf") or schema["oneOf"]])
    match schema["type"]:
        case "array":
            sizes = {"min_size": schema.get("minItems", 0), "max_size": min(schema.get("maxItems", 9), MANY_MAX)}
            return st.lists(documents(schema["items"]), **sizes)
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return _text(schema)
    raise NotImplementedError(schema)


def _object(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    required = set(schema.get("required", ()))
    fields = {name: documents(inner) for name, inner in schema["properties"].items()}
    if "time_zone" in fields:
        fields["time_zone"] = ZONES  # a schema cannot list them
    drawn = st.fixed_dictionaries(
        {name: inner for name, inner in fields.items() if name in required},
        optional={name: inner for name, inner in fields.items() if name not in required},
    )
    choices = [choice for combination in ("anyOf", "oneOf") for choice in schema.get(combination, ())]
    return drawn.filter(lambda value: _fits_one(value, choices)) if choices else drawn


def _fits_one(value: dict[str, Any], choices: list[dict[str, Any]]) -> bool:
    names = {name for choice in choices for name in _required(choice)}
    return any(value.get(name) is not None for name in names)


def _required(choice: dict[str, Any]) -> list[str]:
    return [*choice.get("required", ()), *(name for inner in choice.get("anyOf", ()) for name in inner["required"])]


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return st.dates().map(str)
    patterns = [each["pattern"] for each in (schema, *schema.get("allOf", ())) if "pattern" in each]
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1000)
    return st.from_regex(patterns[0], fullmatch=True).filter(
        lambda text: least <= len(text) <= most and all(re.search(pattern, text) for pattern in patterns)
    )
