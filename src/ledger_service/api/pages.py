"""Pages: the API document, the page to browse it, and a page for each problem. Everything comes from this package."""

import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from ledger_service.api.catalogue import CATALOGUE
from ledger_service.api.documenting import example
from ledger_service.api.problem import Problem
from ledger_service.api.routes import NamedRoute

ASSETS: Final = Path(__file__).parent / "assets"

# Nothing from elsewhere, no script in the page itself. The page's library sets styles and shows inlined pictures.
_POLICY: Final = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}

_DOCS: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Points ledger: API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/assets/docs.js"></script>
</body></html>
"""

_PROBLEM: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{code}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"></head>
<body><main><p><a href="/problems">All problems</a></p><h1>{title}</h1>
<p><code>{code}</code>, status {status}. {retry}</p><p>{description}</p><pre>{example}</pre></main></body></html>
"""


def problem_routes() -> list[BaseRoute]:
    """The pages that the `type` of a problem leads to. They are where the API is, whatever port that is."""
    return [NamedRoute("/problems", _problems_page), NamedRoute("/problems/{code}", _problem_page)]


def docs_routes() -> list[BaseRoute]:
    """The API document and the page to browse it."""
    return [
        NamedRoute("/docs", _docs_page),
        NamedRoute("/docs/assets/{name}", _asset),
        NamedRoute("/openapi.json", _document),
        NamedRoute("/", _home),
    ]


async def _home(request: Request) -> Response:
    return RedirectResponse("/docs", 307)


async def _docs_page(request: Request) -> Response:
    return HTMLResponse(_DOCS, headers=_HEADERS)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in {path.name for path in ASSETS.iterdir()}:
        raise HTTPException(404)
    return FileResponse(ASSETS / name)


async def _document(request: Request) -> Response:
    return Response(_document_bytes(), media_type="application/json")


@cache
def _document_bytes() -> bytes:
    from ledger_service.api.documents import openapi_text  # it knows every route, so also this module

    return openapi_text().encode()


async def _problems_page(request: Request) -> Response:
    rows = "".join(
        f'<li><a href="{problem.type}"><code>{problem.code}</code></a> {problem.status}: {escape(problem.title)}</li>'
        for problem in CATALOGUE.values()
    )
    page = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Problems</title></head><body><main>'
    return HTMLResponse(f"{page}<h1>Problems</h1><ul>{rows}</ul></main></body></html>", headers=_HEADERS)


async def _problem_page(request: Request) -> Response:
    problem = CATALOGUE.get(request.path_params["code"])
    if problem is None:
        raise HTTPException(404)
    return HTMLResponse(_page_of(problem), headers=_HEADERS)


def _page_of(problem: Problem) -> str:
    return _PROBLEM.format(
        code=problem.code,
        title=escape(problem.title),
        status=problem.status,
        retry="The same request may succeed later." if problem.is_retryable else "",
        description=escape(problem.description),
        example=escape(json.dumps(example(problem.code), indent=2, ensure_ascii=False)),
    )
