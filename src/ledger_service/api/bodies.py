"""Bodies: reading the bytes of a JSON request, never more than it may have and never for longer than it may take."""

from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ledger_service.api.patience import Patience
from ledger_service.api.problems import Unfit

SIZE_MAX: Final = 64 * 1024
BULK_SIZE_MAX: Final = 4 * 1024 * 1024


async def read(
    headers: dict[bytes, bytes], receive: Receive, size_max: int, deadline: float, patience: Patience
) -> bytes:
    """The body. Raises Unfit when it is no JSON by its type, too large, or late; ClientDisconnect."""
    kind = headers.get(b"content-type")
    if (kind != b"application/json" and not _is_json(kind)) or b"content-encoding" in headers:
        raise Unfit("unsupported_media_type")
    size = headers.get(b"content-length")
    if size is not None and (not size.isdigit() or int(size) > size_max):
        raise _too_large(size_max)
    parts: list[bytes] = []
    left = size_max
    while True:
        try:
            message = await patience.until(deadline, receive())
        except TimeoutError:
            raise Unfit("malformed_request", "The body did not arrive in time.", {"connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        left -= len(part)
        if left < 0:
            raise _too_large(size_max)
        if not message.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        parts.append(part)


def is_nothing(headers: dict[bytes, bytes]) -> bool:
    """Whether the request has no body at all."""
    return headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers


def _too_large(size_max: int) -> Unfit:
    # The rest of the body is not read, so the connection cannot carry another request.
    return Unfit("body_too_large", headers={"connection": "close"}, bytes_max=size_max)


def _is_json(kind: bytes | None) -> bool:
    if kind is None:
        return False
    name, *parameters = (part.strip().lower() for part in kind.split(b";"))
    return name == b"application/json" and all(
        parameter in (b"charset=utf-8", b'charset="utf-8"') for parameter in parameters if parameter
    )
