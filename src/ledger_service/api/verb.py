"""A verb: a command that callers can post."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger_service.api.calls import Call
from ledger_service.api.commands import Target
from ledger_service.api.schemas import Body
from ledger_service.api.views import View
from ledger_service.ledger.commands import Command

ACCOUNT: Final = ("account_not_found", "account_merged")
"""The codes with which every verb on an account may be refused."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A command as callers see it: where it is posted, by whom, and what its answer looks like."""

    name: str
    """Part of every fingerprint: it never changes."""
    path: str
    operation_id: str
    tag: str
    scope: str
    body: type[Body]
    to_command: Callable[[Call, Target, Any], Command]
    answer: type[View]
    """What a success is answered with."""
    summary: str
    description: str
    refusals: tuple[str, ...]
    """The codes with which the books may refuse it."""
    status: int = 201
    method: str = "POST"
    repeats: bool = False
    """Whether a repeat under another key may find the same order, which is answered 200."""
    needs_body: bool = True
    """Else a call without any body is one that says nothing."""
    not_found: str | None = None
    """Whose books it is about is not in its path and has to be found first: the code when that fails."""
