"""Fingerprints: 16 bytes by which two requests under one idempotency key are known to mean the same.

They are kept with the entries for the life of the ledger, so this form never changes; a golden test holds it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel

from ledger_service.ledger.membership import rfc3339


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return rfc3339(value)
        case Decimal():
            return format(value.normalize(), "f")
        case BaseModel():
            return meaning_of(value, _defaults_of(type(value)))
    raise TypeError(f"a {type(value).__name__} has no place in a fingerprint")


# ASCII, sorted, without white space: the same meaning is the same bytes, whatever the order of the fields was. Nothing
# that came as JSON contains itself, so nobody looks for that.
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, check_circular=False, default=_plain).encode


def fingerprint(verb: str, path: tuple[str | int, ...], meaning: Mapping[str, Any]) -> bytes:
    """The fingerprint of a verb on the objects its path names.

    `meaning` is the body without the fields that have their default, since leaving one out says the same. Times are
    in UTC and metadata has one spelling for each number (`fields.py`); money and quantities have no zeros at their end.
    """
    return blake2b(_encode([1, verb, path, meaning]).encode(), digest_size=16).digest()


def defaults_of(body: type[BaseModel]) -> tuple[tuple[str, Any], ...]:
    """The fields of a body with what each means when it is left out."""
    return tuple((name, field.get_default(call_default_factory=True)) for name, field in body.model_fields.items())


_defaults_of = cache(defaults_of)


def meaning_of(body: Any, defaults: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The fields of a body that do not have their default."""
    return {name: value for name, default in defaults if (value := getattr(body, name)) != default}


def canonical_metadata(metadata: Mapping[str, Any]) -> str:
    """Metadata as it is kept, hashed and given back: sorted, without white space."""
    return _encode_metadata(metadata) if metadata else "{}"


_encode_metadata = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False
).encode
