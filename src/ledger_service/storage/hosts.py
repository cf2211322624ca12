"""Hosts: the servers that a database URL names, and the socket options that tell when one is gone."""

import socket
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ledger_service.storage.schema import plain_url

PORT_DEFAULT = 5432

KEEPALIVE_IDLE_SECONDS = 5
KEEPALIVE_INTERVAL_SECONDS = 1
KEEPALIVE_PROBES = 3
USER_TIMEOUT_MS = 4000
"""Milliseconds that what we sent may stay unacknowledged. The system's own patience is a quarter of an hour."""


def urls_of_hosts(url: str) -> tuple[str, ...]:
    """A URL for each host of one that may name several (`postgresql://user@one:5432,two:5432/ledger`), in its order.

    Raises ValueError: not a database URL."""
    parts = urlsplit(plain_url(url))
    # Which of them is the primary is what we find out ourselves.
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "target_session_attrs"], safe="/")
    credentials, at, hosts = parts.netloc.rpartition("@")
    return tuple(
        urlunsplit((parts.scheme, f"{credentials}{at}{host}", parts.path, query, parts.fragment))
        for host in hosts.split(",")
    )


def address_of(url: str) -> str:
    """Host and port of a URL that names one host, for people: no credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]


def tell_when_gone(connection: Any) -> None:
    """Have the system close this connection when its peer falls silent: in 4 s with something on the way, 8 s
    without. Unix sockets need no such thing."""
    transport = connection._transport  # the driver has no other way to it
    end = transport.get_extra_info("socket")
    if end is None or end.family not in (socket.AF_INET, socket.AF_INET6):
        return
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_SECONDS),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_SECONDS),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
        ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
    ):
        number = getattr(socket, option, None)  # each is of some systems only
        if number is not None:
            end.setsockopt(socket.IPPROTO_TCP, number, value)
