"""Problems: one catalogue, nothing missing in it and nothing beside it."""

import json
from dataclasses import fields
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from ledger_service import errors
from ledger_service.api.catalogue import CATALOGUE
from ledger_service.api.documenting import example
from ledger_service.api.documents import openapi_document
from ledger_service.api.problem import Problem
from ledger_service.api.problems import FAILURES, body_of, fields_of
from ledger_service.errors import Failure
from ledger_service.ledger import refusals
from ledger_service.ledger.refusals import Refusal

CONTRACT = {
    400: {"malformed_request", "idempotency_key_missing", "idempotency_key_invalid"},
    401: {"unauthenticated"},
    403: {"forbidden"},
    404: {
        "account_not_found",
        "entry_not_found",
        "hold_not_found",
        "order_not_found",
        "program_not_found",
        "not_found",
    },
    405: {"method_not_allowed"},
    409: {
        "insufficient_points",
        "account_not_active",
        "account_exists",
        "duplicate_order",
        "hold_not_open",
        "already_reversed",
        "exceeds_remaining",
        "nothing_to_reverse",
        "limit_exceeded",
        "request_in_progress",
        "account_merged",
        "identifier_in_use",
        "program_exists",
        "bulk_aborted",
    },
    412: {"version_mismatch", "seq_not_reached"},
    413: {"body_too_large"},
    415: {"unsupported_media_type"},
    422: {"validation_failed", "idempotency_key_reused"},
    428: {"version_required"},
    429: {"rate_limited"},
    500: {"internal_error"},
    503: {"overloaded", "database_unavailable", "outcome_unknown", "shutting_down"},
}

# Of these no caller can mend anything: they stop the start, or are a fault of ours.
UNNAMED = {"Failure", "Unserved", "ProposalRejected", "SchemaMismatch"}


def kinds_in(module: ModuleType, parent: type) -> list[Any]:
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, parent)]
    return [pytest.param(kind, id=kind.__name__) for kind in found]


def some(kind: type[Refusal]) -> Refusal:
    """A refusal of this kind, with any values."""
    values = {int: 7, str: "text", dict[str, Any]: {"code": "x"}}
    return kind(
        **{name: values.get(hint, "text") for name, hint in get_type_hints(kind).items() if name in names(kind)}
    )


def names(kind: type[Refusal]) -> set[str]:
    return {field.name for field in fields(kind)}


def test_the_codes_and_statuses_are_those_of_the_contract() -> None:
    found: dict[int, set[str]] = {}
    for problem in CATALOGUE.values():
        found.setdefault(problem.status, set()).add(problem.code)
    assert found == CONTRACT


@pytest.mark.parametrize("kind", [kind for kind in kinds_in(refusals, Refusal) if kind.id != "Refusal"])
def test_every_refusal_has_its_problem_with_the_fields_that_are_documented(kind: type[Refusal]) -> None:
    refusal = some(kind)
    own = fields_of(refusal)
    document = json.loads(body_of(refusal.code, "req-1", own))
    problem = CATALOGUE[refusal.code]
    named = {problem.renamed.get(name, name) for name in own} - {"refused"}
    assert named <= set(problem.fields)
    assert document["status"] == problem.status
    assert document["type"] == problem.type


def test_every_refusal_that_is_kept_is_a_conflict() -> None:
    for code in refusals.KEPT:
        assert CATALOGUE[code].status == 409


@pytest.mark.parametrize("kind", kinds_in(errors, Failure))
def test_every_failure_has_its_problem(kind: type[Failure]) -> None:
    assert (kind in FAILURES) != (kind.__name__ in UNNAMED)
    if kind in FAILURES:
        problem = CATALOGUE[FAILURES[kind]]
        assert (problem.status, problem.is_retryable) == (503, True)


@pytest.mark.parametrize("problem", CATALOGUE.values(), ids=lambda problem: problem.code)
def test_every_problem_reads_well(problem: Problem) -> None:
    document = example(problem.code)
    assert document["detail"].endswith(".")
    assert "{" not in document["detail"]
    assert problem.description.endswith(".")
    assert not problem.title.endswith(".")


def test_only_codes_of_the_catalogue_are_documented() -> None:
    document = openapi_document()
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CATALOGUE)
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                media = response.get("content", {}).get("application/problem+json", {})
                for code, shown in media.get("examples", {}).items():
                    assert CATALOGUE[code].status == int(status) == shown["value"]["status"]
