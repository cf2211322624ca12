"""Problems of calls: a request that does not fit, a caller who may not, a service that cannot."""

from typing import Final

from ledger_service.api.problem import Problem

ERRORS_EXAMPLE: Final = [
    {"pointer": "/points", "code": "not_an_integer", "detail": "Must be a whole number, written without quotes."}
]

PROBLEMS_OF_CALLS: Final = (
    Problem(
        "malformed_request",
        400,
        "The body is not JSON",
        "The body could not be read as JSON in UTF-8.",
        "The body must be one JSON value in UTF-8, without NaN or Infinity and not nested deeply. Of a name given "
        "twice in one object the last value counts.",
    ),
    Problem(
        "idempotency_key_missing",
        400,
        "An idempotency key is needed",
        "This call changes something: send an Idempotency-Key header.",
        "Make a random key before the first attempt, keep it, and send the same key with every repeat. A repeat then "
        "never posts twice.",
    ),
    Problem(
        "idempotency_key_invalid",
        400,
        "The idempotency key cannot be used",
        "An Idempotency-Key has 1 to 255 visible ASCII characters and is sent once.",
        'The key may be written bare or in double quotes; `"k"` and `k` are the same key.',
    ),
    Problem(
        "unauthenticated",
        401,
        "A valid API key is needed",
        "Send a valid API key in the Authorization header, after the word Bearer.",
        "The key is missing, mistyped, expired or revoked.",
    ),
    Problem(
        "forbidden",
        403,
        "The API key may not do this",
        "This call needs the scope {scope}, which the API key does not have.",
        "Ask an administrator of the program for a key with the scope that is named.",
        fields={"scope": "redeem"},
    ),
    Problem(
        "method_not_allowed",
        405,
        "The method does not fit the address",
        "This address does not take this method; the Allow header names those it takes.",
        "Check the method against the API document.",
    ),
    Problem(
        "request_in_progress",
        409,
        "The same request is being answered",
        "A request with this idempotency key is still being answered.",
        "Repeat with the same key after the time in Retry-After.",
        is_retryable=True,
    ),
    Problem(
        "version_mismatch",
        412,
        "It was changed meanwhile",
        "The version named by If-Match is not the current one.",
        "Read it again, apply the change to what it is now, and send the new ETag.",
    ),
    Problem(
        "seq_not_reached",
        412,
        "Not there yet",
        "The account is at seq {seq}, which is below min_seq.",
        "A replica may be behind for a moment: ask again.",
        fields={"seq": 6},
        is_retryable=True,
    ),
    Problem(
        "body_too_large",
        413,
        "The body is too large",
        "The body may have at most {bytes_max} bytes.",
        "A body may have 64 KiB, that of a bulk call 4 MiB.",
        fields={"bytes_max": 65536},
    ),
    Problem(
        "unsupported_media_type",
        415,
        "The body must be JSON",
        "Send the body as Content-Type: application/json, in UTF-8.",
        "Compressed bodies and other charsets are not taken.",
    ),
    Problem(
        "validation_failed",
        422,
        "The request does not fit",
        "Some of the request does not fit; `errors` says where.",
        "`pointer` is a JSON pointer into the body; `/query/…` and `/header/…` stand for parameters and headers.",
        fields={"errors": ERRORS_EXAMPLE},
    ),
    Problem(
        "version_required",
        428,
        "If-Match is needed",
        "Send the ETag of what you want to change as If-Match.",
        "It keeps two people from overwriting each other's change.",
    ),
    Problem(
        "rate_limited",
        429,
        "Too many requests",
        "This API key has used up its budget for now.",
        "Wait for the time in Retry-After.",
        is_retryable=True,
    ),
    Problem(
        "internal_error",
        500,
        "Something is wrong in the service",
        "The service failed to answer. Repeat with the same key, and report the request id if it stays so.",
        "A fault of the service, not of the request. Whether anything was written, a repeat with the same key tells.",
    ),
    Problem(
        "overloaded",
        503,
        "Too much to do",
        "More is waiting than can be done in time. Nothing was written.",
        "Repeat with the same key after the time in Retry-After.",
        is_retryable=True,
    ),
    Problem(
        "database_unavailable",
        503,
        "The database cannot be reached",
        "The database cannot be reached now. Nothing was written.",
        "Repeat with the same key after the time in Retry-After.",
        is_retryable=True,
    ),
    Problem(
        "outcome_unknown",
        503,
        "Written or not: the same key will tell",
        "No word came back from the commit in time: repeat with the same key.",
        "The change may or may not be in the books. A repeat with the same key finds it or makes it, never twice. Do "
        "not use a new key.",
        is_retryable=True,
    ),
    Problem(
        "shutting_down",
        503,
        "This instance is stopping",
        "This instance takes nothing new. Nothing was written.",
        "Repeat with the same key; another instance answers.",
        is_retryable=True,
    ),
)
