"""Cursors: where a list goes on. Opaque, signed, and good for one list with one set of filters only."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from typing import Final

from ledger_service.api.validation import invalid

_SIGNATURE_SIZE: Final = 16
_SIZE_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list."""

    pepper: bytes
    list_name: str
    """Whatever makes the list this one: program, account, filters."""
    parameter: str
    """The query parameter that takes them."""

    def cursor(self, place: str) -> str:
        """The cursor that stands for a place in the list."""
        content = place.encode()
        return urlsafe_b64encode(self._signature(content) + content).decode().rstrip("=")

    def place(self, cursor: str) -> str:
        """The place a cursor stands for. Raises Unfit when it is not one of this list."""
        try:
            raw = urlsafe_b64decode((cursor[:_SIZE_MAX] + "=" * (-len(cursor) % 4)).encode("ascii"))
            content = raw[_SIGNATURE_SIZE:]
            if hmac.compare_digest(raw[:_SIGNATURE_SIZE], self._signature(content)):
                return content.decode()
        except (Error, ValueError):
            pass
        raise invalid(
            f"/query/{self.parameter}", "bad_cursor", "Must be a next_cursor of the same list with the same filters."
        )

    def _signature(self, content: bytes) -> bytes:
        message = b"\0".join((b"cursor", self.list_name.encode(), content))
        return hmac.digest(self.pepper, message, "sha256")[:_SIGNATURE_SIZE]
