"""Logs: what may be said is said, nothing else is, and nobody waits for whoever reads them."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ledger_service.logs import LINES_MAX, LineWriter, logging_to_stderr

LOGGER = logging.getLogger("ledger_service.access")


class Reader:
    """The other end of our standard error."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.stream = os.fdopen(self.writing, "w")

    def lines(self) -> list[dict[str, Any]]:
        """All that was written."""
        self.stream.close()
        return self.rest()

    def rest(self) -> list[dict[str, Any]]:
        """What is written until the other end is closed."""
        with os.fdopen(self.reading) as text:
            return [json.loads(line) for line in text]


@contextmanager
def reading(level: str = "INFO", *, readable: bool = False) -> Iterator[Reader]:
    """Log into a pipe. Not a fixture: the test runner takes standard error anew when the test begins."""
    opened = Reader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", opened.stream)
        with logging_to_stderr(level, readable=readable):
            yield opened


def test_a_line_is_json_with_the_allowed_fields_and_no_others():
    with reading() as reader:
        LOGGER.info("answered", extra={"status": 201, "request_id": "req_1", "body": "secret", "account_id": "m-1"})
    (line,) = reader.lines()
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "ledger_service.access",
        "event": "answered",
        "request_id": "req_1",
        "status": 201,
    }


def test_a_line_less_than_the_level_is_not_written():
    with reading("WARNING") as reader:
        LOGGER.info("answered")
        LOGGER.warning("odd")
    assert [line["event"] for line in reader.lines()] == ["odd"]


def test_an_exception_is_one_line_with_its_traceback():
    with reading() as reader:
        try:
            raise ValueError("broken")
        except ValueError:
            LOGGER.exception("failed")
    (line,) = reader.lines()
    assert "Traceback" in line["exception"]


def test_readable_lines_never_show_what_is_in_the_variables():
    api_key = "lsk_live_secret"
    with reading(readable=True) as reader:
        try:
            raise ValueError(len(api_key))
        except ValueError:
            LOGGER.exception("failed", extra={"status": 500})
    reader.stream.close()
    with os.fdopen(reader.reading) as text:
        written = text.read()
    assert "status=500" in written
    assert "Traceback" in written
    assert api_key not in written.replace('api_key = "lsk_live_secret"', "")


def test_a_reader_who_stops_reading_stops_nobody():
    with reading() as reader:
        for _ in range(3 * LINES_MAX):
            LOGGER.info("x" * 100)
    # That we are here is the promise. The pipe has what fits into it; closing it releases the writer.
    assert len(os.read(reader.reading, 2**24)) < 3 * LINES_MAX * 100
    os.close(reader.reading)


def test_a_reader_who_comes_back_learns_how_many_lines_it_missed():
    with reading() as reader:
        for _ in range(3 * LINES_MAX):
            LOGGER.info("x" * 100)
        found: list[dict[str, Any]] = []
        back = threading.Thread(target=lambda: found.extend(reader.rest()))
        back.start()
        writer = logging.getLogger().handlers[0]
        assert isinstance(writer, LineWriter)
        while writer.lines or writer.dropped:
            pass
    reader.stream.close()
    back.join()
    missed = [line["count"] for line in found if line["event"] == "log lines dropped"]
    assert missed
    assert len(found) - len(missed) + sum(missed) == 3 * LINES_MAX


def test_a_reader_who_has_gone_hurts_nobody():
    with reading() as reader:
        os.close(reader.reading)
        LOGGER.info("into nothing")


def test_afterwards_logging_is_as_it_was_before():
    before = logging.getLogger().handlers[:], logging.getLogger().level
    with reading("ERROR"):
        assert logging.getLogger().level == logging.ERROR
    assert (logging.getLogger().handlers, logging.getLogger().level) == before
