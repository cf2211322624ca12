"""Serving and stopping, with real processes, connections and signals."""

import signal
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.database.programs import (
    LINE_SECONDS_MAX,
    Running,
    Till,
    balance_of,
    made_program,
    open_account,
    running,
    serve_environment,
)
from tests.servers import TestServer, cloning

TILLS = 8
EARNS_UNTIL_STOP = 200


@pytest.fixture(scope="module")
def environment(postgres: TestServer, template_database: str) -> Iterator[dict[str, str]]:
    """The settings of instances on one database."""
    with cloning(postgres, template_database) as clone:
        yield serve_environment(clone().service_url, LEDGER_ADMIN_PORT="0")


@pytest.fixture(scope="module")
def api_key(environment: dict[str, str]) -> str:
    return made_program(environment)


@pytest.fixture
def instance(environment: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """An instance to be stopped."""
    with running(["serve"], tmp_path / "serve.log", environment) as program:
        yield program


@pytest.fixture(scope="module")
def standing(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where an instance that nobody stops listens: its main port and its admin port."""
    with running(["serve"], tmp_path_factory.mktemp("standing") / "serve.log", environment) as program:
        yield program.line("listening on "), program.line("admin on ")


class UnfinishedEarn:
    """An earn of which the service has the head and half of the body, and is known to wait for the rest."""

    BODY = b'{"points":70}'

    def __init__(self, url: str, api_key: str, account_id: str, key: str) -> None:
        parts = urlsplit(url)
        self.connection = socket.create_connection((parts.hostname, parts.port), timeout=LINE_SECONDS_MAX)
        head = (
            f"POST /v1/accounts/{account_id}/earn HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer {api_key}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(self.BODY)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        self.connection.sendall(head.encode())
        assert self.connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        self.connection.sendall(self.BODY[:5])

    def finish(self) -> HTTPResponse:
        self.connection.sendall(self.BODY[5:])
        response = HTTPResponse(self.connection)
        response.begin()
        response.read()
        return response


def wait_until_refused(url: str) -> None:
    """Return once nobody listens there any more."""
    parts = urlsplit(url)
    while True:
        try:
            socket.create_connection((parts.hostname, parts.port), timeout=LINE_SECONDS_MAX).close()
        except ConnectionError:
            return


def test_a_stop_under_load_cuts_no_request_and_loses_no_earn(instance: Running, api_key: str):
    url = instance.line("listening on ")
    open_account(url, api_key, "m-1")
    acknowledged: list[int] = []
    wrong: list[object] = []
    enough = threading.Event()

    def sell(till: int) -> None:
        connection = Till(url, api_key)
        try:
            for number in range(1_000_000):
                response = connection.earn("m-1", 1, f"till-{till}-{number}")
                if response.status != 201:
                    wrong.append(response.status)
                    return
                acknowledged.append(1)
                if len(acknowledged) >= EARNS_UNTIL_STOP:
                    enough.set()
                if response.will_close:
                    return
        except (OSError, EOFError) as cut:
            wrong.append(cut)
        finally:
            enough.set()

    tills = [threading.Thread(target=sell, args=(till,)) for till in range(TILLS)]
    for till in tills:
        till.start()
    assert enough.wait(LINE_SECONDS_MAX)
    assert instance.stop() == 0
    for till in tills:
        till.join()

    assert wrong == []
    assert len(acknowledged) >= EARNS_UNTIL_STOP
    with running(["serve"], instance.log, instance.environment) as again:
        assert balance_of(again.line("listening on "), api_key, "m-1")["balance"] == len(acknowledged)


def test_a_stop_finishes_a_request_it_has_begun_however_often_it_is_told_to_stop(instance: Running, api_key: str):
    url = instance.line("listening on ")
    open_account(url, api_key, "m-2")
    earn = UnfinishedEarn(url, api_key, "m-2", "unfinished-2")
    instance.signal(signal.SIGTERM)
    wait_until_refused(url)
    instance.signal(signal.SIGTERM)
    instance.signal(signal.SIGINT)

    response = earn.finish()

    assert response.status == 201
    assert response.getheader("connection") == "close"
    assert instance.ended() == 0


def test_while_stopping_it_lives_but_is_not_ready(instance: Running, api_key: str):
    url, admin = instance.line("listening on "), instance.line("admin on ")
    assert httpx2.get(f"{admin}/readyz").status_code == 200
    open_account(url, api_key, "m-3")
    earn = UnfinishedEarn(url, api_key, "m-3", "unfinished-3")
    instance.signal(signal.SIGTERM)
    wait_until_refused(url)

    assert httpx2.get(f"{admin}/livez").status_code == 200
    assert httpx2.get(f"{admin}/readyz").status_code == 503

    assert earn.finish().status == 201
    assert instance.ended() == 0


def test_a_caller_that_never_finishes_does_not_keep_it_from_stopping(
    environment: dict[str, str], api_key: str, tmp_path: Path
):
    with running(["serve"], tmp_path / "serve.log", environment | {"LEDGER_DRAIN_SECONDS_MAX": "0.1"}) as instance:
        url = instance.line("listening on ")
        UnfinishedEarn(url, api_key, "m-4", "unfinished-4")
        assert instance.stop() == 0


def test_with_an_admin_port_the_main_port_has_no_probes_metrics_or_docs(standing: tuple[str, str]):
    main, admin = standing
    paths = ("/livez", "/readyz", "/startupz", "/metrics", "/docs", "/openapi.json")
    assert {path: httpx2.get(main + path).status_code for path in paths} == dict.fromkeys(paths, 404)
    assert {path: httpx2.get(admin + path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_it_exports_its_version_and_how_late_its_loop_is(standing: tuple[str, str]):
    metrics = httpx2.get(f"{standing[1]}/metrics").text
    assert 'ledger_build_info{version="' in metrics
    assert "ledger_event_loop_lag_seconds " in metrics


@pytest.mark.parametrize("port", [0, 1])
def test_an_answer_does_not_say_what_server_gave_it(standing: tuple[str, str], port: int):
    assert "server" not in httpx2.get(f"{standing[port]}/livez").headers
