"""Makes valid things out of what a test cares about. What a test does not name is valid and does not matter to it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    Command,
    Earn,
    IdentifierClaim,
    OpenAccount,
    Redeem,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    Settle,
    Together,
)
from ledger_service.ledger.entries import Entry, seal
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot, Movement
from ledger_service.ledger.outcomes import Outcome, Posted, Refused
from ledger_service.ledger.program import ProgramSettings, ProgramState
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


def earn(points: int = 100, **others: Any) -> Earn:
    return _command(Earn, points=points, **others)


def redeem(points: int = 100, **others: Any) -> Redeem:
    return _command(Redeem, points=points, **others)


def adjust(points: int = 100, *, reason: str = "goodwill", **others: Any) -> Adjust:
    return _command(Adjust, points=points, reason=reason, **others)


def reverse(seq: int = 1, points: int | None = None, *, reason: str = "returned", **others: Any) -> Reverse:
    return _command(Reverse, seq=seq, points=points, reason=reason, **others)


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


def fingerprint_of(command: Command) -> bytes:
    """16 bytes over verb and meaning: neither the key nor the request id is part of it."""
    meaning = [
        (field.name, getattr(command, field.name))
        for field in fields(command)
        if field.name not in ("key", "request_id", "fingerprint")
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
) -> Loaded:
    return Loaded(
        program=program_state(settings),
        now=now,
        accounts={account.account_id: account for account in accounts},
        outcomes=outcomes or {},
        orders={(found.source, found.kind, found.order_id or ""): found for found in orders},
        entries=entries or {},
        identifiers=tuple(identifiers),
    )


def entry_of(outcome: Outcome) -> Entry:
    """The entry that was posted."""
    assert isinstance(outcome, Posted), f"not posted: {outcome}"
    return outcome.entry


def refusal_of(outcome: Outcome) -> Refusal:
    """Why it was refused."""
    assert isinstance(outcome, Refused), f"not refused: {outcome}"
    return outcome.refusal
