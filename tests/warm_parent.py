"""Imports the whole service once, then forks off a run of `ledger-service` for each that `warm.py` asks for."""

import gc
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import ledger_service

LEFT_OUT = (
    "ledger_service.__main__",
    "ledger_service.cli.bench",
    "ledger_service.cli.cluster",
    "ledger_service.cli.drill",
)
IMPORTED_LATER = (
    "asyncpg",
    "rich.console",
    "rich.markup",
    "rich.progress",
    "rich.table",
    "uvicorn.protocols.http.auto",
)
"""What the service, or what it stands on, imports when it is first needed."""

NUMBER = struct.Struct("q")
MESSAGE_SIZE_MAX = 1 << 20


def every_module() -> Iterator[str]:
    """What a run of `ledger-service` may come to import."""
    yield from IMPORTED_LATER
    for module in walk_packages(ledger_service.__path__, "ledger_service."):
        if not module.name.startswith(LEFT_OUT):
            yield module.name


def fork_for_each(control: socket.socket) -> bool:
    """Fork until nobody asks any more. Answers True in a process that was forked off, which is then to go its way."""
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, MESSAGE_SIZE_MAX, 3)
        if not asked:
            return False
        if fork_one(control, asked, descriptors):
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        reap()


def fork_one(control: socket.socket, asked: bytes, descriptors: list[int]) -> bool:
    """Fork a process that waits for the one that does what was asked, and tells its number and how it ended."""
    if os.fork() != 0:
        return False
    control.close()
    stdout, stderr, told = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(told)
        become(json.loads(asked), stdout, stderr)
        return True
    os.close(stdout)
    os.close(stderr)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(0, 2)
    os.write(told, NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    try:
        os.write(told, NUMBER.pack(status))
    finally:
        os._exit(0)


def become(asked: dict[str, object], stdout: int, stderr: int) -> None:
    """Be the process that was asked for, as far as anybody can see from outside."""
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    os.chdir(str(asked["cwd"]))
    environment, arguments = asked["environment"], asked["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = ["ledger-service", *arguments]


def reap() -> None:
    """Those that have told all they had to tell."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    for name in every_module():
        import_module(name)
    gc.collect()
    gc.freeze()  # collecting what is there already would copy every page of it
    if fork_for_each(socket.socket(fileno=int(sys.argv[1]))):
        from ledger_service.__main__ import main

        main()
