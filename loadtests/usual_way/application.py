"""Earn and balance, written the usual way and written well: short transactions, one row lock, nothing done twice."""

import hashlib
from datetime import UTC, datetime
from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Path, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from usual_way.database import Session, lifespan
from usual_way.tables import Account, Entry, KeptAnswer

POINTS_MAX = 2**53 - 1


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


async def authenticate(request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> None:
    """Let the one caller in. A key in memory: friendlier to the yardstick than a look into the database."""
    if not compare_digest(credentials.credentials, request.state.api_key):
        raise HTTPException(401)


app = FastAPI(lifespan=lifespan)
secured = [Depends(authenticate)]


@app.get("/livez")
async def livez() -> dict[str, str]:
    """Whether it is up."""
    return {"status": "ok"}


@app.post("/v1/accounts/{account_id}/earn", status_code=201, response_model=EntryView, dependencies=secured)
async def earn(account_id: AccountId, body: EarnBody, key: IdempotencyKey, session: Session) -> EntryView | Response:
    """Give points. Safe to repeat with the same key."""
    fingerprint = hashlib.sha256(f"earn {account_id} {body.model_dump_json()}".encode()).hexdigest()
    kept = await session.scalar(select(KeptAnswer).where(KeptAnswer.idempotency_key == key))
    if kept is not None:
        return replay(kept, fingerprint)
    account = await session.scalar(select(Account).where(Account.account_id == account_id).with_for_update())
    if account is None:
        raise HTTPException(404, "account_not_found")
    if account.status not in ("active", "suspended"):
        raise HTTPException(409, "account_not_active")
    now = clock()
    account.seq += 1
    account.balance += body.points
    account.updated_at = now
    view = EntryView(
        account_id=account_id,
        seq=account.seq,
        kind="earn",
        points=body.points,
        balance_after=account.balance,
        reason=body.reason,
        recorded_at=now,
    )
    session.add(Entry(**view.model_dump()))
    session.add(KeptAnswer(idempotency_key=key, fingerprint=fingerprint, body=view.model_dump_json(), recorded_at=now))
    try:
        await session.commit()
    except IntegrityError:
        # The same key at the same moment: whoever was first has answered for both.
        return await replay_of_first(session, key, fingerprint)
    return view


@app.get("/v1/accounts/{account_id}/balance", response_model=BalanceView, dependencies=secured)
async def balance(account_id: AccountId, session: Session) -> BalanceView:
    """The balance now."""
    account = await session.get(Account, account_id)
    if account is None:
        raise HTTPException(404, "account_not_found")
    return BalanceView(account_id=account_id, seq=account.seq, balance=account.balance, as_of=clock())


def clock() -> datetime:
    """Now, by the clock of this machine, as usual."""
    return datetime.now(UTC)  # noqa: TID251 - it saves the yardstick a question to the database


async def replay_of_first(session: AsyncSession, key: str, fingerprint: str) -> Response:
    """The answer that another request has just written under this key."""
    await session.rollback()
    kept = await session.scalar(select(KeptAnswer).where(KeptAnswer.idempotency_key == key))
    if kept is None:
        raise HTTPException(503, "outcome_unknown")
    return replay(kept, fingerprint)


def replay(kept: KeptAnswer, fingerprint: str) -> Response:
    """The first answer again, byte for byte; 422 for another request under its key."""
    if kept.fingerprint != fingerprint:
        raise HTTPException(422, "idempotency_key_reused")
    return Response(kept.body, 201, {"Idempotent-Replayed": "true"}, "application/json")
