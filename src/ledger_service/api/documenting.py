"""Documenting: how an operation says which statuses it answers, with the problems of each and an example of them."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from ledger_service.api.catalogue import CATALOGUE
from ledger_service.api.problems import body_of

ANYWHERE: Final = (
    "unauthenticated",
    "forbidden",
    "validation_failed",
    "internal_error",
    "rate_limited",
    "overloaded",
    "database_unavailable",
    "shutting_down",
)
"""The codes that every call under /v1 may answer."""

OF_BODIES: Final = ("malformed_request", "body_too_large", "unsupported_media_type")
OF_KEYS: Final = ("idempotency_key_missing", "idempotency_key_invalid", "idempotency_key_reused")
OF_POSTING: Final = (*OF_KEYS, "request_in_progress", "outcome_unknown")

REQUEST_ID: Final = "req_0192f0c1b2a34d5e"

_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {"description": "Echoed, or made.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": {"type": "integer"}},
    "Idempotent-Replayed": {
        "description": "`true` when this is the answer to an earlier request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Bulk-Replayed": {
        "description": "How many of the successful results had been posted by an earlier call.",
        "schema": {"type": "integer"},
    },
    "ETag": {"description": "Changes when the answer does.", "schema": {"type": "string"}},
    "Link": {"description": 'The next page, rel="next".', "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}},
}

Responses = dict[int | str, dict[str, Any]]


def headers(*names: str) -> dict[str, Any]:
    """The documentation of these response headers; the request id is in every answer."""
    return {name: _HEADERS[name] for name in ("X-Request-Id", *names)}


def success(model: Any, description: str, *header_names: str, status: int = 200) -> Responses:
    """The answer to a success: a model, or a list of one; None when there is no body or it is told elsewhere."""
    documented: dict[str, Any] = {"description": description, "headers": headers(*header_names)}
    return {status: documented if model is None else documented | {"model": model}}


def problems(*codes: str) -> Responses:
    """The problems an operation may answer besides those of every call, by status."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys((*codes, *ANYWHERE)):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    return {status: _problem_response(status, found) for status, found in sorted(by_status.items())}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of an ordinary route that reads its bytes itself."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def needs(scope: str, *parameter_names: str) -> dict[str, Any]:
    """The scope that an operation needs, and the parameters that it shares with others."""
    names = (*parameter_names, "RequestId", "RequestTimeoutMs")
    return {"x-scope": scope, "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names]}


def example(code: str) -> dict[str, Any]:
    """A problem as it is answered."""
    problem = CATALOGUE[code]
    document: dict[str, Any] = json.loads(body_of(code, REQUEST_ID, dict(problem.fields)))
    return document


def _problem_response(status: int, codes: Iterable[str]) -> dict[str, Any]:
    kinds = [CATALOGUE[code] for code in codes]
    names = ["Retry-After"] if any(kind.is_retryable for kind in kinds) else []
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if status == HTTPStatus.CONFLICT:
        names.append("Idempotent-Replayed")
    return {
        "description": "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds),
        "headers": headers(*names),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {kind.code: {"summary": kind.title, "value": example(kind.code)} for kind in kinds},
            }
        },
    }
