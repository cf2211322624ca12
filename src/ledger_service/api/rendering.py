"""Rendering: the responses of ordinary routes."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Response

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_response(document: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """A document as JSON."""
    return json_bytes(_encode(document).encode(), headers, status)


def json_bytes(content: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """JSON that is already written."""
    return Response(content, status, headers, media_type="application/json")


def unchanged(tag: str) -> Response:
    """The caller has it already."""
    return Response(status_code=304, headers={"ETag": tag})
