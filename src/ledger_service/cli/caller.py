"""Calling the service over HTTP, as any client should: the same key on every try, and patience."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import httpx2

from ledger_service.errors import Failure

PATIENCE_SECONDS = 60.0
"""How long one call is tried again before we give up. Longer than a failover of the database."""

PAUSE_SECONDS_MAX = 5.0
TIMEOUT_SECONDS = 30.0
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses that say: the same call again, later."""

jitter = secrets.SystemRandom()


class CallFailed(Failure):
    """The service cannot be reached, or refuses a call that should have worked."""


class Caller:
    """Calls one service with one API key."""

    def __init__(self, client: httpx2.AsyncClient, pause: Callable[[float], Any] = asyncio.sleep) -> None:
        self.client = client
        self.pause = pause

    @classmethod
    def to(cls, url: str, api_key: str, connections: int = 16) -> "Caller":
        """A caller to be entered with `async with`, and left to close its connections."""
        return cls(
            httpx2.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {api_key}"},
                timeout=TIMEOUT_SECONDS,
                limits=httpx2.Limits(max_connections=connections),
                trust_env=False,  # a proxy of the environment is not for a ledger that is named by its address
            )
        )

    async def __aenter__(self) -> "Caller":
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.client.aclose()

    async def post(self, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
        """The answer, whatever it says, but for answers that mean "later". Safe: every try has the same key.

        Raises CallFailed after PATIENCE_SECONDS, and when the API key is not good for this."""
        response = await self.try_again(
            lambda: self.client.post(f"/v1{path}", json=body, headers={"Idempotency-Key": key})
        )
        if response.status_code in (401, 403):
            raise CallFailed(
                f"{self.client.base_url} refuses the API key: {detail_of(response)} "
                "Give one with --api-key or LEDGER_API_KEY."
            )
        return response

    async def try_again(self, call: Callable[[], Any]) -> httpx2.Response:
        """Call until there is an answer that does not mean "later". Raises CallFailed after PATIENCE_SECONDS."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_SECONDS
        pause = 0.1
        while True:
            asked = 0.0
            try:
                response: httpx2.Response = await call()
                if response.status_code not in AGAIN:
                    return response
                asked = seconds_asked(response)
                reason = detail_of(response)
            except httpx2.TransportError as error:
                reason = str(error) or type(error).__name__
            # Full jitter, so that callers who failed together do not come back together.
            wait = max(asked, jitter.uniform(0, pause))
            if loop.time() + wait > end:
                raise CallFailed(f"{self.client.base_url} does not answer: {reason}. Is it running?")
            await self.pause(wait)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)


def seconds_asked(response: httpx2.Response) -> float:
    """How long the service asks us to wait."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), PAUSE_SECONDS_MAX) if asked.isdecimal() else 0.0


def detail_of(response: httpx2.Response) -> str:
    """What a problem says to people."""
    try:
        problem = response.json()
        return str(problem.get("detail") or problem.get("title") or problem.get("code"))
    except (ValueError, AttributeError):
        return f"status {response.status_code}"
