"""Bad headers, paths and queries: a problem of the catalogue that fits, and nothing is written."""

import json

import pytest

from tests.contracts.conftest import Served
from tests.contracts.operations import (
    ADJUST,
    ATTACH,
    BULK,
    EARN,
    OPEN,
    OPERATIONS,
    PROGRAM,
    REDEEM,
    REVERSE,
    SQL,
    STATUS,
    WITH_KEY,
    assert_problem,
)
from tests.wire import Wire

pytestmark = pytest.mark.usefixtures("nothing_is_written")


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml",
        "application/json; charset=latin-1",
        "application/json, text/plain",
        SQL,
    ],
)
async def test_a_body_that_does_not_say_it_is_json_is_not_read(served: Served, kind: str | None):
    for operation in OPERATIONS:
        answer = await operation.send(served, json.dumps(operation.body).encode(), content_type=kind)
        assert_problem(answer, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body_is_not_read(served: Served, encoding: str):
    for operation in OPERATIONS:
        answer = await operation.send(served, b"\x1f\x8b", content_encoding=encoding)
        assert_problem(answer, "unsupported_media_type")


async def test_a_change_without_a_key_is_not_made(served: Served):
    for operation in WITH_KEY:
        answer = await operation.send(served, json.dumps(operation.body).encode(), idempotency_key=None)
        assert_problem(answer, "idempotency_key_missing")


@pytest.mark.parametrize(
    "key",
    ["", '""', " ", "two words", "a\tb", "k" * 256, '"' + "k" * 256 + '"', "k" * 300, "k" * 8000, "schlüssel", SQL],
    ids=lambda key: repr(key)[:24],
)
async def test_a_key_that_cannot_be_kept_is_refused(served: Served, key: str):
    for operation in WITH_KEY:
        answer = await operation.send(served, json.dumps(operation.body).encode(), idempotency_key=key)
        assert_problem(answer, "idempotency_key_invalid")


PATH_IDS = {
    "SQL": "'%3B%20DROP%20TABLE%20ledger.entry%3B%20--",
    "a NUL": "m-1%00",
    "an escaped slash": "m-1%2Fentries",
    "the folder above": "..%2F..%2Fetc%2Fpasswd",
    "dots": "..",
    "10,000 characters": "a" * 10_000,
    "65 characters": "a" * 65,
    "bad UTF-8": "%ff%fe",
    "an umlaut": "m%C3%BC",
    "a space": "m%201",
    "a line feed": "m-1%0a",
    "a wildcard": "%25",
    "an open escape": "m-1%",
    "nothing": "%20",
}
BELOW_ACCOUNT = (
    ("GET", "", None),
    ("GET", "/balance", None),
    ("GET", "/entries", None),
    ("GET", "/entries/1", None),
    ("GET", "/lots", None),
    ("POST", "/earn", EARN.body),
    ("POST", "/redeem", REDEEM.body),
    ("POST", "/adjust", ADJUST.body),
    ("POST", "/entries/1/reverse", REVERSE.body),
    ("POST", "/status", STATUS.body),
    ("POST", "/identifiers", ATTACH.body),
    ("DELETE", "/identifiers/idn_1", None),
)


@pytest.mark.parametrize("account_id", PATH_IDS.values(), ids=PATH_IDS.keys())
async def test_an_account_id_that_cannot_be_is_not_found(served: Served, account_id: str):
    for method, below, body in BELOW_ACCOUNT:
        content = None if body is None else json.dumps(body).encode()
        answer = await served.ask(method, f"/v1/accounts/{account_id}{below}", content)
        assert_problem(answer, "account_not_found", "not_found", "method_not_allowed")
    for path in (f"/v1/keys/{account_id}", f"/v1/accounts/m-1/identifiers/{account_id}"):
        assert_problem(await served.ask("DELETE", path), "not_found", "method_not_allowed")


@pytest.mark.parametrize("seq", ["0", "-1", "1.0", "1e0", "abc", "%00", "9" * 16, "9" * 400, "1%27--", "%D9%A1"])
async def test_a_seq_that_cannot_be_is_not_found(served: Served, seq: str):
    path = f"/v1/accounts/m-1/entries/{seq}"
    assert_problem(await served.ask("GET", path), "entry_not_found")
    assert_problem(await served.ask("POST", f"{path}/reverse", json.dumps(REVERSE.body).encode()), "entry_not_found")


QUERIES = [
    *(
        f"/v1/accounts/m-1/entries?{query}"
        for query in (
            *(f"limit={bad}" for bad in ("0", "-1", "201", "1e1", "abc", "9" * 30, "", "%00", "1;DROP")),
            *(f"cursor={bad}" for bad in ("x", "", "%00", "a" * 300, "AAAA.BBBB", "'%3B--", "%F0%9F%92%A9", "%ff")),
            *(f"kind={bad}" for bad in ("x", "", "earn%00", "'%3B--")),
            *(f"order_id={bad}" for bad in ("", "a%00b", "a" * 129)),
            *(f"from={bad}" for bad in ("x", "2026-01-01", "0000-00-00T00:00:00Z", "99999", "", "%00")),
            "from=2026-12-03T12:00:00Z&to=2026-12-03T12:00:00Z",
            "limit=1&limit=2",
            "nothing=1",
            "%27%3BDROP=1",
        )
    ),
    *(f"/v1/accounts/m-1/balance?min_seq={bad}" for bad in ("-1", "abc", "1.0", "9" * 30, "", "%00", "%D9%A1")),
    "/v1/accounts/m-1/balance?nothing=1",
    "/v1/accounts/m-1/balance?min_seq=0&min_seq=0",
    "/v1/accounts/m-1?nothing=1",
    "/v1/accounts/m-1/entries/1?nothing=1",
    "/v1/accounts/m-1/lots?nothing=1",
    *(f"/v1/events?after={bad}" for bad in ("x", "", "%00", "a" * 300, "AAAA.BBBB", "%ff")),
    *(f"/v1/events?limit={bad}" for bad in ("0", "-1", "1001", "abc", "9" * 30, "")),
    "/v1/program?nothing=1",
    "/v1/program/versions?nothing=1",
    "/v1/keys?nothing=1",
    "/v1/programs?nothing=1",
    "/v1/accounts/m-1/balance?" + "&".join(f"a{number}=1" for number in range(1000)),
]


async def test_a_query_that_does_not_fit_is_told(served: Served):
    for target in QUERIES:
        answer = await served.ask("GET", target)
        assert answer.status == 422, target
        assert_problem(answer, "validation_failed")
        assert answer.json()["errors"][0]["pointer"].startswith("/query"), target


@pytest.mark.parametrize("query", ["dry_run=maybe", "dry_run=", "dry_run=1", "dry_run=true&dry_run=true", "nothing=1"])
async def test_a_query_of_a_posting_that_does_not_fit_is_told(served: Served, query: str):
    for operation in (EARN, REDEEM, ADJUST, REVERSE, OPEN, STATUS, ATTACH, BULK):
        content = json.dumps(operation.body).encode()
        assert_problem(await served.ask("POST", f"{operation.path}?{query}", content), "validation_failed")


@pytest.mark.parametrize("milliseconds", ["abc", "0", "-1", "10001", "99999999", "9" * 400, "", "1e3", "1.5", " ", SQL])
async def test_a_deadline_that_does_not_fit_is_told(served: Served, milliseconds: str):
    for operation in OPERATIONS:
        answer = await operation.send(served, json.dumps(operation.body).encode(), x_request_timeout_ms=milliseconds)
        assert_problem(answer, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "/header/x-request-timeout-ms"
    assert_problem(
        await served.ask("GET", "/v1/accounts/m-1/balance", x_request_timeout_ms=milliseconds), "validation_failed"
    )


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", f"Bearer {SQL}", "Bearer " + "x" * 8000, "Bearer ü"],
    ids=lambda authorization: repr(authorization)[:24],
)
async def test_whoever_is_not_known_is_told_nothing(served: Served, authorization: str | None):
    for operation in OPERATIONS:
        answer = await operation.send(served, b"not even JSON", authorization=authorization)
        assert_problem(answer, "unauthenticated")
    answer = await served.ask("GET", "/v1/accounts/nobody/balance", authorization=authorization)
    assert_problem(answer, "unauthenticated")


async def test_a_request_id_that_cannot_be_echoed_is_replaced(served: Served):
    for request_id in ("", "two words", "ü", "x" * 129):
        answer = await served.ask("GET", "/v1/accounts/nobody/balance", x_request_id=request_id)
        assert_problem(answer, "account_not_found")
        assert answer.json()["request_id"].startswith("req_")


@pytest.mark.parametrize("version", ["*", "1", '"0"', '"2"', 'W/"1"', "", '"9999999999999999999999"', SQL, '"1", "2"'])
async def test_settings_are_not_put_over_a_version_that_is_not_named(served: Served, version: str):
    answer = await PROGRAM.send(served, json.dumps(PROGRAM.body).encode(), if_match=version)
    assert_problem(answer, "version_mismatch")


@pytest.mark.parametrize(
    "target", ["/v1", "/v1/", "/v2/accounts", "/V1/accounts", "//v1/accounts", "/v1/accounts/", "/.git"]
)
async def test_what_is_not_there_is_not_found(served: Served, target: str):
    for method in ("GET", "POST", "DELETE", "PUT"):
        assert_problem(await served.ask(method, target), "not_found")


async def test_a_method_that_is_not_there_says_which_are(served: Served):
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        answer = await served.ask(method, "/v1/accounts/m-1/earn")
        assert_problem(answer, "method_not_allowed")
        assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nothing that is HTTP\r\n\r\n",
        b"GET /v1/accounts/m-1/balance\xd9\xa2 HTTP/1.1\r\nHost: ledger\r\n\r\n",
        b"GET /v1/accounts/m 1/balance HTTP/1.1\r\nHost: ledger\r\n\r\n",
        b"POST /v1/bulk HTTP/1.1\r\nHost: ledger\r\nIdempotency-Key: a\x00b\r\n\r\n",
        b"POST /v1/bulk HTTP/1.1\r\nHost: ledger\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/bulk HTTP/1.1\r\nHost: ledger\r\nContent-Length: -1\r\n\r\n{}",
        b"POST /v1/bulk HTTP/1.1\r\nHost: ledger\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /v1/bulk HTTP/1.1\r\nHost: ledger\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_its_connection_closed(served: Served, request_bytes: bytes):
    wire = await Wire.open(served.instance.url)
    answer = await wire.ask_bytes(request_bytes)
    assert answer.status in (400, 401)
    assert answer.headers["connection"] == "close"
    assert await wire.is_at_end()
