"""`ledger-service verify`: sound books pass, and whatever was done to them behind the gate's back is named."""

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from ledger_service.cli.verify import app, finding_line
from ledger_service.ledger.entries import chain_hash
from ledger_service.ledger.lots import movements_text
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.postings import post as post_to
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.states import AccountState
from ledger_service.storage.audit import Audit, Scope
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.programs import Programs
from ledger_service.storage.rows import ENTRY_COLUMNS, entry_of
from ledger_service.upkeep.findings import CHECKS, Finding
from ledger_service.upkeep.verification import Report, verify
from tests.builders import NOON, earn, movement
from tests.database.corruptions import CORRUPTIONS, DEMO, UNGUARDED, Corruption, place_of
from tests.database.corruptions_of_life import CORRUPTIONS_OF_LIFE
from tests.servers import TestDatabase, TestServer, cloning
from tests.varied_books import create_program, post, write_varied_books

ALL = [*CORRUPTIONS, *CORRUPTIONS_OF_LIFE]


@pytest.fixture(scope="module")
def varied_template(postgres: TestServer, template_database: str) -> Iterator[str]:
    """The name of a database whose books have seen everything."""
    with cloning(postgres, template_database) as clone:
        database = clone()
        write_varied_books(database)
        yield database.name


@pytest.fixture
def books(postgres: TestServer, varied_template: str) -> Iterator[TestDatabase]:
    """A copy of it, for this test alone."""
    with cloning(postgres, varied_template) as clone:
        yield clone()


def run_verify(database: TestDatabase, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--url", database.read_url, *arguments])


def findings_of(result: Result) -> list[str]:
    """The findings as they are printed, without what was expected and found."""
    return [line.split(":")[0] for line in result.stdout.splitlines() if line.startswith("wrong ")]


def test_sound_books_with_every_kind_of_history_verify_clean(books: TestDatabase):
    result = run_verify(books)
    assert findings_of(result) == []
    assert "verified: 73 entries of 14 accounts, nothing is wrong" in result.stdout
    assert result.exit_code == 0


def test_a_database_without_any_program_verifies_clean(database: TestDatabase):
    result = run_verify(database)
    assert result.exit_code == 0
    assert "there are no accounts" in result.stdout


def test_the_trial_balance_of_each_program_comes_to_zero(books: TestDatabase):
    lines = [line.split("\t") for line in run_verify(books).stdout.splitlines() if "\t" in line]
    header, *programs = lines
    assert header == [
        "program",
        "members",
        "issued",
        "redeemed",
        "expired",
        "taken_back",
        "given_back",
        "adjusted",
        "transferred",
        "merged",
        "total",
    ]
    assert [program for program in programs if program[0] != "club"] == [
        ["demo", "123", "-314", "75", "50", "100", "-70", "36", "0", "0", "0"],
        ["other", "8", "-11", "3", "0", "0", "0", "0", "0", "0", "0"],
        ["waiting", "62", "-84", "3", "0", "19", "0", "0", "0", "0", "0"],
        ["idle", "0", "-70", "40", "38", "0", "-8", "0", "0", "0", "0"],
    ]
    [club] = [program for program in programs if program[0] == "club"]
    assert club[-3:] == ["0", "0", "0"]


def test_one_program_and_one_account_are_verified_alone(books: TestDatabase):
    assert "73 entries" not in run_verify(books, "--program", "other").stdout
    assert "2 entries of 1 accounts" in run_verify(books, "--program", "other").stdout
    assert "3 entries of 1 accounts" in run_verify(books, "--account", "m-2").stdout


async def test_each_account_and_each_program_alone_verify_clean(books: TestDatabase):
    """What its books say of another account is not taken for wrong because the other one is not looked at."""
    async with Audit.open(books.read_url) as audit:
        everybody = [row for portion in [rows async for rows in audit.accounts(Scope())] for row in portion]
    assert len(everybody) == 14
    scopes = [Scope(row.program_id, row.account_id) for row in everybody]
    for scope in [*scopes, *(Scope(program_id) for program_id in {row.program_id for row in everybody})]:
        assert (await verified(books.read_url, scope)).findings_total == 0, scope


@pytest.fixture(scope="module")
def unguarded(postgres: TestServer, varied_template: str) -> Iterator[TestDatabase]:
    """A copy in which everything can be changed; whoever changes something takes it back."""
    with cloning(postgres, varied_template) as clone:
        database = clone()
        postgres.execute(UNGUARDED, database.name)
        yield database


@pytest.mark.parametrize("corruption", ALL, ids=[corruption.name for corruption in ALL])
async def test_a_corruption_is_found_and_named_with_its_place(unguarded: TestDatabase, corruption: Corruption):
    findings: list[Finding] = []
    connection = await asyncpg.connect(unguarded.owner_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(corruption.statement)
        audit = Audit(connection)
        slugs = await audit.programs()
        report = await verify(audit, Scope(), findings.append, lambda _entries: None)
        await transaction.rollback()
    finally:
        await connection.close()
    lines = [finding_line(finding, slugs) for finding in findings]
    where = f"program={corruption.program} {corruption.place}".strip()
    assert f"wrong {where} check={corruption.check}" in [line.split(":")[0] for line in lines], "\n".join(lines)
    assert report.findings_total == len(lines)


@pytest.mark.parametrize("corruption", [CORRUPTIONS[0], CORRUPTIONS_OF_LIFE[0]], ids=["points", "hold"])
def test_a_corruption_ends_the_command_with_1_and_a_line_for_each_finding(
    books: TestDatabase, postgres: TestServer, corruption: Corruption
):
    postgres.execute(f"BEGIN; {UNGUARDED} {corruption.statement}; COMMIT", books.name)
    result = run_verify(books)
    assert f"wrong program={corruption.program} {corruption.place} check={corruption.check}" in findings_of(result)
    assert result.exit_code == 1


def test_every_check_is_made_to_fail_by_a_corruption():
    assert {corruption.check for corruption in ALL} == set(CHECKS)
    assert len({corruption.name for corruption in ALL}) == len(ALL)


async def test_an_entry_changed_together_with_its_hash_breaks_the_chain_at_the_next_entry(
    books: TestDatabase, postgres: TestServer
):
    connection = await asyncpg.connect(books.owner_url)
    try:
        await connection.execute(UNGUARDED)
        rows = await connection.fetch(
            f"SELECT {ENTRY_COLUMNS} FROM ledger.entry AS e WHERE {DEMO} AND account_id = 'm-1' ORDER BY seq"
        )
        changed = replace(entry_of(rows[2], previous_hash=rows[1]["hash"]), reason="as agreed")
        await connection.execute(
            f"UPDATE ledger.entry SET reason = $1, hash = $2 WHERE {place_of('m-1', 3)}",
            changed.reason,
            chain_hash(changed),
        )
    finally:
        await connection.close()
    result = await asyncio.to_thread(run_verify, books)
    assert findings_of(result) == ["wrong program=demo account=m-1 seq=4 check=hash"]


def test_findings_go_on_after_the_first_and_are_all_counted_but_not_all_printed(
    books: TestDatabase, postgres: TestServer
):
    postgres.execute(
        "INSERT INTO ledger.lot (program_id, account_id, expires_at, available_at, remaining) "
        "SELECT 1, 'zoe', now() + day * interval '1 day', '-infinity', 5 FROM generate_series(1, 150) AS day",
        books.name,
    )
    result = run_verify(books)
    assert len(findings_of(result)) == 100
    assert "… and 51 more" in result.stdout
    assert "WRONG: 151 findings" in result.stdout
    assert result.exit_code == 1


def test_it_cannot_run_without_a_ledger_a_database_or_a_program_of_that_name(books: TestDatabase, postgres: TestServer):
    assert run_verify(books, "--program", "nobody").exit_code == 2
    elsewhere = [postgres.url("template1"), "postgresql://nobody@127.0.0.1:1/none", "mysql://there"]
    assert [CliRunner().invoke(app, ["--url", url]).exit_code for url in elsewhere] == [2, 2, 2]


def test_the_command_itself_ends_with_1_when_something_is_wrong(books: TestDatabase, postgres: TestServer):
    postgres.execute("UPDATE ledger.lot SET remaining = 1", books.name)
    command = [Path(sys.executable).with_name("ledger-service"), "verify"]
    environment = {"LEDGER_DATABASE_URL": books.service_url, "PATH": "/usr/bin"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "check=lot: expected 24 points" in ended.stdout
    assert "73 of 73 entries" in ended.stderr


async def verified(url: str, scope: Scope | None = None) -> Report:
    async with Audit.open(url) as audit:
        return await verify(audit, scope or Scope(), lambda _finding: None, lambda _entries: None)


async def test_what_is_posted_meanwhile_does_not_disturb_it(books: TestDatabase):
    """A snapshot taken before a posting knows nothing of it, in any of its streams."""
    async with Database.open(books.service_url) as database, Audit.open(books.read_url) as audit:
        entries_before = await audit.entries_total(Scope())
        program = await Programs(database).find("other")
        assert program is not None
        posted = await post(PostgresJournal(database), program.program_id, earn(5), earn(6, account_id="late"))
        assert len(posted) == 2
        report = await verify(audit, Scope(), lambda _finding: None, lambda _entries: None)
    assert (report.entries_total, report.findings_total) == (entries_before, 0)
    after = await verified(books.read_url)
    assert (after.entries_total, after.findings_total) == (entries_before + 2, 0)


async def write_long_account(database: TestDatabase, entries_total: int) -> None:
    """One account with as many entries, as the core makes them, loaded past the gate."""
    async with Database.open(database.service_url) as service:
        program_id = await create_program(service)
    program = ProgramState(program_id, ProgramSettings())
    account = AccountState(account_id="long", version=1)
    rows = []
    for _ in range(entries_total):
        earned = Posting("earn", 1, (movement(1),), "tests", None, NOON, lifetime_change=1)
        account, made = post_to(account, earned, program, NOON)
        rows.append(
            (
                *(program_id, "long", made.seq, "earn", 1, made.balance_after, made.available_after, 0, "tests", "{}"),
                *(movements_text(made.movements), 0, 1, NOON, NOON, made.hash),
            )
        )
    connection = await asyncpg.connect(database.owner_url)
    try:
        names = (
            "program_id account_id seq kind points balance_after available_after held_after source metadata movements"
        )
        columns = f"{names} written_off rule_version occurred_at recorded_at hash".split()
        await connection.copy_records_to_table("entry", schema_name="ledger", records=rows, columns=columns)
        await connection.execute(
            "INSERT INTO ledger.account VALUES ($1, 1, $2, $2, 0, 0, $2, NULL, $3, 'long', 'active', NULL, $4, '{}')",
            program_id,
            entries_total,
            NOON,
            account.head_hash,
        )
        await connection.execute(
            "INSERT INTO ledger.lot VALUES ($1, 'infinity', '-infinity', $2, 'long')", program_id, entries_total
        )
    finally:
        await connection.close()


async def test_memory_does_not_grow_with_the_number_of_entries(clone_database: Callable[[], TestDatabase]):
    peaks = []
    for entries_total in (6_000, 24_000):
        database = clone_database()
        await write_long_account(database, entries_total)
        tracemalloc.start()
        report = await verified(database.read_url)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (report.entries_total, report.findings_total) == (entries_total, 0)
    assert peaks[1] < 1.2 * peaks[0]
