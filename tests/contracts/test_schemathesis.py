"""The API document against the service: whatever it allows is answered as it says, and what it forbids is refused."""

import json
import ssl
from typing import Any
from uuid import uuid4

import httpx2
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from ledger_service.api.bodies import SIZE_MAX
from ledger_service.api.documents import openapi_document
from tests.contracts.conftest import Served

EXAMPLES = 15
"""Requests of each sort (that fit and that do not) for each operation."""

PATIENT_MS = "10000"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNKNOWN_HEADER = "x-schemathesis-unknown-property"

api = schemathesis.openapi.from_dict(openapi_document())


# All borders of all fields of a settings document take minutes: the unit tests of the document try them.
SETTINGS = ["/v1/program", "/v1/programs", "/v1/program/rehearse"]
others = api.exclude(path=SETTINGS, method=["PUT", "POST"])
about_settings = schemathesis.openapi.from_dict(openapi_document()).include(path=SETTINGS, method=["PUT", "POST"])
about_settings.config.phases.coverage.enabled = False


PATIENTLY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


@others.parametrize()
@PATIENTLY
def test_every_operation_answers_as_the_document_says(case: schemathesis.Case, served: Served):
    ask_and_compare(case, served)


@about_settings.parametrize()
@PATIENTLY
def test_every_operation_about_settings_answers_as_the_document_says(case: schemathesis.Case, served: Served):
    ask_and_compare(case, served)


def ask_and_compare(case: schemathesis.Case, served: Served) -> None:
    say_what_no_document_can(case, served)
    case.call_and_validate(
        served.instance.url,
        headers={"Authorization": f"Bearer {served.program.token}"},
        excluded_checks=what_no_document_says(case),
    )


def say_what_no_document_can(case: schemathesis.Case, served: Served) -> None:
    """Change a request that fits where a document cannot say what fits."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid4())  # a key of an earlier request would be that request's
    if "X-Request-Timeout-Ms" in case.headers:
        case.headers["X-Request-Timeout-Ms"] = PATIENT_MS  # after one millisecond the answer is 503, as documented
    for cursor in ("cursor", "after"):
        case.query.pop(cursor, None)  # only ours are good
    case.query.pop("min_seq", None)  # the account may not be there yet
    for instant in ("from", "to", "at", "as_of"):
        case.query.pop(instant, None)  # one has to be before the other, and both in this millennium or the last century
    if case.path == "/v1/reports/roll-forward":
        case.query |= {"from": "2026-01-01", "to": "2026-12-31"}
    if "If-Match" in case.headers:
        headers = {"Authorization": f"Bearer {served.program.token}"}
        program = httpx2.get(f"{served.instance.url}/v1/program", headers=headers, verify=NO_TLS)
        case.headers["If-Match"] = program.headers["ETag"]
    case.body = written_as_whole(case.body)


def what_no_document_says(case: schemathesis.Case) -> list[CheckFunction]:
    """Checks that would ask for what is not so."""
    excluded: list[CheckFunction] = []
    if case.path == "/v1/accounts/lookup":
        excluded.append(allow_header_conformance)  # GET is there too: of the account whose id is `lookup`
    if case.query.get("dry_run") in ("true", True) and "Idempotency-Key" not in case.headers:
        excluded += [missing_required_header, negative_data_rejection]  # a rehearsal needs no idempotency key
    if case.method == "PUT":
        excluded.append(missing_required_header)  # without If-Match the answer is 428, which the check does not know
    if "Authorization" in case.headers:
        excluded.append(negative_data_rejection)  # the key that we send goes instead
    if UNKNOWN_HEADER in case.headers:
        excluded.append(negative_data_rejection)  # every HTTP client sends headers of its own
    if case.path == "/v1/bulk" and isinstance(case.body, dict) and case.body.get("mode") == "independent":
        excluded.append(negative_data_rejection)  # what does not fit is told in its own result, of a 200
    if len(json.dumps(case.body, default=str)) > SIZE_MAX:
        excluded.append(negative_data_rejection)  # 413, which the check does not know
    if case.path in SETTINGS or fits_by_more_than_its_form(case.body):  # a tier lies above the one before it, and so on
        excluded.append(positive_data_acceptance)
    return excluded


def written_as_whole(value: Any) -> Any:
    """The same value with its whole numbers written without a fraction: for JSON Schema 5.0 is an integer too."""
    match value:
        case dict():
            return {name: written_as_whole(inner) for name, inner in value.items()}
        case list():
            return [written_as_whole(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
    return value


def fits_by_more_than_its_form(body: Any) -> bool:
    """Whether something in it depends on more than a schema can say: the clock, or another field."""
    if isinstance(body, list):
        return any(fits_by_more_than_its_form(inner) for inner in body)
    if not isinstance(body, dict):
        return False
    depends = {
        "purchase",
        "lines",
        "amount",
        "tier",
        "into",
        "to_account",
        "occurred_at",
        "available_at",
        "expires_at",
        "clock",
        "clawback",
        "time_zone",
        "from",
        "to",
    }
    has_identifier = body.keys() >= {"type", "value"}  # what an e-mail address or a phone number may look like
    return has_identifier or not depends.isdisjoint(body) or any(map(fits_by_more_than_its_form, body.values()))
