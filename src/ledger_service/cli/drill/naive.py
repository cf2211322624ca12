"""The usual way with a timeout around each request, as tutorials advise: what the yardstick of F05 runs under uvicorn.

A timeout cancels whatever the request waits for, and so, now and then, a commit that waits for its standby."""

import asyncio
from importlib import import_module
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

TIMEOUT_SECONDS = 0.8

UNAVAILABLE = b'{"code":"database_unavailable"}'


class Hurried:
    """Answers 503 when the application takes longer than TIMEOUT_SECONDS. ASGI."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, for as long as it may take."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self.application(scope, receive, send)
        except Exception:  # whatever it is, and a lost connection above all: an honest 503, to be sent again
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(UNAVAILABLE))]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": UNAVAILABLE})


def application() -> ASGIApp:
    """The usual way, in a hurry. Needs loadtests on the path."""
    return Hurried(cast("ASGIApp", import_module("usual_way.application").app))
