"""Security: who calls. An API key is looked up once and then trusted for a few seconds."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from ledger_service.api.problems import Unfit
from ledger_service.errors import Overloaded
from ledger_service.storage.keys import Principal

Value = TypeVar("Value")

SCOPES: Final = ("read", "earn", "redeem", "adjust", "accounts", "admin", "operator")
KEYS_CACHED_MAX: Final = 10_000
UNKNOWN_CACHED_MAX: Final = 1_000
UNKNOWN_SECONDS: Final = 2.0
"""How long an unknown key is refused without asking again; a new key works after at most this time."""
LOOKUPS_MAX: Final = 4
"""Keys looked up at the same time: guessed keys must not take the connections of the others."""

TOKEN_SIZE_MAX: Final = 256


class KeySource(Protocol):
    """Where API keys are kept."""

    def digest(self, token: str) -> bytes: ...

    async def find(self, digest: bytes) -> Principal | None: ...


def may(principal: Principal, scope: str) -> bool:
    """Whether the key has the scope; `admin` has all of a program's, `operator` stands apart."""
    return scope in principal.scopes or (scope != "operator" and "admin" in principal.scopes)


class Keyring:
    """API keys seen lately. Only their digests are kept, and of both sorts only so many."""

    def __init__(self, keys: KeySource, seconds: float, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._seconds = seconds
        self._clock = clock
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._unknown: dict[bytes, float] = {}
        self._asked: dict[bytes, asyncio.Future[Principal | None]] = {}
        self._turn = asyncio.Semaphore(LOOKUPS_MAX)

    async def principal(self, authorization: bytes | None, deadline: float) -> Principal:
        """Who sent this Authorization header. Raises Unfit `unauthenticated`, or what the database raises; Overloaded
        when that does not answer before the deadline, an instant of the loop's clock."""
        digest = self._keys.digest(_token(authorization))
        if (known := self._known_now(digest)) is not None:
            return known
        try:
            async with asyncio.timeout_at(deadline):
                principal = await self._looked_up(digest)
        except TimeoutError:
            raise Overloaded("the deadline passed before the API key was found") from None
        if principal is None:
            raise Unfit("unauthenticated")
        return principal

    def known(self, authorization: bytes | None) -> Principal | None:
        """The same without asking anybody: None when the database would have to be asked. Raises Unfit
        `unauthenticated`."""
        return self._known_now(self._keys.digest(_token(authorization)))

    def _known_now(self, digest: bytes) -> Principal | None:
        now = self._clock()
        if (held := self._known.get(digest)) and now < held[1]:
            return held[0]
        if now < self._unknown.get(digest, now):
            raise Unfit("unauthenticated")
        return None

    async def _looked_up(self, digest: bytes) -> Principal | None:
        """One look for everybody who asks for the same key meanwhile."""
        if (asked := self._asked.get(digest)) is None:
            asked = self._asked[digest] = asyncio.ensure_future(self._look_up(digest))
            asked.add_done_callback(lambda _: self._asked.pop(digest, None))
        return await asyncio.shield(asked)

    async def _look_up(self, digest: bytes) -> Principal | None:
        async with self._turn:
            principal = await self._keys.find(digest)
        # Counted from the answer: a key revoked before this look is never trusted.
        now = self._clock()
        if principal is None:
            self._known.pop(digest, None)
            _put(self._unknown, digest, now + UNKNOWN_SECONDS, UNKNOWN_CACHED_MAX)
        else:
            self._unknown.pop(digest, None)
            _put(self._known, digest, (principal, now + self._seconds), KEYS_CACHED_MAX)
        return principal


def _put(cache: dict[bytes, Value], digest: bytes, value: Value, size_max: int) -> None:
    """Keep a value, and let the oldest go when there are too many."""
    cache.pop(digest, None)
    if len(cache) >= size_max:
        del cache[next(iter(cache))]
    cache[digest] = value


def _token(authorization: bytes | None) -> str:
    if authorization is None or authorization[:7].lower() != b"bearer ":
        raise Unfit("unauthenticated")
    token = authorization[7:].strip()
    if not 0 < len(token) <= TOKEN_SIZE_MAX or not token.isascii():
        raise Unfit("unauthenticated")
    return token.decode()
