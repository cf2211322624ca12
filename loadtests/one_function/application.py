"""Earn and balance: an ordinary FastAPI route that calls one SQL function, prepared, in one round trip."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from secrets import compare_digest
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from one_function.settings import Settings

POINTS_MAX = 2**53 - 1
EARN = "SELECT * FROM earn(1, $1, $2, $3, $4, $5)"
BALANCE = "SELECT seq, balance FROM account WHERE program_id = 1 AND account_id = $1"


class EarnBody(BaseModel):
    """What a till sends."""

    model_config = ConfigDict(extra="forbid")

    points: int = Field(ge=1, le=POINTS_MAX)
    reason: str | None = Field(default=None, max_length=500)


class EntryView(BaseModel):
    """One entry, as it is answered."""

    account_id: str
    seq: int
    kind: str
    points: int
    balance_after: int
    reason: str | None
    recorded_at: datetime


class BalanceView(BaseModel):
    """The numbers of an account as they are now."""

    account_id: str
    seq: int
    balance: int
    as_of: datetime


AccountId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
bearer = HTTPBearer()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open the pool, close it at the end."""
    settings = Settings()
    url = settings.database_url.get_secret_value()
    async with asyncpg.create_pool(url, min_size=settings.pool_size, max_size=settings.pool_size, reset=leave) as pool:
        yield {"pool": pool, "api_key": settings.api_key.get_secret_value()}


async def leave(_: Any) -> None:
    """Nothing to take back when a connection returns to the pool: saves it the round trip that asyncpg would make."""


async def authenticate(request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> None:
    """Let the one caller in, by a key in memory."""
    if not compare_digest(credentials.credentials, request.state.api_key):
        raise HTTPException(401)


app = FastAPI(lifespan=lifespan)
secured = [Depends(authenticate)]


@app.get("/livez")
async def livez() -> dict[str, str]:
    """Whether it is up."""
    return {"status": "ok"}


@app.post("/v1/accounts/{account_id}/earn", status_code=201, response_model=EntryView, dependencies=secured)
async def earn(
    account_id: AccountId, body: EarnBody, key: IdempotencyKey, request: Request, response: Response
) -> EntryView:
    """Give points. Safe to repeat with the same key."""
    fingerprint = hashlib.sha256(f"earn {account_id} {body.model_dump_json()}".encode()).hexdigest()
    arguments = (account_id, key, fingerprint, body.points, body.reason)
    try:
        posted = await request.state.pool.fetchrow(EARN, *arguments)
    except asyncpg.UniqueViolationError:
        # The same key at the same moment: whoever was first has answered for both.
        posted = await request.state.pool.fetchrow(EARN, *arguments)
    match posted["status"]:
        case "unknown":
            raise HTTPException(404, "account_not_found")
        case "reused":
            raise HTTPException(422, "idempotency_key_reused")
        case "replayed":
            response.headers["Idempotent-Replayed"] = "true"
    return EntryView(
        account_id=account_id,
        seq=posted["seq"],
        kind="earn",
        points=posted["points"],
        balance_after=posted["balance_after"],
        reason=posted["reason"],
        recorded_at=posted["recorded_at"],
    )


@app.get("/v1/accounts/{account_id}/balance", response_model=BalanceView, dependencies=secured)
async def balance(account_id: AccountId, request: Request) -> BalanceView:
    """The balance now."""
    found = await request.state.pool.fetchrow(BALANCE, account_id)
    if found is None:
        raise HTTPException(404, "account_not_found")
    return BalanceView(account_id=account_id, seq=found["seq"], balance=found["balance"], as_of=clock())


def clock() -> datetime:
    """Now, by the clock of this machine, as usual."""
    return datetime.now(UTC)  # noqa: TID251 - it saves the yardstick a question to the database
