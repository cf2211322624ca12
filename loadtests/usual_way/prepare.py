"""`python -m usual_way.prepare N`: the tables, with accounts `m-1` to `m-N` in them. Needs a database that is empty."""

import asyncio
import sys

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from usual_way.settings import Settings
from usual_way.tables import Table

OPEN = text("""
INSERT INTO account (account_id, status, seq, balance, updated_at)
SELECT 'm-' || number, 'active', 0, 0, now() FROM generate_series(1, :accounts) AS number
""")


async def prepare(accounts: int) -> None:
    """Create the tables and open the accounts."""
    engine = create_async_engine(Settings().database_url.get_secret_value())
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Table.metadata.create_all)
            await connection.execute(OPEN, {"accounts": accounts})
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(prepare(int(sys.argv[1])))
