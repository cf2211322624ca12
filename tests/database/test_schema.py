"""The schema: what is drawn is what the migrations make, and how it is made."""

from pathlib import Path

from migrations.draw_schema import PICTURE, picture_of

from tests.servers import TestDatabase, TestServer

FOLDER = Path(PICTURE).parent


def test_schema_sql_is_what_the_migrations_make(postgres: TestServer, database: TestDatabase):
    assert PICTURE.read_text() == picture_of(postgres.bin_dir, database.owner_url), "run `make schema`"


def test_every_file_of_sql_is_run_by_a_migration():
    revisions = "".join(path.read_text() for path in (FOLDER / "versions").glob("*.py"))
    files = {path.relative_to(FOLDER / "sql").as_posix() for path in (FOLDER / "sql").rglob("*.sql")}
    assert {name for name in files if f'"{name}"' not in revisions} == {"roles.sql"}


def test_every_unique_index_begins_with_the_program(postgres: TestServer, database: TestDatabase):
    """Programs are separate tenants, and can be distributed by their number."""
    rows = postgres.execute(
        "SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
        "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        "WHERE c.relnamespace = 'ledger'::regnamespace AND i.indisunique AND a.attname <> 'program_id' ORDER BY 1",
        database.name,
    )
    # A slug and a key tell the program; nothing else is unique across programs.
    assert rows.split() == ["api_key_digest_key", "program_slug_key", "schema_version_pkc"]


def test_everything_belongs_to_the_owner_nobody_logs_in_as(postgres: TestServer, database: TestDatabase):
    owners = postgres.execute(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'ledger'::regnamespace "
        "UNION SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace "
        "UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'ledger'",
        database.name,
    )
    assert owners == "ledger_owner"
    assert postgres.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ledger_owner'") == "f"
    assert postgres.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'ledger%' AND rolsuper") == "0"


def test_every_function_that_acts_as_its_owner_pins_where_it_looks(postgres: TestServer, database: TestDatabase):
    loose = postgres.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace "
        "AND NOT coalesce('search_path=pg_catalog, ledger, pg_temp' = ANY (proconfig), false) "
        "AND proname <> 'refuse_change'",
        database.name,
    )
    assert loose == ""
