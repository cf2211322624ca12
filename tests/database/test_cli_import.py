"""`ledger-service import purchases`: every basket an earn, once, whatever happens on the way."""

import csv
import gzip
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.database.programs import balance_of, get, made_program, run, running, serve_environment
from tests.servers import TestDatabase

HEADER = ["basket_id", "household_id", "store_id", "at", "lines", "amount", "retail_discount", "coupon_discount"]


@dataclass(frozen=True, slots=True)
class Service:
    """A running instance with an empty program."""

    url: str
    api_key: str

    def arguments(self, file: Path, *more: str) -> list[str]:
        return ["import", "purchases", "--file", str(file), "--url", self.url, "--api-key", self.api_key, *more]

    def balance(self, account_id: str) -> int:
        balance: int = balance_of(self.url, self.api_key, account_id)["balance"]
        return balance


@pytest.fixture
def service(database: TestDatabase, tmp_path: Path) -> Iterator[Service]:
    environment = serve_environment(database.service_url)
    api_key = made_program(environment)
    with running(["serve"], tmp_path / "serve.log", environment) as program:
        yield Service(program.line("listening on "), api_key)


def year(path: Path, baskets: int) -> Counter[str]:
    """Write a year of purchases; answer the whole points of each household."""
    chance = random.Random(baskets)
    points: Counter[str] = Counter()
    with gzip.open(path, "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for number in range(baskets):
            household = f"{min(int(chance.expovariate(0.05)), 150)}"
            amount = Decimal(chance.randrange(10_000)) / 100
            rows.writerow(
                [10_000 + number, household, 330, f"2017-01-01T11:{number % 60:02}:26Z", 1, amount, "0.00", ""]
            )
            points[household] += int(amount)
    return +points


def test_totals_by_household_are_those_of_the_file_and_a_second_run_posts_nothing(service: Service, tmp_path: Path):
    points = year(file := tmp_path / "year.csv.gz", baskets=1_200)

    first = run(service.arguments(file)).stdout.splitlines()
    totals = {household: service.balance(household) for household in points}
    second = run(service.arguments(file)).stdout.splitlines()

    assert totals == points
    assert "baskets read 1200" in first
    assert f"points {points.total()}" in first
    posted = int(next(line for line in first if line.startswith("posted now ")).removeprefix("posted now "))
    assert second[-1] == f"nothing to post: all {posted} baskets are already in the ledger"
    assert {household: service.balance(household) for household in points} == totals


def test_an_import_that_was_killed_goes_on_where_it_stopped(service: Service, tmp_path: Path):
    points = year(file := tmp_path / "year.csv.gz", baskets=6_000)
    busiest = points.most_common(1)[0][0]
    question = f"{service.url}/v1/accounts/{busiest}/balance"
    headers = {"Authorization": f"Bearer {service.api_key}"}
    with running(service.arguments(file, "--concurrency", "1"), tmp_path / "import.log") as program:
        while get(question, headers).json().get("balance", 0) == 0:
            pass
        program.signal(signal.SIGKILL)
        assert program.ended() == -signal.SIGKILL

    told = dict(line.rsplit(" ", 1) for line in run(service.arguments(file)).stdout.splitlines())

    assert int(told["already posted"]) > 0
    assert {household: service.balance(household) for household in points} == points


def test_any_csv_will_do_and_bad_rows_are_told_by_line_and_hinder_no_other(service: Service, tmp_path: Path):
    file = tmp_path / "tills.csv"
    file.write_text(
        "\ufeffbon;karte;summe\n"
        "B-1;c-1;10.50\n"
        "B-2;c-1;minus\n"
        "B-3;no card at all;5.00\n"
        "B-4;c-1;0.99\n"
        "B-5;c-1\n"
        "B-6;c-2;3.10\n",
        encoding="utf-8",
    )
    columns = ("--columns", "order=bon,account=karte,amount=summe", "--rate", "0.5", "--account-prefix", "card-")
    ended = run(service.arguments(file, *columns), expected=1)

    lines = ended.stdout.splitlines()
    assert [line for line in lines if line.startswith("line ")] == [
        "line 3: summe: 'minus' is not an amount of 0 or more",
        "line 4: karte: an account id is 1 to 64 of A-Z a-z 0-9 . _ ~ -",
        "line 6: 2 columns instead of 3",
    ]
    assert {"posted now 2", "skipped, worth no point 1", "failed 3"} < set(lines)
    assert (service.balance("card-c-1"), service.balance("card-c-2")) == (5, 1)


def test_a_second_import_at_another_rate_changes_nothing_and_says_why(service: Service, tmp_path: Path):
    file = tmp_path / "one.csv"
    file.write_text("basket_id,household_id,amount\nB-1,m-1,10.00\n")
    run(service.arguments(file))
    ended = run(service.arguments(file, "--rate", "2"), expected=1)
    assert "line 2: this order was posted before with other points" in ended.stdout
    assert service.balance("m-1") == 10


def test_dates_are_kept_when_they_are_asked_for(service: Service, tmp_path: Path):
    file = tmp_path / "old.csv"
    file.write_text("basket_id,household_id,amount,at\nB-1,m-1,10.00,1999-12-31\n")
    ended = run(service.arguments(file, "--keep-dates"), expected=1)
    assert "line 2:" in ended.stdout, "too far back for this program"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--file", "/nowhere.csv", "--api-key", "some-key"], "/nowhere.csv cannot be read"),
        (["--file", "{file}", "--api-key", "some-key", "--columns", "nonsense"], "order=COLUMN"),
        (["--file", "{file}", "--api-key", "some-key", "--rate", "-1"], "--rate"),
        (["--file", "{file}", "--api-key", "some-key", "--columns", "order=bon"], "has no column 'bon'"),
        (["--file", "{file}", "--data-dir", "/nowhere"], "--api-key"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(arguments: list[str], told: str, tmp_path: Path):
    file = tmp_path / "one.csv"
    file.write_text("basket_id,household_id,amount\nB-1,m-1,10.00\n")
    ended = run(["import", "purchases", *(part.format(file=file) for part in arguments)], expected=1)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_key_that_is_not_good_is_told_at_once(service: Service, tmp_path: Path):
    file = tmp_path / "one.csv"
    file.write_text("basket_id,household_id,amount\nB-1,m-1,10.00\n")
    wrong = Service(service.url, "lsk_live_unknown")
    assert "--api-key" in run(wrong.arguments(file), expected=1).stderr
