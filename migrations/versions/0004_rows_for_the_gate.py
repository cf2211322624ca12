"""Expand: write_batch_v3 takes rows of composite types instead of parallel lists. v2 stays for instances of the last
release, v1 for those that are a release behind.
"""

from sql_files import run_sql

revision = "0004"
down_revision = "0003"

FILES = (
    "types/proposed_account_v1.sql",
    "types/proposed_entry_v1.sql",
    "types/proposed_lot_v1.sql",
    "types/proposed_outcome_v1.sql",
    "types/proposed_identifier_v1.sql",
    "types/proposed_revocation_v1.sql",
    "types/locked_account_v1.sql",
    "functions/check_transfers_v2.sql",
    "functions/move_identifiers_v2.sql",
    "functions/write_holds_v2.sql",
    "functions/write_batch_v3.sql",
)


def upgrade() -> None:
    for name in FILES:
        run_sql(name)
