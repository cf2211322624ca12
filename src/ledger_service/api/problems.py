"""Problems: how a refusal or a failure looks over HTTP (RFC 9457). Its codes and words are in `catalogue.py`."""

import json
import random
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from ledger_service.api.catalogue import CATALOGUE
from ledger_service.errors import (
    AccountLocked,
    DatabaseUnavailable,
    Failure,
    KeyTaken,
    OutcomeUnknown,
    Overloaded,
    ShuttingDown,
)
from ledger_service.ledger.refusals import OutOfRange, Refusal

RETRY_AFTER_SPREAD: Final = 2
"""Seconds that a `Retry-After` may be longer than it has to be; drawn anew for each answer, so that callers do not come
back all at once."""

CONTENT_TYPE: Final = b"application/problem+json"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Unfit(Exception):
    """The call cannot be answered as asked: raised on the way in, before anything is posted."""

    def __init__(self, code: str, detail: str | None = None, headers: Mapping[str, str] | None = None, **fields: Any):
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.fields = fields


def body_of(code: str, request_id: str, fields: Mapping[str, Any] | None = None, detail: str | None = None) -> bytes:
    """The bytes of a problem: equal for equal arguments, since a refusal is answered again word for word."""
    problem = CATALOGUE[code]
    named = {problem.renamed.get(name, name): value for name, value in (fields or {}).items()}
    document = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail.format_map(named) if detail is None else detail,
        "instance": f"urn:ledger:request:{quote(request_id, safe='')}",
        "code": code,
        "request_id": request_id,
        "retryable": problem.is_retryable,
    }
    return _encode(document | named).encode()


def fields_of(refusal: Refusal) -> dict[str, Any]:
    """The code's own fields of a refusal."""
    if isinstance(refusal, OutOfRange):
        return {"errors": [{"pointer": refusal.pointer, "code": "out_of_range", "detail": refusal.detail}]}
    return refusal.fields()


def retry_after(seconds_min: int = 1) -> str:
    """Whole seconds, at least so many and at most two more."""
    return str(random.randint(seconds_min, seconds_min + RETRY_AFTER_SPREAD))  # noqa: S311 - spreads, protects nothing


def code_of(failure: Failure) -> str:
    """The code of a failure; whatever no caller can mend is `internal_error`."""
    return next((code for kind, code in FAILURES.items() if isinstance(failure, kind)), "internal_error")


FAILURES: Final[Mapping[type[Failure], str]] = {
    Overloaded: "overloaded",
    KeyTaken: "overloaded",
    AccountLocked: "overloaded",
    ShuttingDown: "shutting_down",
    DatabaseUnavailable: "database_unavailable",
    OutcomeUnknown: "outcome_unknown",
}
