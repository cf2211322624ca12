"""Calls: one HTTP request with its authenticated caller, its deadline and its idempotency key."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.types import Receive, Scope

from ledger_service.api import bodies
from ledger_service.api.budgets import Budgets
from ledger_service.api.identity import Identity
from ledger_service.api.patience import Patience
from ledger_service.api.problems import Unfit
from ledger_service.api.security import Keyring, may
from ledger_service.api.validation import invalid
from ledger_service.api.wiring import Services
from ledger_service.errors import OutcomeUnknown, Overloaded
from ledger_service.storage.keys import Principal

Value = TypeVar("Value")
Headers = Sequence[tuple[bytes, bytes]]
"""In lower case, as they came."""

TIMEOUT_MS_MAX: Final = 10_000

_KEY: Final = re.compile(rb"[!-~]{1,255}")
_WHOLE_NUMBER: Final = re.compile(rb"[0-9]{1,6}")


@dataclass(slots=True)
class Exchange:
    """One HTTP request and what becomes known of it on the way. Lives in the ASGI scope."""

    request_id: str
    headers: dict[bytes, bytes]
    principal: Principal | None = None
    code: str | None = None


EXCHANGE: Final = "ledger.exchange"
"""Where an Exchange is in the ASGI scope."""


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated call."""

    principal: Principal
    request_id: str
    deadline: float
    """An instant of the event loop's clock."""
    headers: dict[bytes, bytes]
    key: str | None = None
    services: Services = field(kw_only=True)
    identity: Identity = field(kw_only=True)
    patience: Patience = field(kw_only=True)

    @property
    def program_id(self) -> int:
        return self.principal.program_id

    def under(self, key: str) -> "Call":
        """The same call under another idempotency key. Written out: of a bulk there are a thousand."""
        return Call(
            self.principal,
            self.request_id,
            self.deadline,
            self.headers,
            key,
            services=self.services,
            identity=self.identity,
            patience=self.patience,
        )

    def require(self, scope: str) -> None:
        """Raises Unfit `forbidden` when the caller's key does not have the scope."""
        if not may(self.principal, scope):
            raise Unfit("forbidden", scope=scope)


@dataclass(frozen=True, slots=True)
class Callers:
    """Turns requests into calls."""

    services: Services
    keyring: Keyring
    identity: Identity
    timeout_ms_default: int
    budgets: Budgets = field(default_factory=Budgets)
    patience: Patience = field(default_factory=Patience)

    async def call(self, scope: Scope, needed_scope: str | None) -> Call:
        """Who calls, and until when. Raises Unfit: `unauthenticated`, `rate_limited`, `forbidden`, or a header that
        does not fit."""
        exchange: Exchange = scope[EXCHANGE]
        headers = exchange.headers
        deadline = self._deadline(headers)
        principal = await self.keyring.principal(headers.get(b"authorization"), deadline)
        return self._admitted(exchange, scope["headers"], principal, deadline, needed_scope)

    def call_at_once(self, exchange: Exchange, sent: Headers, needed_scope: str | None) -> Call | None:
        """The same without waiting: None when the caller's key has to be looked up first. `sent`: the headers as they
        came, repeated ones too."""
        deadline = self._deadline(exchange.headers)
        principal = self.keyring.known(exchange.headers.get(b"authorization"))
        if principal is None:
            return None
        return self._admitted(exchange, sent, principal, deadline, needed_scope)

    def _admitted(
        self, exchange: Exchange, sent: Headers, principal: Principal, deadline: float, needed_scope: str | None
    ) -> Call:
        headers = exchange.headers
        exchange.principal = principal
        self.budgets.spend(principal)
        if needed_scope is not None and not may(principal, needed_scope):
            raise Unfit("forbidden", scope=needed_scope)
        return Call(
            principal=principal,
            request_id=exchange.request_id,
            deadline=deadline,
            headers=headers,
            key=key_of(headers, sent) if b"idempotency-key" in headers else None,
            services=self.services,
            identity=self.identity,
            patience=self.patience,
        )

    def _deadline(self, headers: dict[bytes, bytes]) -> float:
        """An instant of the event loop's clock."""
        return asyncio.get_running_loop().time() + self._timeout_ms(headers) / 1000

    def _timeout_ms(self, headers: dict[bytes, bytes]) -> int:
        asked = headers.get(b"x-request-timeout-ms")
        if asked is None:
            return self.timeout_ms_default
        if not _WHOLE_NUMBER.fullmatch(asked) or not 1 <= int(asked) <= TIMEOUT_MS_MAX:
            raise invalid(
                "/header/x-request-timeout-ms", "out_of_range", f"Must be a whole number from 1 to {TIMEOUT_MS_MAX}."
            )
        return int(asked)


def key_of(headers: dict[bytes, bytes], sent: Headers) -> str:
    """The idempotency key, bare or in double quotes. Raises Unfit when it cannot be one, or there are several."""
    if len(sent) != len(headers) and sum(name == b"idempotency-key" for name, _ in sent) > 1:
        raise Unfit("idempotency_key_invalid")
    bare = headers[b"idempotency-key"].strip()
    if len(bare) >= 2 and bare[:1] == bare[-1:] == b'"':
        bare = bare[1:-1]
    if not _KEY.fullmatch(bare):
        raise Unfit("idempotency_key_invalid")
    return bare.decode()


def needed_key(call: Call) -> str:
    """The idempotency key of a call that changes something. Raises Unfit `idempotency_key_missing`."""
    if call.key is None:
        raise Unfit("idempotency_key_missing")
    return call.key


def query_of(scope: Scope, allowed: frozenset[str]) -> dict[str, str]:
    """The query parameters. One that is not there, or is given twice, is refused: ignored, it would mislead."""
    return parameters_of(scope["query_string"], allowed)


def parameters_of(raw: bytes, allowed: frozenset[str]) -> dict[str, str]:
    """The same of a query string."""
    if not raw:
        return {}
    query: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise invalid("/query", "invalid", "Must be a query string in UTF-8.") from None
    for name, value in pairs:
        if name not in allowed:
            raise invalid(f"/query/{name[:64]}", "unknown_parameter", "There is no such parameter here.")
        if name in query:
            raise invalid(f"/query/{name}", "repeated", "Give this parameter once.")
        query[name] = value
    return query


def flag(query: dict[str, str], name: str) -> bool:
    """A query parameter that is `true` or `false`, and false when it is left out."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise invalid(f"/query/{name}", "not_a_boolean", "Must be true or false.")
    return value == "true"


async def until_deadline(call: Call, reading: Awaitable[Value]) -> Value:
    """What was read. Raises Overloaded at the caller's deadline, at which reading is broken off."""
    try:
        return await call.patience.until(call.deadline, reading)
    except TimeoutError:
        raise Overloaded("the deadline passed while reading") from None


async def unbroken(call: Call, writing: Coroutine[Any, Any, Value]) -> Value:
    """What was written. Raises OutcomeUnknown at the caller's deadline; the write goes on, as a commit broken off may
    or may not have happened."""
    task = asyncio.create_task(writing)
    _writing.add(task)
    task.add_done_callback(_writing.discard)
    done, _ = await asyncio.wait({task}, timeout=call.deadline - asyncio.get_running_loop().time())
    if not done:
        raise OutcomeUnknown("the deadline passed while writing")
    return task.result()


# The loop itself holds its tasks only weakly.
_writing: Final[set[asyncio.Task[Any]]] = set()


def reading(scope: str) -> Callable[[Request], AsyncIterator[Call]]:
    """The dependency of an ordinary route that only reads: it is broken off at the caller's deadline."""

    async def call(request: Request) -> AsyncIterator[Call]:
        callers: Callers = request.app.state.callers
        caller = await callers.call(request.scope, scope)
        try:
            async with asyncio.timeout_at(caller.deadline):
                yield caller
        except TimeoutError:
            raise Overloaded("the deadline passed while reading") from None

    return call


def changing(scope: str | None) -> Callable[[Request], Awaitable[Call]]:
    """The dependency of an ordinary route that may write: what was begun is never broken off."""

    async def call(request: Request) -> Call:
        callers: Callers = request.app.state.callers
        return await callers.call(request.scope, scope)

    return call


Anyone = Annotated[Call, Depends(changing(None))]
Reader = Annotated[Call, Depends(reading("read"))]
AdministratorReading = Annotated[Call, Depends(reading("admin"))]
Administrator = Annotated[Call, Depends(changing("admin"))]
OperatorReading = Annotated[Call, Depends(reading("operator"))]
Operator = Annotated[Call, Depends(changing("operator"))]


async def content_of(call: Call, receive: Receive, size_max: int = bodies.SIZE_MAX) -> bytes:
    """The bytes of the call's JSON body."""
    return await bodies.read(call.headers, receive, size_max, call.deadline, call.patience)
