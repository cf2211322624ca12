"""Operations: an intent made into a request that is the same however often it is sent."""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger_service.cli.drill.schedule import READS, Intent, Kind

REMEMBERED_MAX = 2000
"""Earns that may still be reversed, and holds that may still be captured, kept in mind. The oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request, complete. Its attempts differ in nothing but their deadline."""

    number: int
    kind: Kind
    account_id: str
    to_account: str | None
    key: str | None
    order_id: str | None
    points: int | None
    method: str
    path: str
    body: bytes
    fingerprint: str
    hold_id: str | None = None
    reverses_seq: int | None = None

    @property
    def is_write(self) -> bool:
        """Whether it may move points."""
        return self.kind not in READS


def operation(
    number: int,
    kind: Kind,
    account_id: str,
    path: str,
    body: Mapping[str, Any],
    *,
    key: str,
    to_account: str | None = None,
    hold_id: str | None = None,
    reverses_seq: int | None = None,
) -> Operation:
    """A POST under `key`."""
    encoded = json.dumps(body, separators=(",", ":")).encode()
    return Operation(
        number=number,
        kind=kind,
        account_id=account_id,
        to_account=to_account,
        key=key,
        order_id=body.get("order_id"),
        points=body.get("points"),
        method="POST",
        path=path,
        body=encoded,
        fingerprint=hashlib.sha256(f"POST {path}\n".encode() + encoded).hexdigest(),
        hold_id=hold_id,
        reverses_seq=reverses_seq,
    )


def reading(number: int, account_id: str) -> Operation:
    """A balance."""
    path = f"/v1/accounts/{account_id}/balance"
    fingerprint = hashlib.sha256(f"GET {path}\n".encode()).hexdigest()
    return Operation(number, Kind.BALANCE, account_id, None, None, None, None, "GET", path, b"", fingerprint)


def earning(number: int, account_id: str, points: int, *, key: str, order_id: str | None = None) -> Operation:
    """An earn."""
    body = {"points": points} | ({} if order_id is None else {"order_id": order_id})
    return operation(number, Kind.EARN, account_id, f"/v1/accounts/{account_id}/earn", body, key=key)


@dataclass(slots=True)
class Remembered:
    """What callers have been told and may come back to."""

    earned: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED_MAX))
    """Account and seq of earns that nobody has reversed."""
    held: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED_MAX))
    """Account and hold id of holds that nobody has ended."""

    def note(self, made: Operation, answer: Mapping[str, Any]) -> None:
        """Remember what a first success made possible."""
        if made.kind is Kind.EARN and answer.get("points", 0) > 0:
            self.earned.append((made.account_id, answer["seq"]))
        elif made.kind is Kind.HOLD:
            self.held.append((made.account_id, answer["hold_id"]))

    def operation_of(self, intent: Intent, run: str) -> Operation:
        """The request of an intent. One that would undo or capture, and finds nothing, earns instead."""
        number, account_id, points, key = intent.number, intent.account_id, intent.points, f"{run}-{intent.number}"
        order = {} if intent.order_id is None else {"order_id": intent.order_id}
        match intent.kind:
            case Kind.BALANCE:
                return reading(number, account_id)
            case Kind.REDEEM:
                path = f"/v1/accounts/{account_id}/redeem"
                return operation(number, Kind.REDEEM, account_id, path, {"points": points} | order, key=key)
            case Kind.HOLD:
                path = f"/v1/accounts/{account_id}/holds"
                return operation(number, Kind.HOLD, account_id, path, {"points": points}, key=key)
            case Kind.TRANSFER:
                body = {"from_account": account_id, "to_account": intent.to_account, "points": points}
                return operation(
                    number, Kind.TRANSFER, account_id, "/v1/transfers", body, key=key, to_account=intent.to_account
                )
            case Kind.REVERSE if self.earned:
                account_id, seq = self.earned.popleft()
                path = f"/v1/accounts/{account_id}/entries/{seq}/reverse"
                return operation(
                    number, Kind.REVERSE, account_id, path, {"reason": "returned"}, key=key, reverses_seq=seq
                )
            case Kind.CAPTURE | Kind.RELEASE if self.held:
                account_id, hold_id = self.held.popleft()
                path = f"/v1/holds/{hold_id}/{intent.kind.value}"
                return operation(number, intent.kind, account_id, path, {}, key=key, hold_id=hold_id)
        return earning(number, account_id, points, key=key, order_id=intent.order_id)
