"""Makes valid things out of what a test cares about. What a test does not name is valid and does not matter to it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from ledger_service.ledger.commands import (
    Adjust,
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
    Preview,
    Redeem,
    Refund,
    Release,
    ReturnedLine,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    SetTier,
    Settle,
    Together,
    Transfer,
    Unmerge,
)
from ledger_service.ledger.entries import Entry, seal
from ledger_service.ledger.holds import Hold, HoldFacts
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot, Movement
from ledger_service.ledger.outcomes import Outcome, Posted, PostedSeveral, Refused
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.purchases import Line, Purchase
from ledger_service.ledger.refusals import Refusal
from ledger_service.ledger.states import AccountState, EntryFacts, Identifier, KnownOutcome, Loaded

NOON = datetime(2026, 12, 3, 12, tzinfo=UTC)
"""Now, in most tests."""
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
"""The smallest step of our time."""

PROGRAM_ID = 1
ACCOUNT = "m-1"
SOURCE = "shop-berlin"

_numbers = count(1)
AnyCommand = TypeVar("AnyCommand", bound=Command)


def lot(points: int = 100, expires_at: datetime = NEVER, available_at: datetime = ALWAYS) -> Lot:
    return Lot(expires_at, available_at, points)


def movement(points: int, expires_at: datetime = NEVER, available_at: datetime = ALWAYS) -> Movement:
    return Movement(expires_at, available_at, points)


def account_state(
    account_id: str = ACCOUNT, *, lots: Iterable[Lot] = (), seq: int = 1, debt: int = 0, held: int = 0, **others: Any
) -> AccountState:
    """An account whose numbers agree: the balance follows from lots, held points and debt."""
    sorted_lots = tuple(sorted(lots))
    balance = sum(lot.remaining for lot in sorted_lots) + held - debt
    chosen = {
        "version": max(seq, 1),
        "balance": balance,
        "lifetime_points": max(balance, 0),
        "head_hash": hashlib.sha256(f"{account_id} {seq}".encode()).digest(),
        "created_at": NOON - 100 * DAY,
    } | others
    return AccountState(account_id=account_id, seq=seq, debt=debt, held=held, lots=sorted_lots, **chosen)


def entry(account_id: str = ACCOUNT, *, seq: int = 1, kind: Any = "earn", points: int = 100, **others: Any) -> Entry:
    """An entry with its hash; an earn of 100 points, unless the test says otherwise."""
    chosen: dict[str, Any] = {
        "program_id": PROGRAM_ID,
        "balance_after": points,
        "available_after": points,
        "held_after": 0,
        "order_id": None,
        "source": SOURCE,
        "key": f"entry-{account_id}-{seq}",
        "reason": None,
        "metadata": "{}",
        "movements": (movement(points),),
        "available_at": None,
        "expires_at": None,
        "reverses_seq": None,
        "transfer_id": None,
        "written_off": 0,
        "rule_version": 1,
        "occurred_at": NOON,
        "recorded_at": NOON,
        "previous_hash": bytes(32),
        "hash": b"",
    } | others
    return seal(Entry(account_id=account_id, seq=seq, kind=kind, points=points, **chosen))


def facts(of: Entry, reversed_points: int = 0) -> dict[tuple[str, int], EntryFacts]:
    """The entry as `Loaded.entries` has it."""
    return {(of.account_id, of.seq): EntryFacts(of, reversed_points)}


def earn(points: int | None = 100, **others: Any) -> Earn:
    """Explicit points, unless the test names a purchase."""
    return _command(Earn, points=None if others.get("purchase") else points, **others)


def line(sku: str = "coffee", amount: str = "10.00", **others: Any) -> Line:
    """A line of a receipt; money and quantities are written as decimals."""
    money = {name: Decimal(others[name]) for name in ("quantity", "tax") if name in others}
    return Line(sku, Decimal(amount), **(others | money))


def purchase(amount: str | None = None, *lines: Line, **others: Any) -> Purchase:
    """Of 10.00 EUR, or of what its lines add up to, unless the test says otherwise."""
    total = sum((one.amount for one in lines if not one.voided), Decimal(0)) if lines else Decimal("10.00")
    money = {name: Decimal(others[name]) for name in ("tax", "redeemed_value") if name in others}
    chosen = {"currency": "EUR", "lines": lines} | others | money
    return Purchase(total if amount is None else Decimal(amount), **chosen)


def redeem(points: int = 100, **others: Any) -> Redeem:
    return _command(Redeem, points=points, **others)


def adjust(points: int = 100, *, reason: str = "goodwill", **others: Any) -> Adjust:
    return _command(Adjust, points=points, reason=reason, **others)


def reverse(seq: int = 1, points: int | None = None, *, reason: str = "returned", **others: Any) -> Reverse:
    return _command(Reverse, seq=seq, points=points, reason=reason, **others)


def place_hold(points: int = 100, hold_id: str = "h-1", *, expires_in_seconds: int = 900, **others: Any) -> PlaceHold:
    return _command(PlaceHold, points=points, hold_id=hold_id, expires_in_seconds=expires_in_seconds, **others)


def capture(hold_id: str = "h-1", points: int | None = None, **others: Any) -> Capture:
    return _command(Capture, hold_id=hold_id, points=points, **others)


def release(hold_id: str = "h-1", **others: Any) -> Release:
    return _command(Release, hold_id=hold_id, **others)


def refund(order_id: str = "A-1", amount: str | None = None, *lines: ReturnedLine, **others: Any) -> Refund:
    money = None if amount is None else Decimal(amount)
    return _command(Refund, order_id=order_id, amount=money, lines=lines, **({"currency": "EUR"} | others))


def returned(sku: str = "coffee", quantity: str | None = None, amount: str | None = None) -> ReturnedLine:
    """What comes back of one article: so many units, or so much money."""
    return ReturnedLine(
        sku, None if quantity is None else Decimal(quantity), None if amount is None else Decimal(amount)
    )


def confirm(order_id: str = "A-1", **others: Any) -> ConfirmOrder:
    return _command(ConfirmOrder, order_id=order_id, **others)


def cancel(order_id: str = "A-1", **others: Any) -> CancelOrder:
    return _command(CancelOrder, order_id=order_id, **others)


def transfer(points: int = 100, to_account: str = "m-2", **others: Any) -> Transfer:
    named = {"transfer_id": f"transfer-{next(_numbers)}"} | others
    return _command(Transfer, points=points, to_account=to_account, **named)


def merge(into: str = "m-2", **others: Any) -> Merge:
    named = {"transfer_id": f"transfer-{next(_numbers)}", "reason": "two cards"} | others
    return _command(Merge, into=into, **named)


def unmerge(into: str = "m-2", **others: Any) -> Unmerge:
    named = {"transfer_id": f"transfer-{next(_numbers)}", "reason": "two people"} | others
    return _command(Unmerge, into=into, **named)


def set_tier(tier: str | None = "gold", **others: Any) -> SetTier:
    return _command(SetTier, tier=tier, **({"reason": "a friend of the house"} | others))


def preview(of: Purchase | None = None, **others: Any) -> Preview:
    return _command(Preview, purchase=of or purchase(), **({"key": None} | others))


def settle_due(**others: Any) -> Settle:
    return _command(Settle, **({"key": None} | others))


def open_account(
    account_id: str = ACCOUNT, *, identifiers: Iterable[IdentifierClaim] = (), **others: Any
) -> OpenAccount:
    return _command(OpenAccount, account_id=account_id, identifiers=tuple(identifiers), **others)


def set_status(status: str = "suspended", *, reason: str = "asked for", **others: Any) -> SetStatus:
    return _command(SetStatus, status=status, reason=reason, **others)


def claim(value: str = "1234", type: Any = "card", *, identifier_id: str | None = None) -> IdentifierClaim:
    digest = hashlib.sha256(f"{type} {value}".encode()).digest()
    return IdentifierClaim(identifier_id or f"id-{next(_numbers)}", type, digest, f"…{value[-2:]}")


def attach(identifier: IdentifierClaim, **others: Any) -> AttachIdentifier:
    return _command(AttachIdentifier, identifier=identifier, **others)


def revoke(identifier_id: str, **others: Any) -> RevokeIdentifier:
    return _command(RevokeIdentifier, identifier_id=identifier_id, **others)


def together(*commands: Command, **others: Any) -> Together:
    return _command(Together, **({"account_id": commands[0].account_id, "commands": commands} | others))


def _command(verb: type[AnyCommand], **chosen: Any) -> AnyCommand:
    """Every command has a key of its own; the fingerprint is equal for equal requests, as the contract says."""
    number = next(_numbers)
    who = {"account_id": ACCOUNT, "source": SOURCE, "key": f"key-{number}", "request_id": f"request-{number}"}
    complete = who | {"fingerprint": bytes(16)} | chosen
    if "fingerprint" not in chosen:
        complete["fingerprint"] = fingerprint_of(verb(**complete))
    return verb(**complete)


NOT_ASKED = ("key", "request_id", "fingerprint", "chain", "transfer_id", "hold_id")
"""Fields that say nothing of what is asked: they were made or found on the way. A hold's id is asked when it exists."""


def fingerprint_of(command: Command) -> bytes:
    """16 bytes over verb and meaning: neither the key nor the request id is part of it."""
    meaning = [
        (field.name, getattr(command, field.name))
        for field in fields(command)
        if field.name not in NOT_ASKED or (field.name == "hold_id" and not isinstance(command, PlaceHold))
    ]
    return hashlib.sha256(f"{type(command).__name__} {meaning}".encode()).digest()[:16]


def program_state(settings: ProgramSettings | None = None, **chosen: Any) -> ProgramState:
    """A program with these settings; `chosen` are fields of ProgramSettings."""
    return ProgramState(PROGRAM_ID, settings or ProgramSettings(**chosen))


def loaded(
    *accounts: AccountState,
    now: datetime = NOON,
    settings: ProgramSettings | None = None,
    outcomes: Mapping[str, KnownOutcome] | None = None,
    orders: Iterable[Entry] = (),
    entries: Mapping[tuple[str, int], EntryFacts] | None = None,
    identifiers: Iterable[Identifier] = (),
    holds: Iterable[HoldFacts] = (),
    versions: Iterable[ProgramSettings] = (),
) -> Loaded:
    return Loaded(
        program=program_state(settings),
        now=now,
        accounts={account.account_id: account for account in accounts},
        outcomes=outcomes or {},
        orders={(found.source, found.kind, found.order_id or ""): found for found in orders},
        entries=entries or {},
        identifiers=tuple(identifiers),
        holds={found.hold.hold_id: found for found in holds},
        settings={version.version: version for version in versions},
    )


def hold(points: int = 100, hold_id: str = "h-1", **others: Any) -> Hold:
    """An open hold of points that never expire, placed at NOON for a quarter of an hour."""
    chosen: dict[str, Any] = {
        "account_id": ACCOUNT,
        "seq": 1,
        "expires_at": NOON + timedelta(minutes=15),
        "movements": (movement(-points),),
        "source": SOURCE,
        "order_id": None,
        "created_at": NOON,
    } | others
    return Hold(hold_id=hold_id, points=points, **chosen)


def entry_of(outcome: Outcome) -> Entry:
    """The entry that was posted."""
    assert isinstance(outcome, Posted), f"not posted: {outcome}"
    return outcome.entry


def entries_of(outcome: Outcome) -> tuple[Entry, ...]:
    """The entries that were posted as one answer."""
    assert isinstance(outcome, PostedSeveral), f"not several: {outcome}"
    return outcome.entries


def refusal_of(outcome: Outcome) -> Refusal:
    """Why it was refused."""
    assert isinstance(outcome, Refused), f"not refused: {outcome}"
    return outcome.refusal
