"""The books: programs, accounts, entries, lots, outcomes, identifiers, keys, and the gate."""

from sql_files import run_sql

revision = "0001"
down_revision = None

FILES = (
    "tables/program.sql",
    "tables/program_version.sql",
    "tables/account.sql",
    "tables/identifier.sql",
    "tables/entry.sql",
    "tables/lot.sql",
    "tables/outcome.sql",
    "tables/api_key.sql",
    "functions/refuse_change.sql",
    "triggers/append_only.sql",
    "functions/write_batch_v1.sql",
    "functions/claim_key_v1.sql",
    "functions/refuse_call_v1.sql",
    "functions/create_key_v1.sql",
    "functions/revoke_key_v1.sql",
    "functions/create_program_v1.sql",
    "functions/put_program_v1.sql",
)


def upgrade() -> None:
    for name in FILES:
        run_sql(name)
