"""What commands say: lines for programs on standard output, words for people in a terminal."""

import os
import sys

from rich.console import Console

from ledger_service.errors import Failure


def is_terminal() -> bool:
    """Whether a person is reading our standard output."""
    return sys.stdout.isatty()


def say_line(line: str) -> None:
    """Print one line that programs may read: whole, plain and at once.

    Whoever started us may have stopped reading: that ends what we say, not what we do."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def people() -> Console:
    """Where words for people go: standard error, so that standard output stays readable by programs."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


class Misused(Failure):
    """The command was asked for something it cannot do; the text says what to do instead."""
