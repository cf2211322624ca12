"""Programs: one's own settings, and for operators all programs."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from ledger_service.api.calls import (
    Administrator,
    AdministratorReading,
    Operator,
    OperatorReading,
    content_of,
    query_of,
    unbroken,
)
from ledger_service.api.conditional import entity_tag, is_unchanged, version_of
from ledger_service.api.configuration import (
    MadeProgram,
    NewProgramBody,
    Programs,
    ProgramVersions,
    ProgramView,
    SettingsSchema,
    claim_of,
    made,
)
from ledger_service.api.documenting import OF_BODIES, OF_POSTING, json_body, needs, problems, success
from ledger_service.api.problems import Unfit
from ledger_service.api.rendering import json_response, unchanged
from ledger_service.api.settings_document import SettingsDocument, settings_schema
from ledger_service.api.validation import read_json
from ledger_service.storage.claims import OPERATOR_CALLS
from ledger_service.storage.programs import Program

router = APIRouter()

_SETTINGS: Final = TypeAdapter(SettingsDocument)
_NEW_PROGRAM: Final = TypeAdapter(NewProgramBody)


@router.get(
    "/v1/program",
    tags=["program"],
    operation_id="getProgram",
    summary="Read the program",
    responses=success(ProgramView, "The program.", "ETag")
    | success(None, "Unchanged since If-None-Match.", "ETag", status=304)
    | problems(),
    openapi_extra=needs("admin", "IfNoneMatch"),
)
async def get_program(call: AdministratorReading, request: Request) -> Response:
    """The program of the API key, with the settings that decide now."""
    query_of(request.scope, frozenset())
    program = await call.services.programs.get(call.program_id)
    tag = entity_tag(program.version)
    if is_unchanged(call.headers.get(b"if-none-match"), tag):
        return unchanged(tag)
    return json_response(_view(program), {"ETag": tag})


@router.put(
    "/v1/program",
    tags=["program"],
    operation_id="putProgram",
    summary="Change the program's settings",
    responses=success(ProgramView, "The program as it is now.", "ETag")
    | problems("version_required", "version_mismatch", "outcome_unknown", *OF_BODIES),
    openapi_extra=json_body(SettingsDocument) | needs("admin", "IfMatch"),
)
async def put_program(call: Administrator, request: Request) -> Response:
    """Replaces the whole document and makes a new version. Never applied to what is already in the books."""
    query_of(request.scope, frozenset())
    if (if_match := call.headers.get(b"if-match")) is None:
        raise Unfit("version_required")
    document = read_json(_SETTINGS, await content_of(call, request.receive)).document()
    writing = call.services.programs.put(call.program_id, version_of(if_match), document)
    program = await unbroken(call, writing)
    if program is None:
        raise Unfit("version_mismatch")
    return json_response(_view(program), {"ETag": entity_tag(program.version)})


@router.get(
    "/v1/program/schema",
    tags=["program"],
    operation_id="getProgramSchema",
    summary="Read the schema of the settings",
    responses=success(SettingsSchema, "A JSON Schema (draft 2020-12).") | problems(),
    openapi_extra=needs("admin"),
)
async def get_schema(call: AdministratorReading, request: Request) -> Response:
    """What a settings document may say, with a description of every field: for editors, forms and checks beforehand.
    What hangs on several fields (names given once, levels in order) is told by PUT only."""
    query_of(request.scope, frozenset())
    return json_response(settings_schema())


@router.get(
    "/v1/program/versions",
    tags=["program"],
    operation_id="listProgramVersions",
    summary="Read earlier settings",
    responses=success(ProgramVersions, "The versions, newest first.") | problems(),
    openapi_extra=needs("admin"),
)
async def list_versions(call: AdministratorReading, request: Request) -> Response:
    """Settings are versioned, never overwritten; every entry names the version that decided it."""
    query_of(request.scope, frozenset())
    return json_response({"data": await call.services.programs.versions(call.program_id)})


@router.get(
    "/v1/programs",
    tags=["programs"],
    operation_id="listPrograms",
    summary="List all programs",
    responses=success(Programs, "The programs, oldest first.") | problems(),
    openapi_extra=needs("operator"),
)
async def list_programs(call: OperatorReading, request: Request) -> Response:
    """For operators of the service."""
    query_of(request.scope, frozenset())
    return json_response({"data": [_view(program) for program in await call.services.programs.list()]})


@router.post(
    "/v1/programs",
    tags=["programs"],
    status_code=201,
    operation_id="createProgram",
    summary="Make a program",
    responses=success(MadeProgram, "The program with its first key.", "Idempotent-Replayed", status=201)
    | problems("program_exists", *OF_BODIES, *OF_POSTING),
    openapi_extra=json_body(NewProgramBody) | needs("operator", "IdempotencyKey"),
)
async def create_program(call: Operator, request: Request) -> Response:
    """For operators of the service. The program's first admin key is shown once; a replay answers null there."""
    query_of(request.scope, frozenset())
    body = read_json(_NEW_PROGRAM, await content_of(call, request.receive))
    claim = claim_of(call, OPERATOR_CALLS, "create program", body)
    key = call.services.keys.new(body.mode, ("admin",), "admin", "first admin key")
    settings = body.settings.document()
    writing = call.services.programs.create(claim, body.slug, body.mode, settings, body.clock, key)
    return made(await unbroken(call, writing), key.token)


def _view(program: Program) -> dict[str, Any]:
    return {
        "slug": program.slug,
        "mode": program.mode,
        "version": program.version,
        "settings": program.settings,
    }
