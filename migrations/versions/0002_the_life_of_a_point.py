"""Expand: holds, transfers, merges, tiers. The gate is write_batch_v2; v1 stays for instances of the last release.

Reads no table, so it takes no longer on large books: what does, is in 0003.
"""

from sql_files import run_sql

revision = "0002"
down_revision = "0001"

FILES = (
    "tables/hold.sql",
    "tables/qualifying_day.sql",
    "changes/account_standing.sql",
    "changes/entry_detail.sql",
    "changes/entry_kinds.sql",
    "changes/entry_reverses.sql",
    "changes/outcome_several.sql",
    "functions/check_transfers_v1.sql",
    "functions/move_identifiers_v1.sql",
    "functions/write_holds_v1.sql",
    "functions/write_batch_v2.sql",
    "functions/advance_clock_v1.sql",
)


def upgrade() -> None:
    for name in FILES:
        run_sql(name)
