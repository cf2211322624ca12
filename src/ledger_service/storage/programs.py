"""Programs: the tenants, and every version of their settings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.errors import KeyTaken
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.outcomes import Answered, Refused, Replayed
from ledger_service.ledger.refusals import ProgramExists
from ledger_service.storage.again import asked_again
from ledger_service.storage.claims import KeyClaim, recall, refuse
from ledger_service.storage.database import Database, read_failures, write_failures
from ledger_service.storage.keys import NewKey


@dataclass(frozen=True, slots=True)
class Program:
    """A program with the settings that decide now."""

    program_id: int
    slug: str
    mode: str
    version: int
    settings: dict[str, Any]


_PROGRAM = """
SELECT p.program_id, p.slug, p.mode, p.version, v.settings::text AS settings
FROM ledger.program AS p
JOIN ledger.program_version AS v ON v.program_id = p.program_id AND v.version = p.version
"""
GET = _PROGRAM + "WHERE p.program_id = $1"
FIND = _PROGRAM + "WHERE p.slug = $1"
LIST = _PROGRAM + "ORDER BY p.program_id"
VERSIONS = """
SELECT version, created_at, settings::text AS settings FROM ledger.program_version
WHERE program_id = $1 ORDER BY version DESC
"""
PUT = "SELECT ledger.put_program_v1($1, $2, $3)"
ADVANCE_CLOCK = "SELECT ledger.advance_clock_v1($1, $2)"
CREATE = "SELECT ledger.create_program_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"


class Programs:
    """Reads and changes programs. Settings are validated before they come here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asked_again
    async def get(self, program_id: int) -> Program:
        async with self._database.reader() as connection:
            with read_failures():
                return _program(await connection.fetchrow(GET, program_id))

    async def find(self, slug: str) -> Program | None:
        async with self._database.reader() as connection:
            with read_failures():
                row = await connection.fetchrow(FIND, slug)
        return None if row is None else _program(row)

    async def list(self) -> Sequence[Program]:
        """All programs, oldest first."""
        async with self._database.reader() as connection:
            with read_failures():
                return [_program(row) for row in await connection.fetch(LIST)]

    async def versions(self, program_id: int) -> Sequence[dict[str, Any]]:
        """Every settings document the program had, newest first."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(VERSIONS, program_id)
        return [
            {
                "version": row["version"],
                "created_at": rfc3339(row["created_at"]),
                "settings": json.loads(row["settings"]),
            }
            for row in rows
        ]

    async def put(self, program_id: int, expected_version: int, document: dict[str, Any]) -> Program | None:
        """Make this the next version of the settings; None when the present version is not the expected one."""
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        async with self._database.writer() as connection:
            with write_failures():
                version = await connection.fetchval(PUT, program_id, expected_version, text)
            if version is None:
                return None
            with read_failures():
                return _program(await connection.fetchrow(GET, program_id))

    async def advance_clock(self, program_id: int, to: datetime) -> datetime | None:
        """Move the clock of a test program forward; answers where it stands now. None, and nothing is changed, when
        that would be backwards or the program follows the real time. Safe to repeat."""
        async with self._database.writer() as connection:
            with write_failures():
                now: datetime | None = await connection.fetchval(ADVANCE_CLOCK, program_id, to)
        return now

    async def create(
        self,
        claim: KeyClaim | None,
        slug: str,
        mode: str,
        settings: dict[str, Any],
        clock: datetime | None,
        key: NewKey,
    ) -> Answered | Replayed | Refused:
        """A new program with its first key, once per idempotency key of the operator.

        The stored answer has null where the first one shows the API key. A slug that is taken is refused.
        """
        view = {"slug": slug, "mode": mode, "version": 1, "settings": settings, "api_key": None}
        detail = json.dumps(view, ensure_ascii=False, separators=(",", ":"))
        try:
            async with self._database.writer() as connection:
                with write_failures():
                    await connection.execute(
                        CREATE,
                        slug,
                        mode,
                        clock,
                        json.dumps(settings, ensure_ascii=False, separators=(",", ":")),
                        key.key_id,
                        key.name,
                        key.source,
                        list(key.scopes),
                        key.masked,
                        key.digest,
                        claim.key if claim else None,
                        claim.fingerprint if claim else None,
                        detail,
                    )
        except KeyTaken as taken:
            if "slug" in str(taken):
                return await refuse(self._database, claim, ProgramExists(slug))
            if claim is None:
                raise
            return await recall(self._database, claim)
        return Answered(detail)


def _program(row: Any) -> Program:
    return Program(row["program_id"], row["slug"], row["mode"], row["version"], json.loads(row["settings"]))
