"""The schema: what is drawn is what the migrations make, and how it is made."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from migrations.draw_schema import PICTURE, picture_of

from ledger_service.storage.migrations import migrate
from ledger_service.storage.schema import head_revision
from tests.servers import TestDatabase, TestServer

FOLDER = Path(PICTURE).parent


def test_schema_sql_is_what_the_migrations_make(postgres: TestServer, database: TestDatabase):
    assert PICTURE.read_text() == picture_of(postgres.bin_dir, database.owner_url), "run `make schema`"


def test_large_books_are_not_locked_while_they_are_read():
    """A constraint on what is there is declared first and proven later. Indexes are built beside the traffic."""
    for path in (FOLDER / "versions").glob("*.py"):
        files = [(FOLDER / "sql" / name).read_text() for name in re.findall(r'"(\w+/\w+\.sql)"', path.read_text())]
        sql = "\n".join(files)
        made = set(re.findall(r"CREATE TABLE (\S+)", sql))
        declared = set(re.findall(r"ALTER TABLE (\S+) ADD CONSTRAINT", sql)) - made
        assert len(declared) <= sql.count("NOT VALID"), path.name
        assert not (declared and "VALIDATE" in sql), path.name
        for index, table in re.findall(r"CREATE (?:UNIQUE )?INDEX ([\w ]+?)\s+ON (\S+)", sql):
            assert table in made or "CONCURRENTLY" in index, f"{path.name}: {index}"


def test_every_constraint_holds_for_all_that_is_there(postgres: TestServer, database: TestDatabase):
    loose = postgres.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated", database.name)
    broken = postgres.execute("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid", database.name)
    assert (loose, broken) == ("", "")


def test_the_books_of_the_last_release_are_carried_over(postgres: TestServer, clean_database: str):
    """What it wrote is there afterwards, to the byte, and the constraints hold for it."""
    url = postgres.url(clean_database)
    asyncio.run(_make_as_of(url, "0001", books=OF_0001))
    before = postgres.execute(BOOKS, clean_database)
    assert before
    migrate(url)
    assert postgres.execute(BOOKS, clean_database) == before
    unsaid = "SELECT count(*) FROM ledger.entry, ledger.account WHERE detail IS NOT NULL OR standing IS NOT NULL"
    assert postgres.execute(unsaid, clean_database) == "0"
    assert postgres.execute("SELECT version_num FROM ledger.schema_version", clean_database) == head_revision()


def test_a_migration_that_was_broken_off_can_be_repeated(postgres: TestServer, clean_database: str):
    """An index that was not finished is of no use, and is built anew."""
    url = postgres.url(clean_database)
    asyncio.run(_make_as_of(url, "0001", "0002"))
    postgres.execute((FOLDER / "sql" / "indexes" / "entry_transfer.sql").read_text(), clean_database)
    postgres.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ledger.entry_transfer'::regclass", clean_database
    )
    migrate(url)
    assert PICTURE.read_text() == picture_of(postgres.bin_dir, url)
    assert postgres.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid", clean_database) == "0"


BOOKS = "SELECT account_id, seq, kind, points, movements, encode(hash, 'hex') FROM ledger.entry ORDER BY 1, 2"
OF_0001 = """
INSERT INTO ledger.program (slug, mode) VALUES ('demo', 'live');
INSERT INTO ledger.entry SELECT 1, s, 5, 5 * s, 5 * s, 0, 0, NULL, now(), now(), NULL, NULL, pg_current_xact_id(), 1,
    'm-' || a, 'earn', 'till', NULL, 'k-' || a || '-' || s, NULL, NULL, '{}', '[[null,null,5]]', sha256('x')
    FROM generate_series(1, 50) AS a, generate_series(1, 5) AS s;
INSERT INTO ledger.entry VALUES (1, 6, -2, 23, 23, 0, 0, 1, now(), now(), NULL, NULL, DEFAULT, 1, 'm-1', 'reverse_earn',
    'till', NULL, 'r', NULL, 'back', '{}', '[[null,null,-2]]', sha256('x'));
INSERT INTO ledger.outcome VALUES (1, 1, 'k-1-1', 'm-1', 'posted', decode(repeat('00', 16), 'hex'), NULL);
"""


async def _make_as_of(url: str, *revisions: str, books: str = "") -> None:
    """The schema as these revisions left it, from the first to the last of them, with some books in it."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute((FOLDER / "sql" / "roles.sql").read_text())
        await connection.execute("SET ROLE ledger_owner")
        for revision in revisions:
            (version,) = (FOLDER / "versions").glob(f"{revision}_*.py")
            for name in re.findall(r'"(\w+/\w+\.sql)"', version.read_text()):
                await connection.execute((FOLDER / "sql" / name).read_text())
        await connection.execute(
            "CREATE TABLE ledger.schema_version (version_num varchar(32) CONSTRAINT schema_version_pkc PRIMARY KEY);"
            f"INSERT INTO ledger.schema_version VALUES ('{revisions[-1]}'); {books}"
        )
    finally:
        await connection.close()


@pytest.fixture
def clean_database(postgres: TestServer) -> Iterator[str]:
    """A database without a schema."""
    name = f"ledger_clean_{uuid4().hex[:12]}"
    postgres.execute(f'CREATE DATABASE "{name}"')
    yield name
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


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
