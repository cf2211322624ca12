"""Documents: the whole contract as one OpenAPI document. `python -m ledger_service.api.documents` prints it."""

import json
import sys
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from ledger_service.api import balance, views
from ledger_service.api.bulk_operations import BulkBody
from ledger_service.api.components import PARAMETERS, PATH_PARAMETERS, SECURITY, problem_schema
from ledger_service.api.configuration import NewKeyBody, NewProgramBody
from ledger_service.api.documenting import OF_BODIES, OF_KEYS, OF_POSTING, Responses, problems, success
from ledger_service.api.rehearsal import RehearseBody
from ledger_service.api.routers import ROUTERS
from ledger_service.api.schemas import NoBody
from ledger_service.api.schemas_of_orders import PreviewBody
from ledger_service.api.settings_document import SettingsDocument
from ledger_service.api.test_clock import AdvanceClockBody
from ledger_service.api.verb import Verb
from ledger_service.api.verbs import VERBS

_DESCRIPTION: Final = """
The points ledger that loyalty programs run on. Every change is safe to repeat with the same `Idempotency-Key`, for the
life of the ledger: a repeat answers the first answer again, byte for byte, with `Idempotent-Replayed: true`. Refusals
(409) are kept like successes; what is answered 4xx otherwise, or 5xx, was not kept and may be sent again.

Points are whole numbers up to 2^53 - 1. Times are RFC 3339 with an offset, answered in UTC. Unknown fields and
parameters are refused; of a name given twice in one JSON object the last value counts. Errors are
`application/problem+json`; their `type` leads to a page of this service.

Add `?dry_run=true` to a posting to learn what it would come to: the same answer, nothing written, no key needed.
"""

_TAGS: Final = (
    ("points", "Give, take, correct and undo points. Each answers the entry that it made."),
    ("holds", "Points set aside for a redeem that may follow: placed, then captured or released."),
    ("orders", "What became of a purchase: returned, confirmed, cancelled."),
    ("accounts", "Accounts, their status, and the cards, phones and addresses that find them."),
    ("history", "What an account has, and every entry that made it so."),
    ("events", "Everything that happens in the program, in order and without gaps."),
    ("program", "The program's settings and their versions."),
    ("keys", "API keys: who may do what, under which source."),
    ("programs", "All programs, for operators of the service."),
)

_REF: Final = "#/components/schemas/{model}"


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document. It depends on this version of the code and nothing else."""
    api = FastAPI(
        title="Points ledger",
        version=version("ledger-service"),
        summary="Earn, redeem and balance, exactly once.",
        description=_DESCRIPTION.strip(),
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "Where this document is served from."}],
        openapi_tags=[{"name": name, "description": text} for name, text in _TAGS],
        separate_input_output_schemas=False,
    )
    for router in ROUTERS:
        api.router.routes.extend(router.routes)
    document: dict[str, Any] = api.openapi()
    for verb in VERBS:
        document["paths"].setdefault(verb.path, {})[verb.method.lower()] = _posting(verb)
    document["paths"].setdefault(balance.PATH, {})["get"] = _balance()
    _complete_schemas(document)
    document["components"] |= {"securitySchemes": SECURITY, "parameters": PARAMETERS}
    document["security"] = [{"apiKey": []}]
    for path, operations in document["paths"].items():
        _name_path_parameters(path, operations)
        for operation in operations.values():
            operation["description"] += f"\n\nScope: `{operation['x-scope']}`."
    document["paths"] = dict(sorted(document["paths"].items()))
    document["components"]["schemas"] = dict(sorted(document["components"]["schemas"].items()))
    return document


def openapi_text() -> str:
    """The document as it is kept in the repository."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


def _posting(verb: Verb) -> dict[str, Any]:
    answered = success(None, "The same answer as the first time." if verb.repeats else "Done.", "Idempotent-Replayed")
    done = answered[200] | {"content": _json(_ref(verb.answer.__name__))}
    responses: Responses = {verb.status: done | {"description": "Done."}}
    if verb.repeats:
        responses[200] = done | {"description": "The order was posted before, under another key: its entry."}
    codes = (*OF_BODIES, *OF_POSTING) if verb.body is not NoBody else (*OF_KEYS[1:], *OF_POSTING[3:])
    responses |= problems(*verb.refusals, *codes)
    operation: dict[str, Any] = {
        "tags": [verb.tag],
        "summary": verb.summary,
        "description": verb.description,
        "x-scope": verb.scope,
        "operationId": verb.operation_id,
        "parameters": _parameters(
            "IdempotencyKey" if verb.method == "POST" else "OptionalIdempotencyKey",
            "DryRun",
            "RequestId",
            "RequestTimeoutMs",
        ),
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }
    if verb.body is not NoBody:
        operation["requestBody"] = {"required": verb.needs_body, "content": _json(_ref(verb.body.__name__))}
    return operation


def _balance() -> dict[str, Any]:
    found = success(None, "The balance.", "ETag")[200] | {"content": _json(_ref("Balance"))}
    unchanged = success(None, "Unchanged since If-None-Match.", "ETag", status=304)
    responses = {200: found} | unchanged | problems("account_not_found", "seq_not_reached")
    return {
        "tags": ["history"],
        "summary": "Read a balance",
        "description": "What an account has now, or at any instant. Points past their date do not count, whether or "
        "not their expiry is in the books yet.",
        "x-scope": balance.SCOPE,
        "operationId": "getBalance",
        "parameters": _parameters("At", "MinSeq", "IfNoneMatch", "RequestId", "RequestTimeoutMs"),
        "responses": {str(status): responses[status] for status in sorted(responses, key=int)},
    }


def _complete_schemas(document: dict[str, Any]) -> None:
    bodies = {verb.body for verb in VERBS if verb.body is not NoBody}
    more = (BulkBody, PreviewBody, SettingsDocument, NewKeyBody, NewProgramBody, RehearseBody, AdvanceClockBody)
    named = sorted(bodies | set(more), key=lambda model: model.__name__)
    seen = [*(verb.answer for verb in VERBS), views.Balance]
    inputs = [(model, "validation") for model in [*named, *dict.fromkeys(seen)]]
    _, definitions = models_json_schema(inputs, ref_template=_REF)  # type: ignore[arg-type]
    schemas = document["components"]["schemas"]
    for unwanted in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unwanted, None)
    schemas |= definitions["$defs"]
    schemas["Problem"] = problem_schema()


def _name_path_parameters(path: str, operations: dict[str, Any]) -> None:
    """Path parameters are the same everywhere: named once, with their bounds."""
    for operation in operations.values():
        own = [each for each in operation.get("parameters", ()) if each.get("in") != "path"]
        in_path = [reference for name, reference in PATH_PARAMETERS.items() if f"{{{name}}}" in path]
        operation["parameters"] = [*_parameters(*in_path), *own]


def _parameters(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _json(schema: dict[str, str]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


if __name__ == "__main__":
    sys.stdout.write(openapi_text())
