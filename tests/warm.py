"""Runs of `ledger-service` that start warm: forked off a process that has imported all of the service once.

What is started is a process of its own as ever, with its own environment, pipes, signals and exit code; only the second
that every start spends on imports is spent once. Cold starts are tested where a command is run as it is typed.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock

PARENT = Path(__file__).with_name("warm_parent.py")
NUMBER = struct.Struct("q")
MESSAGE_SIZE_MAX = 1 << 20


class Program:
    """A process that was forked off, to be used as a `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], told: socket.socket) -> None:
        self.args = list(arguments)
        self.returncode: int | None = None
        self._told = told
        self._lock = Lock()
        self.pid = self._number()

    def poll(self) -> int | None:
        """Its exit code if it has ended, as negative number that of the signal that ended it."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The same once it has ended. Raises subprocess.TimeoutExpired."""
        with self._lock:
            if self.returncode is None:
                self._told.settimeout(timeout)
                try:
                    self.returncode = os.waitstatus_to_exitcode(self._number())
                except (TimeoutError, BlockingIOError):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
                self._told.close()
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Does nothing to one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        told = self._told.recv(NUMBER.size)
        assert told, f"{self.args}: whoever waits for it is gone"
        number: int = NUMBER.unpack(told)[0]
        return number


def start(
    arguments: Sequence[str], environment: Mapping[str, str], stdout: int, stderr: int, cwd: str = "/"
) -> Program:
    """Start `ledger-service` with these arguments, this whole environment, and these descriptors to write to."""
    ours, theirs = socket.socketpair()
    with theirs:
        asked = json.dumps({"arguments": list(arguments), "environment": dict(environment), "cwd": cwd}).encode()
        socket.send_fds(_parent(), [asked], [stdout, stderr, theirs.fileno()])
    return Program(arguments, ours)


_one_at_a_time = Lock()


def _parent() -> socket.socket:
    with _one_at_a_time:
        return _started()


@cache
def _started() -> socket.socket:
    """The way to the process that forks. It ends when ours does, whose end closes the other side."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_SIZE_MAX)
    with theirs:
        # -P: the modules beside the script are no modules of the service.
        command = [sys.executable, "-P", str(PARENT), str(theirs.fileno())]
        _parents.append(
            subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        )
    return ours


_parents: list[subprocess.Popen[bytes]] = []
"""Kept, or Python would complain of a process that nobody waited for."""
