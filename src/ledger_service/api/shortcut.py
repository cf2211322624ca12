"""The shortcut: how requests for hot routes get to their endpoint without passing the framework's layers.

The routes stay routes of the application, and whatever the shortcut does not know goes there: it saves work, it decides
nothing.
"""

from collections.abc import Sequence
from typing import Final

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ledger_service.api.observing import Observing, Traffic

_PREFIX: Final = "/v1/accounts/{account_id}/"


class Shortcut:
    """Finds the routes `/v1/accounts/{account_id}/<word>` by method and word."""

    def __init__(self, routes: Sequence[Route], traffic: Traffic) -> None:
        self._routes: dict[tuple[str, str], tuple[Route, Observing]] = {}
        for route in routes:
            word = route.path.removeprefix(_PREFIX)
            if word != route.path and "/" not in word:
                for method in (route.methods or set()) - {"HEAD"}:
                    self._routes[method, word] = (route, Observing(route.app, traffic))

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve the request if it is for a hot route; answer whether it was."""
        if scope["type"] != "http":
            return False
        parts = scope["path"].split("/")
        if len(parts) != 5 or not parts[3] or parts[1] != "v1" or parts[2] != "accounts" or scope.get("root_path"):
            return False
        found = self._routes.get((scope["method"], parts[4]))
        if found is None:
            return False
        scope["route"], observed = found
        scope["path_params"] = {"account_id": parts[3]}
        await observed(scope, receive, send)
        return True
