"""Wanted: what the commands of a batch rest on, to be asked for in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger_service.ledger.commands import (
    AttachIdentifier,
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    IdentifierClaim,
    Merge,
    OpenAccount,
    PlaceHold,
    Redeem,
    Refund,
    Release,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    SetTier,
    Together,
    Unmerge,
    singles,
)

# By type: a batch is mostly earns and redeems, and each kind of command looked for in turn would cost them most.
ORDER_KINDS: Final[dict[type[Command], tuple[str, ...]]] = {
    Earn: ("earn",),
    Redeem: ("redeem",),
    PlaceHold: ("redeem",),
    Capture: ("redeem",),
    Refund: ("earn", "redeem"),
    ConfirmOrder: ("earn", "redeem"),
    CancelOrder: ("earn", "redeem"),
}
"""The entries of its order that a command rests on."""


@dataclass(slots=True)
class Wanted:
    """Filled by `wanted_by`, then only read."""

    account_ids: set[str] = field(default_factory=set)
    keys: list[str] = field(default_factory=list)
    orders: set[tuple[str, str, str]] = field(default_factory=set)
    """Source, kind, order_id."""
    hold_ids: list[str] = field(default_factory=list)
    entries: set[tuple[str, int]] = field(default_factory=set)
    """By account_id and seq: those to be reversed."""
    merges: list[str] = field(default_factory=list)
    """Accounts whose merge is to be undone: it is their last entry."""
    identifiers_of: list[str] = field(default_factory=list)
    claims: list[IdentifierClaim] = field(default_factory=list)
    is_about_orders: bool = False
    """What became of the orders is asked for too, and the settings under which they were earned."""


def wanted_by(commands: Sequence[Command]) -> Wanted:
    """What these commands rest on."""
    wanted = Wanted()
    asked = singles(commands)
    wanted.keys.extend(command.key for command in commands if isinstance(command, Together) and command.key is not None)
    for command in asked:
        kind = type(command)
        if command.key is not None:
            wanted.keys.append(command.key)
        if kind is Earn or kind is Redeem:
            wanted.account_ids.add(command.account_id)
        else:
            wanted.account_ids.update(command.account_ids)
            _add(wanted, command)
        order_id = getattr(command, "order_id", None)
        if order_id is not None:
            wanted.orders.update((command.source, order_kind, order_id) for order_kind in ORDER_KINDS[kind])
    return wanted


def _add(wanted: Wanted, command: Command) -> None:
    match command:
        case Capture() | Release():
            wanted.hold_ids.append(command.hold_id)
        case Reverse():
            wanted.entries.add((command.account_id, command.seq))
        case Refund() | ConfirmOrder() | CancelOrder():
            wanted.is_about_orders = True
        case SetStatus() | SetTier() | RevokeIdentifier() | Merge() | Unmerge():
            wanted.identifiers_of.extend(command.account_ids)
            if isinstance(command, Unmerge):
                wanted.merges.append(command.account_id)
        case AttachIdentifier():
            wanted.claims.append(command.identifier)
        case OpenAccount():
            wanted.claims.extend(command.identifiers)
        case _:
            pass
