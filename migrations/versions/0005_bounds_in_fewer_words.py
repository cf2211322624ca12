"""Expand: the constraints of the hot tables say the same in fewer words. Reads no table: what does, is in 0006."""

from sql_files import run_sql

revision = "0005"
down_revision = "0004"

FILES = (
    "functions/sign_fits_kind_v1.sql",
    "changes/account_bounds.sql",
    "changes/entry_bounds.sql",
    "changes/outcome_bounds.sql",
)


def upgrade() -> None:
    for name in FILES:
        run_sql(name)
