"""A shop: the whole application on a real database, in this process, with a program, its keys, and ways to call it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import httpx2
from fastapi import FastAPI

from ledger_service.api.application import Services, build_api
from ledger_service.posting.poster import Poster, PostingLimits
from ledger_service.settings import Settings
from ledger_service.storage.database import Database
from ledger_service.storage.due import Due
from ledger_service.storage.feed import Feed
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.keys import Keys
from ledger_service.storage.lookups import Lookups
from ledger_service.storage.programs import Programs
from ledger_service.storage.purchases import Purchases
from ledger_service.storage.reads import Reads
from ledger_service.upkeep.sweeper import Sweeper

PEPPER = b"a pepper that only tests know, 32 bytes and more"
SOURCE = "shop-berlin"

_numbers = count(1)


def fresh_key() -> str:
    """An idempotency key that no other call has."""
    return f"key-{next(_numbers)}"


def fresh_slug(name: str) -> str:
    """A name that no other program has."""
    return f"{name}-{uuid4().hex[:12]}"


@dataclass(slots=True)
class Shop:
    """One program as a caller with one API key sees it."""

    api: FastAPI
    services: Services
    client: httpx2.AsyncClient
    program_id: int
    token: str
    stage: dict[str, bool] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, /, **headers: str) -> httpx2.Response:
        """Call as this shop; header names are written with underscores. POSTs get a fresh idempotency key."""
        sent = {"authorization": f"Bearer {self.token}"}
        if method == "POST":
            sent["idempotency-key"] = fresh_key()
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        if isinstance(body, bytes | str):
            sent.setdefault("content-type", "application/json")
            return await self.client.request(method, path, content=body, headers=sent)
        if body is None:
            return await self.client.request(method, path, headers=sent)
        return await self.client.request(method, path, json=body, headers=sent)

    async def post(self, path: str, body: Any = None, /, **headers: str) -> httpx2.Response:
        return await self.call("POST", path, body, **headers)

    async def get(self, path: str, /, **headers: str) -> httpx2.Response:
        return await self.call("GET", path, **headers)

    async def open(self, account_id: str, points: int = 0) -> str:
        """An account with so many points."""
        answer = await self.post("/v1/accounts", {"account_id": account_id})
        assert answer.status_code == 201, answer.text
        if points:
            answer = await self.post(f"/v1/accounts/{account_id}/earn", {"points": points})
            assert answer.status_code == 201, answer.text
        return account_id

    async def balance(self, account_id: str) -> dict[str, Any]:
        answer = await self.get(f"/v1/accounts/{account_id}/balance")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def key(self, *scopes: str, source: str = SOURCE) -> "Shop":
        """The same program through another key."""
        new = self.services.keys.new("live", scopes, source)
        await self.services.keys.create(None, self.program_id, new)
        return self.with_token(new.token)

    async def neighbour(self, name: str = "neighbour", mode: str = "live", **settings: Any) -> "Shop":
        """Another program, through an admin key of its own."""
        new = self.services.keys.new(mode, ("admin",), SOURCE)
        slug = fresh_slug(name)
        await self.services.programs.create(None, slug, mode, settings, None, new)
        program = await self.services.programs.find(slug)
        assert program is not None
        return self.with_token(new.token, program.program_id)

    def with_token(self, token: str, program_id: int | None = None) -> "Shop":
        program_id = self.program_id if program_id is None else program_id
        return Shop(self.api, self.services, self.client, program_id, token, self.stage)


@asynccontextmanager
async def opening_shop(service_url: str, settings: Settings | None = None, **wrong: Any) -> AsyncIterator[Shop]:
    """The application, running, with a program and an admin key. `wrong` services take the place of the real."""
    stage = {"is_draining": False}
    is_draining: Callable[[], bool] = lambda: stage["is_draining"]  # noqa: E731 - it is passed on
    async with Database.open(service_url) as database, Poster(PostgresJournal(database), PostingLimits()) as poster:
        keys, programs = Keys(database, PEPPER), Programs(database)
        given = {
            "poster": poster,
            "reads": Reads(database),
            "lookups": Lookups(database),
            "feed": Feed(database),
            "programs": programs,
            "purchases": Purchases(database),
            "keys": keys,
            "database": database,
            "settle_due": Sweeper(Due(database), poster).settle_program,
        }
        services = Services(**(given | wrong), pepper=PEPPER, is_draining=is_draining)
        api = build_api(services, settings or Settings())
        admin = keys.new("live", ("admin",), SOURCE)
        slug = fresh_slug("demo")
        await programs.create(None, slug, "live", {}, None, admin)
        program = await programs.find(slug)
        assert program is not None
        transport = httpx2.ASGITransport(app=api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://ledger") as client:
            yield Shop(api, services, client, program.program_id, admin.token, stage)
