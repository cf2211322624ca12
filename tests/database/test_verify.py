"""`ledger-service verify`: sound books pass, and whatever was done to them behind the gate's back is named."""

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from ledger_service.cli.verify import app
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
from ledger_service.upkeep.findings import CHECKS
from ledger_service.upkeep.verification import Report, verify
from tests.builders import NOON, earn, movement
from tests.servers import TestDatabase, TestServer, cloning
from tests.varied_books import create_program, post, write_varied_books


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
    assert "verified: 19 entries of 5 accounts, nothing is wrong" in result.stdout
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
        "total",
    ]
    assert programs == [
        ["demo", "123", "-314", "75", "50", "100", "-70", "36", "0"],
        ["other", "8", "-11", "3", "0", "0", "0", "0", "0"],
    ]


def test_one_program_and_one_account_are_verified_alone(books: TestDatabase):
    assert "19 entries" not in run_verify(books, "--program", "other").stdout
    assert "2 entries of 1 accounts" in run_verify(books, "--program", "other").stdout
    assert "3 entries of 1 accounts" in run_verify(books, "--account", "m-2").stdout


class Corruption(NamedTuple):
    """Something done to the books by someone who can do anything to the database."""

    name: str
    statement: str
    place: str
    check: str


DEMO = "program_id = (SELECT program_id FROM ledger.program WHERE slug = 'demo')"


def entry(account_id: str, seq: int) -> str:
    return f"{DEMO} AND account_id = '{account_id}' AND seq = {seq}"


def change_entry(account_id: str, seq: int, change: str) -> str:
    return f"UPDATE ledger.entry SET {change} WHERE {entry(account_id, seq)}"


def change_account(change: str) -> str:
    return f"UPDATE ledger.account SET {change} WHERE {DEMO} AND account_id = 'm-1'"


ZEROS = "decode(repeat('00', 32), 'hex')"
FIRST, THIRD, FOURTH, SIXTH, LAST = (f"account=m-1 seq={seq}" for seq in (1, 3, 4, 6, 11))

CORRUPTIONS = [
    Corruption("points", change_entry("m-1", 3, "points = points + 1"), THIRD, "balance_after"),
    Corruption("points_hash", change_entry("m-1", 3, "points = points + 1"), THIRD, "hash"),
    Corruption("points_total", change_entry("m-1", 3, "points = points + 1"), "", "trial_balance"),
    Corruption("balance_after", change_entry("m-1", 3, "balance_after = balance_after - 1"), THIRD, "balance_after"),
    Corruption("available_after", change_entry("m-1", 3, "available_after = 5"), THIRD, "available_after"),
    Corruption("held_after", change_entry("m-1", 3, "held_after = 1"), THIRD, "held_after"),
    Corruption("reason", change_entry("m-1", 3, "reason = 'as agreed'"), THIRD, "hash"),
    Corruption("metadata", change_entry("m-1", 3, "metadata = '{\"a\": 1}'"), THIRD, "hash"),
    Corruption("recorded_at", change_entry("m-1", 3, "recorded_at = recorded_at - interval '1 day'"), THIRD, "hash"),
    Corruption("rule_version", change_entry("m-1", 3, "rule_version = 9"), THIRD, "rule_version"),
    Corruption("kind", change_entry("m-1", 3, "kind = 'redeem'"), THIRD, "kind"),
    Corruption("unknown_kind", change_entry("m-1", 3, "kind = 'gift'"), THIRD, "kind"),
    Corruption("reverses", change_entry("m-1", 3, "reverses_seq = 1"), THIRD, "kind"),
    Corruption("not_movements", change_entry("m-1", 3, "movements = '[[1]]'"), THIRD, "readable"),
    Corruption("a_date_no_one_can_read", change_entry("m-1", 3, "expires_at = 'infinity'"), THIRD, "readable"),
    Corruption("lot_overdrawn", change_entry("m-1", 4, "movements = '[[null,null,-700]]'"), FOURTH, "lot_below_zero"),
    Corruption(
        "pending_redeemed",
        change_entry("m-1", 4, "movements = '[[1797076800000000,1796472000000000,-30],[null,null,-40]]'"),
        FOURTH,
        "lot_dates",
    ),
    Corruption("expired_early", change_entry("m-1", 8, "occurred_at = 'epoch'"), "account=m-1 seq=8", "lot_dates"),
    Corruption("earned_into_no_lot", change_entry("m-1", 3, "movements = '[]'"), THIRD, "debt"),
    Corruption(
        "debt_beside_points", change_entry("m-2", 2, "movements = '[[null,null,-19]]'"), "account=m-2 seq=2", "debt"
    ),
    Corruption("entry_deleted", f"DELETE FROM ledger.entry WHERE {entry('m-1', 3)}", FOURTH, "seq"),
    Corruption("first_entry_deleted", f"DELETE FROM ledger.entry WHERE {entry('m-1', 1)}", "account=m-1 seq=2", "seq"),
    Corruption(
        "last_entry_deleted", f"DELETE FROM ledger.entry WHERE {entry('m-1', 11)}", "account=m-1", "account_row"
    ),
    Corruption("last_entry_gone", f"DELETE FROM ledger.entry WHERE {entry('m-1', 11)}", LAST, "posted_outcome"),
    Corruption(
        "two_entries_swapped",
        ";".join(change_entry("m-1", was, f"seq = {becomes}") for was, becomes in ((3, 99), (4, 3), (99, 4))),
        THIRD,
        "hash",
    ),
    Corruption(
        "entry_made_up",
        "INSERT INTO ledger.entry SELECT program_id, 12, points, balance_after, available_after, held_after, "
        "written_off, reverses_seq, occurred_at, recorded_at, available_at, expires_at, xid, rule_version, account_id, "
        "kind, source, 'made-up', NULL, transfer_id, reason, metadata, movements, hash FROM ledger.entry "
        f"WHERE {entry('m-1', 3)}",
        "account=m-1 seq=12",
        "hash",
    ),
    Corruption("account_balance", change_account("balance = balance + 1"), "account=m-1", "account_row"),
    Corruption("account_balance_total", change_account("balance = balance + 1"), "", "trial_balance"),
    Corruption("account_seq", change_account("seq = seq + 1"), "account=m-1", "account_row"),
    Corruption("account_held", change_account("held = 1"), "account=m-1", "account_row"),
    Corruption("account_debt", change_account("debt = 1"), "account=m-1", "account_row"),
    Corruption("account_lifetime", change_account("lifetime_points = 0"), "account=m-1", "account_row"),
    Corruption("account_due", change_account("next_due_at = NULL"), "account=m-1", "account_row"),
    Corruption("account_hash", change_account(f"head_hash = {ZEROS}"), "account=m-1", "account_row"),
    Corruption(
        "account_deleted", f"DELETE FROM ledger.account WHERE {DEMO} AND account_id = 'm-3'", "account=m-3", "account"
    ),
    Corruption(
        "lot_changed", f"UPDATE ledger.lot SET remaining = 1 WHERE {DEMO} AND account_id = 'm-2'", "account=m-2", "lot"
    ),
    Corruption("lot_deleted", f"DELETE FROM ledger.lot WHERE {DEMO} AND account_id = 'm-2'", "account=m-2", "lot"),
    Corruption(
        "lot_made_up",
        "INSERT INTO ledger.lot (program_id, account_id, expires_at, available_at, remaining) "
        f"SELECT program_id, 'm-2', now(), '-infinity', 5 FROM ledger.program WHERE {DEMO}",
        "account=m-2",
        "lot",
    ),
    Corruption(
        "lots_of_nobody",
        "INSERT INTO ledger.lot (program_id, account_id, expires_at, available_at, remaining) "
        f"SELECT program_id, 'zoe', 'infinity', '-infinity', 5 FROM ledger.program WHERE {DEMO}",
        "account=zoe",
        "account",
    ),
    Corruption(
        "outcome_deleted", "DELETE FROM ledger.outcome WHERE idempotency_key = 'first'", FIRST, "posted_outcome"
    ),
    Corruption(
        "outcome_of_another_entry",
        "UPDATE ledger.outcome SET seq = 3 WHERE idempotency_key = 'first'",
        FIRST,
        "posted_outcome",
    ),
    Corruption(
        "outcome_refused",
        "UPDATE ledger.outcome SET form = 'refused', detail = '{}' WHERE idempotency_key = 'first'",
        FIRST,
        "posted_outcome",
    ),
    Corruption(
        "repeated_nothing",
        "UPDATE ledger.outcome SET seq = 77 WHERE form = 'repeated'",
        "account=m-1 seq=77",
        "repeated_outcome",
    ),
    Corruption(
        "answered_about_nobody",
        "UPDATE ledger.outcome SET account_id = 'zoe' WHERE form = 'together'",
        "account=zoe",
        "outcome_account",
    ),
    Corruption("taken_back_too_much", change_entry("m-1", 5, "written_off = 61"), FIRST, "reversal"),
    Corruption("given_back_an_earn", change_entry("m-1", 6, "reverses_seq = 3"), THIRD, "reversal"),
    Corruption("gave_back_nothing", change_entry("m-1", 6, "reverses_seq = 0"), "account=m-1 seq=0", "reversal"),
    Corruption("order_twice", change_entry("m-1", 3, "order_id = 'A-1'"), FIRST, "order"),
    Corruption("settings_deleted", f"DELETE FROM ledger.program_version WHERE {DEMO}", FIRST, "rule_version"),
    Corruption("settings_gone", f"DELETE FROM ledger.program_version WHERE {DEMO}", "", "settings"),
]

# Nothing of what keeps the books from being changed stands in the way.
UNGUARDED = """
ALTER TABLE ledger.entry DISABLE TRIGGER ALL; ALTER TABLE ledger.outcome DISABLE TRIGGER ALL;
ALTER TABLE ledger.program_version DISABLE TRIGGER ALL; ALTER TABLE ledger.account DISABLE TRIGGER ALL;
ALTER TABLE ledger.entry DROP CONSTRAINT entry_parts_add_up, DROP CONSTRAINT entry_sign_fits_kind;
ALTER TABLE ledger.entry DROP CONSTRAINT entry_check; DROP INDEX ledger.entry_order;
"""


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=[corruption.name for corruption in CORRUPTIONS])
def test_a_corruption_is_found_and_named_with_its_place(
    books: TestDatabase, postgres: TestServer, corruption: Corruption
):
    postgres.execute(f"BEGIN; {UNGUARDED} {corruption.statement}; COMMIT", books.name)
    result = run_verify(books)
    where = f"program=demo {corruption.place}".strip()
    assert f"wrong {where} check={corruption.check}" in findings_of(result), result.stdout
    assert result.exit_code == 1


def test_every_check_is_made_to_fail_by_a_corruption():
    assert {corruption.check for corruption in CORRUPTIONS} == set(CHECKS)


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
            f"UPDATE ledger.entry SET reason = $1, hash = $2 WHERE {entry('m-1', 3)}",
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
    assert "19 of 19 entries" in ended.stderr


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
