"""Patroni's REST interface, as far as it is asked here."""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger_service.cli.cluster.failures import ClusterFailure

ASK_SECONDS_MAX = 2.0
SWITCH_SECONDS_MAX = 60.0
USER = "patroni"


@dataclass(frozen=True, slots=True)
class Member:
    """What etcd knows of one node. `lag_bytes` is None where it does not say, as of the leader."""

    name: str
    role: str
    """leader, sync_standby or replica; others exist, and are passed on as they come."""
    state: str
    """running (the leader), streaming, starting, stopped …"""
    timeline: int | None
    lag_bytes: int | None

    @property
    def is_leader(self) -> bool:
        return self.role == "leader" and self.state == "running"

    @property
    def is_streaming(self) -> bool:
        return self.role != "leader" and self.state == "streaming"


def members(urls: Iterable[str]) -> tuple[Member, ...]:
    """The members as the first Patroni that answers knows them; none when nobody answers."""
    for url in urls:
        found = ask(f"{url}/cluster")
        if found is not None:
            return tuple(
                Member(
                    name=one["name"],
                    role=one["role"],
                    state=one.get("state", "unknown"),
                    timeline=one.get("timeline"),
                    lag_bytes=one["lag"] if isinstance(one.get("lag"), int) else None,
                )
                for one in found.get("members", [])
            )
    return ()


def ask(url: str) -> Any:
    """The JSON that a GET answers with whatever status; None when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS_MAX) as answer:  # noqa: S310 - an address of our own
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return _json(refused.read())
    except (OSError, ValueError):
        return None


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def answers_200(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS_MAX) as answer:  # noqa: S310 - an address of our own
            return bool(answer.status == 200)
    except OSError:
        return False


def post(url: str, body: dict[str, Any], password: str | None = None, seconds: float = SWITCH_SECONDS_MAX) -> str:
    """What a POST is answered. Raises ClusterFailure with what was said when that is no success."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    if password is not None:
        request.add_header("Authorization", "Basic " + b64encode(f"{USER}:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        with refused:
            raise ClusterFailure(f"{url} answers {refused.code}: {refused.read().decode(errors='replace')}") from None
    except OSError as error:
        raise ClusterFailure(f"{url} does not answer: {error}.") from error


def leads_etcd(url: str) -> bool:
    """Whether the etcd member there is the leader; False when it does not answer."""
    try:
        status = json.loads(post(f"{url}/v3/maintenance/status", {}, seconds=ASK_SECONDS_MAX))
        return bool(status["leader"] == status["header"]["member_id"])
    except (ClusterFailure, ValueError, KeyError):
        return False
