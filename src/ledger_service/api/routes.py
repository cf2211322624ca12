"""Routes: plain routes that say their name to whoever counts requests."""

from collections.abc import Callable
from typing import Any

from starlette.routing import Match, Route, compile_path
from starlette.types import Scope


class NamedRoute(Route):
    """A route that puts itself into the scope, as ordinary routes of the framework do.

    An order's id is the caller's own and may have slashes in it, which are encoded in the path.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], methods: list[str] | None = None) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.path_regex, self.path_format, self.param_convertors = compile_path(
            path.replace("{order_id}", "{order_id:path}")
        )

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is Match.NONE:
            return match, found
        if "order_id" in self.param_convertors and scope["raw_path"].count(b"/") != self.path.count("/"):
            return Match.NONE, {}
        found["route"] = self
        return match, found
