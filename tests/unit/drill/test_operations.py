"""Operations: the same request however often it is sent, and only what callers can know."""

from typing import Any

from ledger_service.cli.drill.operations import Remembered, earning
from ledger_service.cli.drill.schedule import Intent, Kind


def intent(kind: Kind, number: int = 1, **said: Any) -> Intent:
    fields = {"at": 0.0, "account_id": "m-1", "to_account": "m-2", "points": 5, "order_id": None, "repeats": 0}
    return Intent(number=number, kind=kind, **(fields | said))


def test_whoever_finds_nothing_to_reverse_or_capture_earns():
    for kind in (Kind.REVERSE, Kind.CAPTURE, Kind.RELEASE):
        assert Remembered().operation_of(intent(kind), "d1").kind is Kind.EARN


def test_an_earn_is_reversed_once_and_where_it_was_posted():
    remembered = Remembered()
    remembered.note(earning(1, "m-7", 5, key="k"), {"points": 5, "seq": 3})
    first, second = (remembered.operation_of(intent(Kind.REVERSE, number), "d1") for number in (2, 3))
    assert (first.kind, first.account_id, first.reverses_seq) == (Kind.REVERSE, "m-7", 3)
    assert second.kind is Kind.EARN


def test_a_hold_is_ended_once():
    remembered = Remembered()
    held = remembered.operation_of(intent(Kind.HOLD), "d1")
    remembered.note(held, {"hold_id": "h-1"})
    capture = remembered.operation_of(intent(Kind.CAPTURE, 2), "d1")
    assert (capture.kind, capture.hold_id, capture.path) == (Kind.CAPTURE, "h-1", "/v1/holds/h-1/capture")
    assert remembered.operation_of(intent(Kind.RELEASE, 3), "d1").kind is Kind.EARN


def test_the_fingerprint_is_that_of_path_and_body():
    one, same, other = earning(1, "m-1", 5, key="k"), earning(2, "m-1", 5, key="l"), earning(3, "m-1", 6, key="k")
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_a_read_has_no_key_and_moves_nothing():
    read = Remembered().operation_of(intent(Kind.BALANCE), "d1")
    assert (read.key, read.method, read.is_write) == (None, "GET", False)
