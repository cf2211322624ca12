"""Addresses to listen on: taking them early, so that a taken port is told before anything is started."""

import socket

from ledger_service.errors import Failure


class AddressTaken(Failure):
    """The address to listen on is not free, or is not ours."""


def bind(host: str, port: int) -> socket.socket:
    """Take an address, so that nobody else gets it; nobody can connect before `serve` listens on it. Port 0 is any.

    Raises AddressTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        # A port that an instance has just left is free, whatever the kernel still remembers of its connections.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise AddressTaken(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "Choose another port with --port, or --port 0 for any that is free."
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Where callers on this machine reach a listener."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - every address, of which this one is near
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
