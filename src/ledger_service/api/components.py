"""Components: the parts of the API document that operations share."""

from typing import Any, Final

from ledger_service.api.calls import TIMEOUT_MS_MAX
from ledger_service.api.catalogue import CATALOGUE
from ledger_service.api.documenting import example
from ledger_service.api.fields import PRINTABLE
from ledger_service.ledger.points import POINTS_MAX

SECURITY: Final = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "lsk_live_<id>_<secret>",
        "description": "An API key. It belongs to one program and one source, and has scopes: `read`, `earn`, "
        "`redeem`, `adjust`, `accounts`, `admin` (has all the ones before) and `operator` (above any single program).",
    }
}

_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,64}$"}
_VISIBLE: Final = '^"?[!-~]{1,255}"?$'


def _header(name: str, description: str, schema: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _path(name: str, description: str, schema: dict[str, Any], value: str | int) -> dict[str, Any]:
    documented = {"name": name, "in": "path", "required": True, "description": description, "schema": schema}
    return documented | {"example": value}


_KEY_TEXT: Final = "1 to 255 visible ASCII characters, bare or in double quotes. Repeat a call with the same key."

PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "AccountId": _path("account_id", "The account.", _ID, "m-1"),
    "EntrySeq": _path("seq", "The entry's place.", {"type": "integer", "minimum": 1, "maximum": POINTS_MAX}, 7),
    "IdentifierId": _path("identifier_id", "The identifier.", _ID, "idn_01"),
    "HoldId": _path("hold_id", "The hold.", _ID, "hold_01"),
    "OrderId": _path(
        "order_id",
        "The caller's own id of the purchase.",
        {"type": "string", "minLength": 1, "maxLength": 128, "pattern": PRINTABLE},
        "A-1001",
    ),
    "KeyId": _path("key_id", "The API key's id.", _ID, "k7n2m4p6q8rs"),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        f"{_KEY_TEXT} Required, but for a dry run.",
        {"type": "string", "pattern": _VISIBLE, "examples": ["till-7-000123"]},
        required=True,
    ),
    "OptionalIdempotencyKey": _header(
        "Idempotency-Key",
        f"{_KEY_TEXT} May be left out here: the call is safe to repeat without.",
        {"type": "string", "pattern": _VISIBLE},
    ),
    "RequestId": _header(
        "X-Request-Id",
        "1 to 128 visible ASCII characters are echoed in the answer and in the service's log; else one is made.",
        {"type": "string"},
    ),
    "RequestTimeoutMs": _header(
        "X-Request-Timeout-Ms",
        "Milliseconds until the caller gives up. Within them plus 250 there is an answer.",
        {"type": "integer", "minimum": 1, "maximum": TIMEOUT_MS_MAX, "default": 4500},
    ),
    "IfNoneMatch": _header("If-None-Match", "The ETag of what the caller has.", {"type": "string"}),
    "IfMatch": _header(
        "If-Match", "The ETag of what is to be changed.", {"type": "string", "examples": ['"3"']}, required=True
    ),
    "DryRun": {
        "name": "dry_run",
        "in": "query",
        "description": "The same answer, but nothing is written and no key is used up.",
        "schema": {"type": "boolean", "default": False},
    },
    "At": {
        "name": "at",
        "in": "query",
        "description": "The instant that is asked for, past or future, in the years 1970 to 9998; left out: now. The "
        "future is what comes when nothing else happens; a tier of the past is shown by today's settings.",
        "schema": {"type": "string", "format": "date-time"},
    },
    "MinSeq": {
        "name": "min_seq",
        "in": "query",
        "description": "Answer only if the account has reached this seq, to read one's own writes; else 412.",
        "schema": {"type": "integer", "minimum": 0, "maximum": POINTS_MAX, "default": 0},
    },
}

PATH_PARAMETERS: Final = {
    "account_id": "AccountId",
    "seq": "EntrySeq",
    "identifier_id": "IdentifierId",
    "hold_id": "HoldId",
    "order_id": "OrderId",
    "key_id": "KeyId",
}


def problem_schema() -> dict[str, Any]:
    """The schema of every problem: the members of RFC 9457, ours, and the fields that some codes have."""
    text, whole = {"type": "string"}, {"type": "integer"}
    own: dict[str, Any] = {}
    for problem in CATALOGUE.values():
        for name, value in problem.fields.items():
            own[name] = whole if isinstance(value, int) else text
    own["remaining"] = {"type": ["integer", "string"]}
    own["into"] = {"type": ["string", "null"]}
    own["errors"] = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["pointer", "code", "detail"],
            "properties": {"pointer": text, "code": text, "detail": text},
        },
    }
    return {
        "type": "object",
        "description": "Why there is no success (RFC 9457). `code` is stable; `title` and `detail` are for people.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "retryable"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "A page about this code."},
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text,
            "instance": {"type": "string", "format": "uri", "description": "The request, as a URN."},
            "code": {"type": "string", "enum": list(CATALOGUE)},
            "request_id": text | {"description": "Of the request that was refused first."},
            "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
            **dict(sorted(own.items())),
        },
        "examples": [example("insufficient_points")],
    }
