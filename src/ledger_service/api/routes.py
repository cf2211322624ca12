"""Routes: plain routes that say their name to whoever counts requests."""

from starlette.routing import Match, Route
from starlette.types import Scope


class NamedRoute(Route):
    """A route that puts itself into the scope, as ordinary routes of the framework do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is not Match.NONE:
            found["route"] = self
        return match, found
