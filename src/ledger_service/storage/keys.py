"""API keys: made once, shown once, stored as an HMAC."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.errors import KeyTaken
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.outcomes import Answered, Refused, Replayed
from ledger_service.storage.again import asked_again
from ledger_service.storage.claims import KeyClaim, recall
from ledger_service.storage.database import Database, read_failures, write_failures

SCOPES = ("read", "earn", "redeem", "adjust", "accounts", "admin", "operator")
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the owner of a live API key."""

    program_id: int
    slug: str
    mode: str
    key_id: str
    source: str
    scopes: frozenset[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is not stored yet. `token` is the key itself: show it once, then forget it."""

    key_id: str
    token: str
    digest: bytes
    name: str
    scopes: tuple[str, ...]
    source: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"NewKey({self.key_id})"

    @property
    def masked(self) -> str:
        """What reminds its owner which key this is: the first characters and the last four."""
        prefix = self.token.rsplit("_", 1)[0] if self.token.startswith("lsk_") else ""
        return f"{prefix}…{self.token[-4:]}"

    def view(self) -> dict[str, Any]:
        """The key as callers see it, without the key itself."""
        return {
            "key_id": self.key_id,
            "name": self.name,
            "scopes": list(self.scopes),
            "source": self.source,
            "masked": self.masked,
            "expires_at": None if self.expires_at is None else rfc3339(self.expires_at),
        }


FIND = """
SELECT k.program_id, p.slug, p.mode, k.key_id, k.source, k.scopes, k.expires_at
FROM ledger.api_key AS k
CROSS JOIN LATERAL (SELECT * FROM ledger.program AS one WHERE one.program_id = k.program_id OFFSET 0) AS p
WHERE k.digest = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
"""
LIST = """
SELECT key_id, name, scopes, source, masked, created_at, expires_at, revoked_at
FROM ledger.api_key WHERE program_id = $1 ORDER BY created_at, key_id
"""
CREATE = "SELECT ledger.create_key_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
REVOKE = "SELECT ledger.revoke_key_v1($1, $2)"


class Keys:
    """The API keys of all programs. `pepper` is the secret under which their HMACs are made."""

    def __init__(self, database: Database, pepper: bytes) -> None:
        self._database = database
        self._pepper = pepper

    def digest(self, token: str) -> bytes:
        """What is stored of a key: 32 bytes that say nothing without the pepper."""
        return hmac.digest(self._pepper, b"api-key\0" + token.encode(), hashlib.sha256)

    def new(
        self,
        mode: str,
        scopes: Sequence[str],
        source: str,
        name: str = "",
        expires_at: datetime | None = None,
        token: str | None = None,
    ) -> NewKey:
        """Make a key of 256 random bits, or take a given one. Nothing is stored yet."""
        key_id = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(12))
        given = token or f"lsk_{mode}_{key_id}_{secrets.token_hex(SECRET_BYTES)}"
        return NewKey(key_id, given, self.digest(given), name, tuple(scopes), source, expires_at)

    @asked_again
    async def find(self, digest: bytes) -> Principal | None:
        """The owner of a live key: not revoked, not expired."""
        async with self._database.reader() as connection:
            with read_failures():
                row = await connection.fetchrow(FIND, digest)
        if row is None:
            return None
        return Principal(
            program_id=row["program_id"],
            slug=row["slug"],
            mode=row["mode"],
            key_id=row["key_id"],
            source=row["source"],
            scopes=frozenset(row["scopes"]),
            expires_at=row["expires_at"],
        )

    async def list(self, program_id: int) -> list[dict[str, Any]]:
        """A program's keys, oldest first, ended ones too; never the keys themselves."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(LIST, program_id)
        return [
            {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in row.items()}
            for row in rows
        ]

    async def create(self, claim: KeyClaim | None, program_id: int, new: NewKey) -> Answered | Replayed | Refused:
        """Store a key, once per idempotency key. The stored answer has null where the first one shows the key.

        Without a claim (the command line) every call makes a key. Raises KeyTaken when this very key exists.
        """
        detail = json.dumps(new.view() | {"api_key": None}, separators=(",", ":"), ensure_ascii=False)
        try:
            async with self._database.writer() as connection:
                with write_failures():
                    await connection.execute(
                        CREATE,
                        program_id,
                        new.key_id,
                        new.name,
                        new.source,
                        list(new.scopes),
                        new.masked,
                        new.digest,
                        new.expires_at,
                        claim.key if claim else None,
                        claim.fingerprint if claim else None,
                        detail,
                    )
        except KeyTaken:
            if claim is None:
                raise
            return await recall(self._database, claim)
        return Answered(detail)

    async def revoke(self, program_id: int, key_id: str) -> bool:
        """End a key. Answers whether there is such a key."""
        async with self._database.writer() as connection:
            with write_failures():
                return bool(await connection.fetchval(REVOKE, program_id, key_id))
