"""Expand: proves the constraints of 0005 while everyone goes on writing. Safe to repeat."""

from sql_files import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql("changes/bounds_proven.sql")
