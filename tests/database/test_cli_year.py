"""`ledger-service year`: a few weeks of made-up purchases, lived once, however often the command was run for it."""

import csv
import json
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.database.programs import as_typed, get, made_program, run, running, serve_environment
from tests.servers import TestDatabase

BEGIN = datetime(2017, 3, 6, 12, tzinfo=UTC)
"""Daylight saving time begins a week later, a quarter four weeks later."""

DAYS = 30
BASKETS_TOTAL = 1_500
HOUSEHOLDS_TOTAL = 12


@dataclass(frozen=True, slots=True)
class Service:
    """A running instance, an operator's key, and a file of purchases."""

    url: str
    api_key: str
    read_url: str
    directory: Path
    points_least: int
    """A point for each full dollar: tiers and campaigns only add to these."""

    def arguments(self, program: str) -> list[str]:
        where = ["--url", self.url, "--api-key", self.api_key, "--read-url", self.read_url, "--program", program]
        kept = ["--state", str(self.directory / f"{program}.key"), "--report", str(self.directory / f"{program}.md")]
        files = ["--file", str(self.directory / "year.csv"), "--lines", str(self.directory / "lines.jsonl")]
        return ["year", *files, *where, *kept]

    def total(self, program: str) -> int:
        """The points of all members, in a program that there may not be yet."""
        kept = self.directory / f"{program}.key"
        if not kept.is_file():
            return 0
        headers = {"Authorization": f"Bearer {kept.read_text().strip()}"}
        answer = get(f"{self.url}/v1/reports/trial-balance", headers)
        return next((one["points"] for one in answer.json().get("accounts", []) if one["name"] == "members"), 0)


@pytest.fixture
def service(database: TestDatabase, tmp_path: Path) -> Iterator[Service]:
    environment = serve_environment(database.service_url)
    made_program(environment)
    arguments = ["keys", "create", "--program", "shop", "--source", "head-office", "--scope", "operator"]
    api_key = run(arguments, environment).stdout.split()[-1]
    points = write_purchases(tmp_path)
    with running(["serve"], tmp_path / "serve.log", environment) as program:
        yield Service(program.line("listening on "), api_key, database.read_url, tmp_path, points)


def write_purchases(directory: Path) -> int:
    """Write baskets, and the lines of every third; answer the full dollars of all."""
    chance = random.Random(BASKETS_TOTAL)
    seconds = sorted(chance.randrange(DAYS * 86_400) for _ in range(BASKETS_TOTAL))
    points = 0
    with (directory / "year.csv").open("w", newline="") as baskets, (directory / "lines.jsonl").open("w") as lines:
        rows = csv.writer(baskets)
        rows.writerow(["basket_id", "household_id", "store_id", "at", "lines", "amount"])
        for number, second in enumerate(seconds):
            milk, other = Decimal(chance.randrange(1_000)) / 100, Decimal(chance.randrange(9_000)) / 100
            bought_at = (BEGIN + timedelta(seconds=second)).isoformat()
            rows.writerow([10_000 + number, chance.randrange(HOUSEHOLDS_TOTAL), 330, bought_at, 2, milk + other])
            points += int(milk + other)
            if number % 3 == 0:
                sold = [("1", "FLUID MILK PRODUCTS", 1, milk), ("2", "BEEF", 0, other), ("3", "BAGS", 2, Decimal(0))]
                documents = [
                    {"sku": sku, "category": category, "quantity": quantity, "amount": f"{amount:.2f}"}
                    for sku, category, quantity, amount in sold
                ]
                lines.write(json.dumps({"basket_id": f"{10_000 + number}", "lines": documents}) + "\n")
    return points


def test_a_year_adds_up_and_one_that_was_killed_and_gone_on_with_comes_to_the_same_numbers(service: Service):
    lines = run(service.arguments("whole"), start=as_typed).stdout.splitlines()

    told = dict(line.rsplit(" ", 1) for line in lines)
    assert told["earn"] == str(BASKETS_TOTAL)
    assert int(told["roll-forward issued"]) > service.points_least
    assert all(int(told[verb]) > 0 for verb in ("redeem", "hold", "capture", "release", "refund"))
    assert sum(line.startswith("holds: ") for line in lines) == 12
    assert not [line for line in lines if line.startswith(("WRONG", "refused"))]
    assert lines[-1].endswith(f" entries of {HOUSEHOLDS_TOTAL} accounts, nothing is wrong")

    with running(service.arguments("killed"), service.directory / "killed.log") as program:
        while service.total("killed") < service.points_least // 3:
            assert program.process.poll() is None
        program.signal(signal.SIGKILL)
        assert program.ended() == -signal.SIGKILL
    assert service.total("killed") < service.points_least * 4 // 5

    assert run(service.arguments("killed")).stdout.splitlines() == lines
    pages = [(service.directory / f"{program}.md").read_text() for program in ("whole", "killed")]
    assert pages[0] == pages[1]


def test_books_that_cannot_be_verified_cost_nobody_the_rest_of_the_report(service: Service):
    (service.directory / "year.csv").write_text("basket_id,household_id,at,amount\nB-1,9,2017-03-12T12:00:00Z,12.50\n")
    elsewhere = [*service.arguments("small"), "--read-url", "postgresql://nobody@127.0.0.1:1/ledger"]
    lines = run(elsewhere, expected=1).stdout.splitlines()
    assert "roll-forward issued 12" in lines
    assert lines[-1].startswith("not verified: ")
    assert "roll-forward" in (service.directory / "small.md").read_text().lower()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--file", "/nowhere.csv", "--api-key", "some-key", "--state", "/nowhere.key"], "/nowhere.csv cannot be read"),
        (["--file", "/nowhere.csv", "--api-key", "some-key", "--program", "My Shop"], "is no slug"),
        (["--file", "/nowhere.csv", "--api-key", "some-key", "--data-dir", "/nowhere"], "dev"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(arguments: list[str], told: str):
    ended = run(["year", *arguments], expected=1)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
