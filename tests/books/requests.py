"""Commands as the requests that ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    Merge,
    OpenAccount,
    PlaceHold,
    Redeem,
    Refund,
    Release,
    Reverse,
    SetStatus,
    SetTier,
    Together,
    Transfer,
    Unmerge,
)
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.purchases import Purchase


@dataclass(frozen=True, slots=True)
class Read:
    """A question, which changes nothing: a balance, one entry, or an account by its card."""

    account_id: str = ""
    seq: int | None = None
    card: str | None = None


Step = Command | Read
Request = tuple[str, str, Any]
"""Method, path and body."""


def request_of(step: Step, holds: Mapping[str, str]) -> Request:
    """`holds` are the ids that the service made, by ours; a hold that was never placed is asked for by ours."""
    match step:
        case Read(card=str(card)):
            return "POST", "/v1/accounts/lookup", {"type": "card", "value": card}
        case Read(seq=int(seq)):
            return "GET", f"/v1/accounts/{step.account_id}/entries/{seq}", None
        case Read():
            return "GET", f"/v1/accounts/{step.account_id}/balance", None
        case Capture() | Release():
            verb = type(step).__name__.lower()
            body = _without_none(points=step.points) if isinstance(step, Capture) else {}
            return "POST", f"/v1/holds/{holds.get(step.hold_id, step.hold_id)}/{verb}", body
        case Refund():
            lines = [
                _without_none(sku=line.sku, quantity=_text(line.quantity), amount=_text(line.amount))
                for line in step.lines
            ]
            body = _without_none(currency=step.currency, amount=_text(step.amount), lines=lines or None)
            return "POST", f"/v1/orders/{step.order_id}/refund", body
        case ConfirmOrder():
            return "POST", f"/v1/orders/{step.order_id}/confirm", {}
        case CancelOrder():
            return "POST", f"/v1/orders/{step.order_id}/cancel", {}
        case Transfer():
            body = {"from_account": step.account_id, "to_account": step.to_account, "points": step.points}
            return "POST", "/v1/transfers", body
        case OpenAccount():
            cards = [{"type": "card", "value": claim.digest.decode()} for claim in step.identifiers]
            return "POST", "/v1/accounts", {"account_id": step.account_id, "identifiers": cards}
        case Together():
            operations = [_operation(one, holds) for one in step.commands]
            return "POST", "/v1/bulk", {"mode": "atomic", "operations": operations}
    return _on_account(step)


def _on_account(step: Command) -> Request:
    path = f"/v1/accounts/{step.account_id}"
    match step:
        case Earn():
            body = _without_none(
                points=step.points,
                purchase=None if step.purchase is None else _purchase(step.purchase),
                order_id=step.order_id,
                occurred_at=_instant(step.occurred_at),
                available_at=_instant(step.available_at),
                expires_at=_instant(step.expires_at),
            )
            return "POST", f"{path}/earn", body
        case Redeem():
            body = _without_none(points=step.points, order_id=step.order_id, occurred_at=_instant(step.occurred_at))
            return "POST", f"{path}/redeem", body
        case PlaceHold():
            body = {"points": step.points, "expires_in_seconds": step.expires_in_seconds}
            return "POST", f"{path}/holds", body | _without_none(order_id=step.order_id)
        case Adjust():
            body = {"points": step.points, "reason": step.reason, "allow_negative": step.allow_negative}
            return "POST", f"{path}/adjust", body
        case Reverse():
            body = _without_none(points=step.points, reason=step.reason)
            return "POST", f"{path}/entries/{step.seq}/reverse", body
        case Merge():
            return "POST", f"{path}/merge", {"into": step.into, "reason": step.reason}
        case Unmerge():
            return "POST", f"{path}/unmerge", {"reason": step.reason}
        case SetTier():
            body = {"tier": step.tier, "reason": step.reason} | _without_none(until=_instant(step.until))
            return "POST", f"{path}/tier", body
        case SetStatus():
            return "POST", f"{path}/status", {"status": step.status, "reason": step.reason}
        case AttachIdentifier():
            return "POST", f"{path}/identifiers", {"type": "card", "value": step.identifier.digest.decode()}
    raise TypeError(f"{type(step).__name__} has no request")


def _operation(command: Command, holds: Mapping[str, str]) -> dict[str, Any]:
    _, path, body = request_of(command, holds)
    _, _, noun, name, *_ = [*path.split("/"), ""]
    named = {"accounts": "account_id", "holds": "hold_id", "orders": "order_id"}.get(noun)
    operation: dict[str, Any] = {
        "op": OPERATIONS.get(type(command), path.rpartition("/")[2]),
        "idempotency_key": command.key,
    }
    operation |= {} if named is None else {named: name}
    return operation | ({"seq": command.seq} if isinstance(command, Reverse) else {}) | body


OPERATIONS: dict[type[Command], str] = {PlaceHold: "hold", Transfer: "transfer"}
"""Those whose path does not end with their name."""


def _purchase(purchase: Purchase) -> dict[str, Any]:
    document = purchase.document()
    for line in document.get("lines", ()):
        line.setdefault("quantity", 1)
    return document


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(number: object) -> str | None:
    return None if number is None else str(number)


def _instant(instant: Any) -> str | None:
    return None if instant is None else rfc3339(instant)
