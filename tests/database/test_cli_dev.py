"""`ledger-service dev`, started, stopped, killed and started again."""

import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.database.programs import Running, Till, as_typed, balance_of, open_account, run, running

GIVEN_KEY = 'own-key$"with signs'.replace(" ", "'")
EARNS_UNTIL_KILL = 60


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of all tests here: making a new one takes seconds."""
    return tmp_path_factory.mktemp("dev") / "data"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "dev.log"


@pytest.fixture
def dev(data_dir: Path, log: Path) -> Iterator[Running]:
    with running(["dev", "--port", "0", "--data-dir", str(data_dir)], log) as program:
        yield program


def pasted(line: str) -> dict[str, object]:
    """What a line prints that is pasted into a shell."""
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(ended.stdout)
    return answer


def test_the_calls_it_prints_work_when_they_are_pasted(data_dir: Path, log: Path):
    with running(["dev", "--port", "0", "--data-dir", str(data_dir)], log, start=as_typed) as dev:
        dev.line("listening on ")
        earn, redeem, balance = (f"curl {dev.line('curl ')}" for _ in range(3))
        assert pasted(earn)["points"] == 120
        assert pasted(redeem)["points"] == -50
        assert pasted(balance)["available"] == 70
        assert pasted(earn)["seq"] == 1, "the same line again is the same earn"
        dev.signal(signal.SIGINT)
        assert dev.ended() == 0


def test_a_second_start_goes_on_with_the_same_key_and_the_same_data(dev: Running, data_dir: Path, log: Path):
    url, api_key = dev.line("listening on "), dev.line("api key ")
    open_account(url, api_key, "kept-1")
    assert Till(url, api_key).earn("kept-1", 5, "kept-earn").status == 201
    assert dev.stop() == 0
    with running(["dev", "--port", "0", "--data-dir", str(data_dir)], log) as again:
        url = again.line("listening on ")
        assert again.line("api key ") == api_key
        assert balance_of(url, api_key, "kept-1")["balance"] == 5


def test_what_only_the_owner_may_know_only_the_owner_can_read(dev: Running, data_dir: Path):
    dev.line("api key ")
    modes = {name: stat.S_IMODE(os.stat(data_dir / name).st_mode) for name in ("api-key", "secret", "service-password")}
    assert set(modes.values()) == {0o600}, modes


def test_after_a_kill_no_acknowledged_earn_is_lost(dev: Running, data_dir: Path, log: Path):
    url, api_key = dev.line("listening on "), dev.line("api key ")
    open_account(url, api_key, "killed-1")
    till = Till(url, api_key)
    acknowledged = []
    for number in range(EARNS_UNTIL_KILL * 10):
        try:
            response = till.earn("killed-1", 1, f"killed-{number}")
        except OSError:
            break
        assert response.status == 201
        acknowledged.append(f"killed-{number}")
        if len(acknowledged) == EARNS_UNTIL_KILL:
            dev.signal(signal.SIGKILL)
    assert dev.ended() == -signal.SIGKILL

    with running(["dev", "--port", "0", "--data-dir", str(data_dir)], log) as again:
        url = again.line("listening on ")
        till = Till(url, api_key)
        for key in acknowledged:
            response = till.earn("killed-1", 1, key)
            assert (response.status, response.getheader("idempotent-replayed")) == (201, "true")
        assert len(acknowledged) <= balance_of(url, api_key, "killed-1")["balance"] <= len(acknowledged) + 1


def test_a_postgres_that_is_killed_comes_back_and_every_earn_is_posted_once(dev: Running, data_dir: Path):
    url, api_key = dev.line("listening on "), dev.line("api key ")
    open_account(url, api_key, "survivor-1")
    postmaster = int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    till = Till(url, api_key)
    statuses: list[int] = []
    while "starting it again" not in dev.log.read_text() or statuses[-1] != 201:
        statuses.append(till.earn("survivor-1", 1, f"survivor-{len(statuses)}").status)
    assert set(statuses) <= {201, 503}
    for number in range(len(statuses)):
        while till.earn("survivor-1", 1, f"survivor-{number}").status == 503:
            pass
    assert balance_of(url, api_key, "survivor-1")["balance"] == len(statuses)


def test_a_given_key_becomes_the_key_and_stays_it(data_dir: Path, log: Path):
    arguments = ["dev", "--port", "0", "--data-dir", str(data_dir)]
    with running([*arguments, "--api-key", GIVEN_KEY], log) as program:
        url = program.line("listening on ")
        assert program.line("api key ") == GIVEN_KEY
        assert pasted(f"curl {program.line('curl ')}")["kind"] == "earn"
        programs = httpx2.get(f"{url}/v1/programs", headers={"Authorization": f"Bearer {GIVEN_KEY}"})
        assert programs.status_code == 200, "it may what an operator may"
        assert program.stop() == 0
    with running(arguments, log) as program:
        assert program.line("api key ") == GIVEN_KEY


def test_a_data_directory_in_use_is_told_and_left_alone(dev: Running, data_dir: Path):
    url = dev.line("listening on ")
    ended = run(["dev", "--port", "0", "--data-dir", str(data_dir)], expected=1)
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert httpx2.get(f"{url}/readyz").status_code == 200


def test_a_taken_port_is_told_with_the_way_out(dev: Running, tmp_path: Path):
    port = dev.line("listening on ").rpartition(":")[2]
    ended = run(["dev", "--port", port, "--data-dir", str(tmp_path / "other")], expected=1)
    assert "--port 0" in ended.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("api_key", ["short", "with space", "ümlaut-key", "k" * 257])
def test_a_key_that_cannot_be_sent_is_refused(api_key: str, tmp_path: Path):
    ended = run(["dev", "--data-dir", str(tmp_path / "data"), "--api-key", api_key], expected=1)
    assert "visible ASCII" in ended.stderr


def test_seeding_makes_believable_accounts_once(data_dir: Path, log: Path):
    arguments = ["dev", "--port", "0", "--data-dir", str(data_dir), "--seed"]
    balances = []
    for _ in range(2):
        with running(arguments, log) as program:
            url, api_key = program.line("listening on "), program.line("api key ")
            account_id = str(re.search(r"/accounts/([^/]+)/earn", program.line("curl "))[1])  # type: ignore[index]
            balances.append(balance_of(url, api_key, account_id))
            assert program.stop() == 0
    assert balances[0]["available"] > 1000
    assert balances[0]["seq"] > 100
    assert balances[0]["seq"] == balances[1]["seq"]
