"""Bad bodies: whatever comes in, the answer is a problem of the catalogue that fits, and nothing is written."""

import json
from typing import Any

import pytest

from tests.contracts.conftest import Served
from tests.contracts.operations import ADJUST, BULK, EARN, KIB, OPERATIONS, SQL, WITH_POINTS, Operation, assert_problem

pytestmark = pytest.mark.usefixtures("nothing_is_written")

NOT_JSON = {
    "nothing": b"",
    "white space": b" \n",
    "a form": b"points=5",
    "cut off": b'{"points":5',
    "two values": b'{"points":5}{"points":5}',
    "a comment": b'{"points":5/**/}',
    "single quotes": b"{'points':5}",
    "a bare NaN": b'{"points":NaN}',
    "a bare Infinity": b'{"points":Infinity}',
    "minus Infinity": b'{"points":-Infinity}',
    "a hexadecimal number": b'{"points":0x5}',
    "a number with a leading zero": b'{"points":05}',
    "bad UTF-8": b'{"reason":"\xff"}',
    "an overlong UTF-8 slash": b'{"reason":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"reason":"\xed\xa0\x80"}',
    "UTF-16": '{"points":5}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"points":5}',
    "a number of 50,000 digits": b'{"points":' + b"9" * 50_000 + b"}",
    "a lone surrogate": b'{"reason":"\\ud800"}',
    "a lone surrogate as a name": b'{"\\udc00":1}',
    "a NUL byte": b'{"reason":"a\x00b"}',
    "a raw line feed in a text": b'{"reason":"a\nb"}',
    "30,000 open arrays": b"[" * 30_000,
    "30,000 nested arrays": b"[" * 30_000 + b"]" * 30_000,
    "10,000 nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_not_json_is_malformed(served: Served, body: bytes):
    for operation in OPERATIONS:
        if body or operation.needs_body:
            assert_problem(await operation.send(served, body), "malformed_request")


NOT_FITTING = {
    "an array": b"[]",
    "a number": b"5",
    "a text": b'"points"',
    "null": b"null",
    "true": b"true",
    "a number too large for a float": b'{"nothing":1e400}',
    "10^30": b'{"nothing":1' + b"0" * 30 + b"}",
    "an escaped NUL": b'{"no\\u0000thing":"a\\u0000b"}',
    "SQL as a name": json.dumps({SQL: SQL}).encode(),
    "the attributes of a Python object": b'{"__class__":{"__init__":1},"__proto__":{"is_admin":true}}',
    "another program": b'{"program_id":2}',
}


@pytest.mark.parametrize("body", NOT_FITTING.values(), ids=NOT_FITTING.keys())
async def test_json_that_does_not_fit_is_told_where(served: Served, body: bytes):
    for operation in OPERATIONS:
        answer = await operation.send(served, body)
        assert_problem(answer, "validation_failed")
        assert answer.json()["errors"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
async def test_an_unknown_field_is_refused_with_its_pointer(served: Served, operation: Operation):
    answer = await operation.send(served, json.dumps({**operation.body, "nothing": 1}).encode())
    assert_problem(answer, "validation_failed")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/nothing", "unknown_field")]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
async def test_every_field_refuses_every_type_that_is_not_its_own(served: Served, operation: Operation):
    wrong: list[Any] = [1.5, [], {}, [[]], {"a": 1}, "\x00", "\x7f", "", "x" * 1000, -(2**63), 10**30]
    for name, value in operation.body.items():
        for other in wrong:
            if type(other) is not type(value) or isinstance(value, str | int):
                body = json.dumps({**operation.body, name: other}).encode()
                answer = await operation.send(served, body)
                assert_problem(answer, "validation_failed")
                assert all(error["pointer"].startswith(f"/{name}") for error in answer.json()["errors"])


POINTS = [-1, 0, 5.0, 5.5, "5", True, False, [5], {"points": 5}, 2**53, 2**63, 2**64, 10**30, -(2**53), -(10**400)]


@pytest.mark.parametrize("points", POINTS, ids=lambda points: repr(points)[:24])
async def test_points_that_are_no_whole_number_in_range_are_refused(served: Served, points: Any):
    for operation in WITH_POINTS:
        if operation is ADJUST and points == -1 and not isinstance(points, bool):
            continue
        answer = await operation.send(served, json.dumps({**operation.body, "points": points}).encode())
        assert_problem(answer, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "/points"


@pytest.mark.parametrize("written", ["5e0", "5.0", "1e3", "1E400", "-0", "0.0"])
async def test_points_are_written_without_fraction_and_exponent(served: Served, written: str):
    for operation in WITH_POINTS:
        fields = json.dumps({**operation.body, "points": "here"}).replace('"here"', written)
        assert_problem(await operation.send(served, fields.encode()), "validation_failed")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
async def test_a_body_over_the_limit_is_too_large_however_it_is_sent(served: Served, operation: Operation):
    large = b'{"points":5,"reason":"' + b"x" * operation.size_max + b'"}'
    assert_problem(await operation.send(served, large), "body_too_large")
    assert_problem(await operation.send(served, large, content_length=str(10 * KIB * KIB)), "body_too_large")
    assert_problem(await operation.send(served, chunked(large), transfer_encoding="chunked"), "body_too_large")


async def test_ten_megabytes_are_refused_and_the_instance_goes_on(served: Served):
    assert_problem(await EARN.send(served, b" " * (10 * KIB * KIB)), "body_too_large")
    assert_problem(await EARN.send(served, b"[" * 100_000), "body_too_large")
    assert_problem(await BULK.send(served, b"[" * 3_000_000), "malformed_request")
    assert (await served.ask("GET", "/v1/accounts/m-1/balance")).json()["available"] == 100


def chunked(body: bytes) -> bytes:
    parts = [body[start : start + 16 * KIB] for start in range(0, len(body), 16 * KIB)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
async def test_a_chunked_body_is_read_like_any_other(served: Served, operation: Operation):
    for body, code in ((b'{"points":', "malformed_request"), (b"[]", "validation_failed")):
        assert_problem(await operation.send(served, chunked(body), transfer_encoding="chunked"), code)
