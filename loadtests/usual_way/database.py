"""A session per request, as the tutorials have it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from usual_way.settings import Settings


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open the pool, close it at the end."""
    settings = Settings()
    engine = create_async_engine(settings.database_url.get_secret_value(), pool_size=settings.pool_size, max_overflow=0)
    try:
        # Nothing is read again after the commit: what was answered is what was written.
        sessions = async_sessionmaker(engine, expire_on_commit=False)
        yield {"sessions": sessions, "api_key": settings.api_key.get_secret_value()}
    finally:
        await engine.dispose()


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session that is rolled back unless the endpoint commits."""
    async with request.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]
