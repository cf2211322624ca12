"""Expand: proves the constraints of 0002 and builds its indexes while everyone goes on writing. Safe to repeat."""

from alembic import op
from sql_files import run_sql

revision = "0003"
down_revision = "0002"

INDEXES = ("indexes/entry_transfer.sql", "indexes/entry_reversals_elsewhere.sql")


def upgrade() -> None:
    run_sql("changes/proven.sql")
    with op.get_context().autocommit_block():
        # It waits for the transactions that run now, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        for name in INDEXES:
            # Broken off, it would leave an index that is of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS ledger.{name.split('/')[1].removesuffix('.sql')}")
            run_sql(name)
        op.execute("SET lock_timeout = '2s'")
