"""`ledger-service upkeep`: due work done from the command line, once or until it is stopped."""

import asyncio
import signal
from pathlib import Path

import asyncpg
import httpx2
import pytest

from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from tests.builders import DAY, NOON, earn
from tests.database.programs import as_typed, run, running
from tests.servers import TestDatabase
from tests.varied_books import create_program, post, set_clock
from tests.verified import assert_verifies

ACCOUNTS_TOTAL = 300


@pytest.fixture
def environment(database: TestDatabase) -> dict[str, str]:
    """Books with points of many accounts that expire on the next day. The secret is not needed here."""
    asyncio.run(write_books(database))
    return {"LEDGER_DATABASE_URL": database.service_url}


async def write_books(where: TestDatabase) -> None:
    async with Database.open(where.service_url) as database:
        program_id = await create_program(database)
        accounts = [f"m-{number}" for number in range(ACCOUNTS_TOTAL)]
        batch = [earn(10, account_id=account_id, expires_at=NOON + DAY) for account_id in accounts]
        await post(PostgresJournal(database), program_id, *batch)


def move_clock(where: TestDatabase) -> None:
    """To where all points are gone."""
    asyncio.run(set_clock(where, 1, NOON + DAY))


async def expired(where: TestDatabase) -> int:
    owner = await asyncpg.connect(where.owner_url)
    try:
        found: int = await owner.fetchval("SELECT count(*) FROM ledger.entry WHERE kind = 'expire'")
    finally:
        await owner.close()
    return found


def test_what_is_due_now_is_done_once_and_told_in_one_line(environment: dict[str, str], database: TestDatabase):
    assert run(["upkeep", "--once"], environment).stdout == "settled 0 of 0 accounts with due work\n"
    move_clock(database)
    assert run(["upkeep", "--once"], environment).stdout == "settled 300 of 300 accounts with due work\n"
    assert run(["upkeep", "--once"], environment).stdout == "settled 0 of 0 accounts with due work\n"
    assert asyncio.run(expired(database)) == ACCOUNTS_TOTAL
    asyncio.run(assert_verifies(database.read_url))


def test_it_goes_on_until_it_is_stopped_and_shows_its_metrics(
    environment: dict[str, str], database: TestDatabase, tmp_path: Path
):
    arguments = ["upkeep", "--interval", "0.1", "--metrics-port", "0"]
    with running(arguments, tmp_path / "upkeep.log", environment, as_typed) as program:
        metrics = program.line("metrics ")
        program.line("sweeping every 0.1 seconds")
        move_clock(database)
        program.line("settled ")
        shown = httpx2.get(metrics).text
        assert program.stop() == 0
    assert 'ledger_swept_accounts_total{result="settled"}' in shown
    assert "ledger_due_oldest_age_seconds" in shown


def test_one_that_was_killed_in_the_middle_leaves_nothing_half_done(
    environment: dict[str, str], database: TestDatabase, tmp_path: Path
):
    """However far it came: the next one does the rest, and nothing twice."""
    move_clock(database)
    with running(["upkeep", "--interval", "60"], tmp_path / "upkeep.log", environment) as program:
        program.line("sweeping every 60 seconds")
        program.signal(signal.SIGKILL)
        assert program.ended() == -signal.SIGKILL
    done = asyncio.run(expired(database))
    told = run(["upkeep", "--once"], environment).stdout
    assert told == f"settled {ACCOUNTS_TOTAL - done} of {ACCOUNTS_TOTAL - done} accounts with due work\n"
    assert asyncio.run(expired(database)) == ACCOUNTS_TOTAL
    asyncio.run(assert_verifies(database.read_url))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"LEDGER_DATABASE_URL": ""}, "LEDGER_DATABASE_URL"),
        ({"LEDGER_DATABASE_URL": "mysql://ledger"}, "postgresql://"),
        ({"LEDGER_DATABASE_URL": "postgresql://ledger_service:no@127.0.0.1:1/ledger"}, "database"),
        ({"LEDGER_DATABASE_URL": "postgresql://a@127.0.0.1:1/b", "LEDGER_LANES": "many"}, "LEDGER_LANES"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(wrong: dict[str, str], told: str):
    ended = run(["upkeep", "--once"], wrong, expected=1)
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
