"""The API document: current, complete, and equal to what is served."""

import json
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from ledger_service.api import views
from ledger_service.api.application import hot_routes
from ledger_service.api.documents import openapi_document, openapi_text
from ledger_service.api.routers import ROUTERS
from ledger_service.api.verbs import VERBS
from ledger_service.api.views_of_orders import Hold, Preview
from tests.contracts.served import nobody

KEPT = Path(__file__).parents[2] / "openapi" / "openapi.json"
DOCUMENT = openapi_document()
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def test_the_document_in_the_repository_is_current() -> None:
    assert KEPT.read_text() == openapi_text(), "run `make openapi`"


def test_every_route_is_documented_and_every_documented_route_is_served() -> None:
    served = {
        (route.path, method)
        for route in [*hot_routes(nobody()), *(route for router in ROUTERS for route in router.routes)]
        for method in getattr(route, "methods", ())
        if method != "HEAD"
    }
    documented = {(path, method.upper()) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert served == documented


def test_nothing_of_the_framework_is_left() -> None:
    text = openapi_text()
    assert "HTTPValidationError" not in text
    assert "fastapi" not in text.lower()
    assert "FastAPI" not in text


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_told_in_full(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["x-scope"]
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    statuses = set(operation["responses"])
    assert {"401", "403", "422", "500", "503"} <= statuses
    assert any(status.startswith("2") for status in statuses)
    assert ("requestBody" in operation) <= ({"400", "413", "415"} <= statuses)
    named = {
        DOCUMENT["components"]["parameters"][each["$ref"].rsplit("/", 1)[1]]["name"] for each in _shared(operation)
    }
    assert {"X-Request-Id", "X-Request-Timeout-Ms"} <= named
    assert {part[1:-1] for part in path.split("/") if part.startswith("{")} <= named
    for response in operation["responses"].values():
        assert response["description"]
        assert "X-Request-Id" in response["headers"]


def _shared(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [parameter for parameter in operation["parameters"] if "$ref" in parameter]


def test_operation_ids_are_short_and_unique() -> None:
    ids = [operation["operationId"] for operations in DOCUMENT["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))
    assert all(name.isalnum() and len(name) <= 24 for name in ids)


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        if isinstance(node, list):
            return [found for value in node for found in references(value)]
        return []

    used = set(references(DOCUMENT))
    for reference in used:
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    named = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert named <= used, "a schema that nobody uses"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_examples_of_bodies_are_accepted(verb: Any) -> None:
    for shown in DOCUMENT["components"]["schemas"].get(verb.body.__name__, {}).get("examples", []):
        TypeAdapter(verb.body).validate_json(json.dumps(shown))


@pytest.mark.parametrize("view", [views.Entry, views.Account, views.Balance, views.Identifier, Hold, Preview])
def test_examples_of_answers_are_valid(view: type[views.View]) -> None:
    (shown,) = DOCUMENT["components"]["schemas"][view.__name__]["examples"]
    view.model_validate(shown)


def test_ordinary_routes_are_asynchronous_and_have_one_dependency() -> None:
    """A synchronous function would run in a thread, and every further dependency costs as much as our own work."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            assert iscoroutinefunction(route.endpoint)
            assert len(route.dependant.dependencies) == 1
            assert not route.dependant.dependencies[0].dependencies
            assert not route.dependant.body_params
