"""Logs: one JSON line per event on standard error, or a readable line in a terminal.

Everyone logs through the standard library. Of what is passed as `extra` only the fields of ALLOWED are written, so that
no body, identifier or account can get into a log by accident.
"""

import json
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TextIO

ALLOWED = (
    "request_id",
    "method",
    "route",
    "status",
    "code",
    "milliseconds",
    "program",
    "key_id",
    "sqlstate",
    "pid",
    "count",
)
"""Fields that may be logged, in the order in which they are written. None of them names a person or an account."""

LINES_MAX = 10_000
"""Lines that may wait to be written. Whoever reads our standard error may stop reading, and then lines are dropped and
counted: the till must not wait for them."""

FLUSH_SECONDS_MAX = 1.0
"""How long a stop waits for the last lines to be written."""

# They would say in other words what we say about start, stop and requests; those of httpx2 name accounts.
QUIET = dict.fromkeys(("uvicorn", "alembic", "httpx2", "httpcore2"), logging.WARNING)


@contextmanager
def logging_to_stderr(level: str, *, readable: bool) -> Iterator[None]:
    """Write everything from `level` on to standard error: JSON, or `readable` for people. Undone at the end."""
    writer = LineWriter(sys.stderr, readable_lines(sys.stderr) if readable else JsonLines())
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers[:] = [writer]
    root.setLevel(level)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    try:
        yield
    finally:
        root.handlers[:], root.level = before
        writer.close()


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The time, level, logger and text, the allowed fields, and the traceback if there is one."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        given = record.__dict__
        line.update((name, given[name]) for name in ALLOWED if name in given)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def readable_lines(stream: TextIO) -> logging.Formatter:
    """Lines for people, in colour when `stream` is a terminal."""
    import structlog

    stdlib = structlog.stdlib
    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            stdlib.add_log_level,
            stdlib.ExtraAdder(allow=ALLOWED),
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        ],
        processors=[
            stdlib.ProcessorFormatter.remove_processors_meta,
            # Plain tracebacks: the pretty ones show what is in the variables, such as an API key.
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), pad_event_to=28, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
    )


class LineWriter(logging.Handler):
    """Writes lines from a thread of its own, so that a reader who has stopped reading stops nobody else."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.descriptor = stream.fileno()
        self.lines: deque[str] = deque()
        self.dropped = 0
        self.has_lines = threading.Event()
        self.is_closing = False
        self.thread = threading.Thread(target=self.write_lines, name="log-writer", daemon=True)
        self.thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one line. Never waits, never raises."""
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if len(self.lines) >= LINES_MAX:
            self.dropped += 1
            return
        self.lines.append(line)
        self.has_lines.set()

    def write_lines(self) -> None:
        """Write what waits, many lines at a time, until closed or until nobody can read it any more."""
        while not (self.is_closing and not self.lines):
            self.has_lines.wait()
            self.has_lines.clear()
            waiting = [self.lines.popleft() for _ in range(len(self.lines))]
            if self.dropped:
                waiting.append(json.dumps({"event": "log lines dropped", "count": self.dropped}))
                self.dropped = 0
            # Not through the stream: its lock, held while a reader has stopped reading, would break our very exit.
            with suppress(OSError):  # the reader is gone: a closed pipe or a closed terminal
                write_all(self.descriptor, "".join(line + "\n" for line in waiting).encode(errors="replace"))

    def close(self) -> None:
        """Write the last lines, waiting at most FLUSH_SECONDS_MAX for their reader."""
        self.is_closing = True
        self.has_lines.set()
        self.thread.join(FLUSH_SECONDS_MAX)
        super().close()


def write_all(descriptor: int, text: bytes) -> None:
    """Write it all, in as many pieces as the system likes. Raises OSError."""
    while text:
        text = text[os.write(descriptor, text) :]
