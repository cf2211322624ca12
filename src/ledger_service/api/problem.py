"""A problem: one code of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One code of the contract: its status, its words, and whether the same request may succeed later."""

    code: str
    status: int
    title: str
    detail: str
    """One sentence for the caller; names in braces are fields of the code."""
    description: str
    """What it means and what to do about it, for the page that `type` leads to."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The code's own fields, each with an example."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Fields of the refusal whose name RFC 9457 already uses, and what they are called here."""
    is_retryable: bool = False

    @property
    def type(self) -> str:
        """A relative URL of a page that this service serves."""
        return f"/problems/{self.code}"
