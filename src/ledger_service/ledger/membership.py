"""Membership: opening an account, its status, and the identifiers that find it. No points move here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ledger_service.ledger.commands import IdentifierClaim, OpenAccount, SetStatus
from ledger_service.ledger.states import AccountState


@dataclass(frozen=True, slots=True)
class Attachment:
    """An identifier that begins to find an account."""

    account_id: str
    claim: IdentifierClaim
    attached_at: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """An identifier that no longer finds its account."""

    account_id: str
    identifier_id: str
    revoked_at: datetime


def opened(command: OpenAccount, now: datetime) -> AccountState:
    """A new account, without points."""
    return AccountState(account_id=command.account_id, metadata=command.metadata, created_at=now)


def opened_by_earn(account_id: str, now: datetime) -> AccountState:
    """The account that an earn opens in a program with `auto_open`."""
    return AccountState(account_id=account_id, created_at=now)


def with_status(account: AccountState, command: SetStatus) -> AccountState:
    return replace(account, status=command.status)


def identifier_view(claim: IdentifierClaim, attached_at: datetime) -> dict[str, Any]:
    """An identifier as callers see it: never its value."""
    return {
        "identifier_id": claim.identifier_id,
        "type": claim.type,
        "masked": claim.masked,
        "created_at": rfc3339(attached_at),
    }


def account_view(
    account: AccountState, identifiers: tuple[dict[str, Any], ...], tier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An account as callers see it, with its tier (`tiers.progress`). `version` grows with every write."""
    return {
        "account_id": account.account_id,
        "status": account.status,
        "tier": None if tier is None else tier_view(tier),
        "counters": {
            "lifetime_points": account.lifetime_points,
            "spend": str(account.standing.spend),
            "visits": account.standing.visits,
        },
        "merged_into": account.merged_into,
        "metadata": json.loads(account.metadata),
        "identifiers": list(identifiers),
        "seq": account.seq,
        "version": account.version,
        "created_at": None if account.created_at is None else rfc3339(account.created_at),
    }


def tier_view(progress: Mapping[str, Any]) -> dict[str, Any]:
    """A tier and its progress (`tiers.progress`) as callers see it: instants as the contract writes them."""
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in progress.items()}


@lru_cache(maxsize=1024)
def rfc3339(instant: datetime) -> str:
    """An instant as the contract writes it: UTC, `Z`, microseconds when there are any.

    Kept, since all of a batch are recorded at one instant."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
