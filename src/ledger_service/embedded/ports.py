"""The TCP side of the embedded Postgres: which port it takes, and whether it answers there yet."""

import socket
import struct

HOST = "127.0.0.1"
ANSWER_SECONDS_MAX = 5.0

# Protocol 3.0 and whom we would like to be. The answer comes before any password is asked for.
STARTUP = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now, judged the way Postgres itself binds it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def accepts_sessions(port: int) -> bool:
    """Whether Postgres would let us log in: it asks for a password, rather than say that it is still starting."""
    try:
        with socket.create_connection((HOST, port), timeout=ANSWER_SECONDS_MAX) as connection:
            connection.sendall(struct.pack("!I", len(STARTUP) + 4) + STARTUP)
            return connection.recv(1) == b"R"
    except OSError:
        return False
