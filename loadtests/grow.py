"""`python grow.py PROGRAM ENTRIES PART PARTS`: more entries for the accounts of a program, by COPY.

Every account's chain goes on where it is: seq, balance, lot, key and hash are as if the service had posted so many
earns, so `ledger-service verify` finds nothing wrong. It is for databases that are measured and thrown away: it goes
past the gate, as the superuser of GROW_DATABASE_URL, and nobody may post meanwhile. PART of PARTS takes every PARTS-th
account, so that several can run at a time.

Keys are spread over all there can be, but each run writes them in ascending order: random ones would take hours.
"""

import asyncio
import hashlib
import os
import random
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from ledger_service.ledger.entries import Entry, seal
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement, movements_text

ENTRIES_AT_A_TIME = 50_000
"""In one transaction: enough for COPY to be quick, few enough to be held in memory."""

SOURCE = "bench"
PROGRAM = "SELECT program_id, version FROM ledger.program WHERE slug = $1"
ACCOUNTS = """
SELECT account_id, seq, balance, held, lifetime_points, head_hash
FROM (SELECT *, row_number() OVER (ORDER BY account_id) AS number FROM ledger.account
    WHERE program_id = $1 AND status = 'active' AND debt = 0) AS account
WHERE number % $2 = $3 ORDER BY account_id
"""
NOW = "SELECT clock_timestamp()"
ENTRY_COLUMNS = [
    "program_id",
    "account_id",
    "seq",
    "kind",
    "points",
    "balance_after",
    "available_after",
    "held_after",
    "source",
    "idempotency_key",
    "metadata",
    "movements",
    "written_off",
    "rule_version",
    "occurred_at",
    "recorded_at",
    "hash",
]
OUTCOME_COLUMNS = ["program_id", "idempotency_key", "fingerprint", "form", "account_id", "seq"]
UPDATE_ACCOUNTS = """
UPDATE ledger.account SET version = version + 1, seq = n.seq, balance = n.balance, lifetime_points = n.lifetime,
    head_hash = n.head_hash
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
    AS n (account_id, seq, balance, lifetime, head_hash)
WHERE account.program_id = $1 AND account.account_id = n.account_id
"""
FILL_LOTS = """
INSERT INTO ledger.lot (program_id, account_id, expires_at, available_at, remaining)
SELECT $1, n.account_id, 'infinity', '-infinity', n.points
FROM unnest($2::text[], $3::bigint[]) AS n (account_id, points)
ON CONFLICT (program_id, account_id, expires_at, available_at)
DO UPDATE SET remaining = lot.remaining + excluded.remaining
"""


@dataclass(slots=True)
class Account:
    """Where an account's books are."""

    account_id: str
    seq: int
    balance: int
    held: int
    lifetime: int
    head_hash: bytes
    earned: int = 0
    """What the entries of this run add."""


@dataclass(slots=True)
class Growth:
    """The entries of one run."""

    program_id: int
    rule_version: int
    now: datetime
    total: int
    stem: str
    chance: random.Random
    number: int = 0

    def next_key(self) -> str:
        """Ascending, from one end of all keys to the other."""
        self.number += 1
        return f"{(self.number << 32) // (self.total + 1):08x}-{self.stem}-{self.number}"

    def entry(self, account: Account) -> Entry:
        """The account's next one, as the ledger itself would seal it."""
        points = self.chance.randint(1, 500)
        account.seq += 1
        account.balance += points
        account.lifetime += points
        account.earned += points
        entry = seal(
            Entry(
                program_id=self.program_id,
                account_id=account.account_id,
                seq=account.seq,
                kind="earn",
                points=points,
                balance_after=account.balance,
                available_after=account.balance - account.held,
                held_after=account.held,
                order_id=None,
                source=SOURCE,
                key=self.next_key(),
                reason=None,
                metadata="{}",
                movements=(Movement(NEVER, ALWAYS, points),),
                available_at=None,
                expires_at=None,
                reverses_seq=None,
                transfer_id=None,
                written_off=0,
                rule_version=self.rule_version,
                occurred_at=self.now,
                recorded_at=self.now,
                previous_hash=account.head_hash,
                hash=b"",
            )
        )
        account.head_hash = entry.hash
        return entry


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """In the order of ENTRY_COLUMNS."""
    return (
        entry.program_id,
        entry.account_id,
        entry.seq,
        entry.kind,
        entry.points,
        entry.balance_after,
        entry.available_after,
        entry.held_after,
        entry.source,
        entry.key,
        entry.metadata,
        movements_text(entry.movements),
        entry.written_off,
        entry.rule_version,
        entry.occurred_at,
        entry.recorded_at,
        entry.hash,
    )


def outcome_row(entry: Entry) -> tuple[Any, ...]:
    """In the order of OUTCOME_COLUMNS. The fingerprint is one that no request has."""
    fingerprint = hashlib.md5(entry.hash, usedforsecurity=False).digest()
    return entry.program_id, entry.key, fingerprint, "posted", entry.account_id, entry.seq


def portions(accounts: Sequence[Account], entries: int) -> Iterator[list[tuple[Account, int]]]:
    """Accounts with how many entries each gets, in portions of about ENTRIES_AT_A_TIME."""
    each, more = divmod(entries, len(accounts))
    portion: list[tuple[Account, int]] = []
    planned = 0
    for place, account in enumerate(accounts):
        share = each + (place < more)
        if share:
            portion.append((account, share))
            planned += share
        if planned >= ENTRIES_AT_A_TIME:
            yield portion
            portion, planned = [], 0
    if portion:
        yield portion


async def write(connection: Any, growth: Growth, portion: Sequence[tuple[Account, int]]) -> None:
    """One portion in one transaction, after which the books are whole again."""
    entries = [growth.entry(account) for account, share in portion for _ in range(share)]
    accounts = [account for account, _ in portion]
    ids = [account.account_id for account in accounts]
    async with connection.transaction():
        await connection.copy_records_to_table(
            "entry", schema_name="ledger", columns=ENTRY_COLUMNS, records=map(entry_row, entries)
        )
        await connection.copy_records_to_table(
            "outcome", schema_name="ledger", columns=OUTCOME_COLUMNS, records=map(outcome_row, entries)
        )
        await connection.execute(
            UPDATE_ACCOUNTS,
            growth.program_id,
            ids,
            [account.seq for account in accounts],
            [account.balance for account in accounts],
            [account.lifetime for account in accounts],
            [account.head_hash for account in accounts],
        )
        await connection.execute(FILL_LOTS, growth.program_id, ids, [account.earned for account in accounts])


async def grow(url: str, slug: str, entries: int, part: int, parts: int) -> int:
    """Write them; how many there were."""
    connection = await asyncpg.connect(url)
    try:
        program = await connection.fetchrow(PROGRAM, slug)
        if program is None:
            raise SystemExit(f"There is no program {slug}.")
        rows = await connection.fetch(ACCOUNTS, program["program_id"], parts, part)
        accounts = [Account(*row) for row in rows]
        if entries and not accounts:
            raise SystemExit(f"The program {slug} has no accounts to write for.")
        now = await connection.fetchval(NOW)
        stem = secrets.token_hex(4)
        growth = Growth(program["program_id"], program["version"], now, entries, stem, random.Random(stem))
        for portion in portions(accounts, entries):
            await write(connection, growth, portion)
        return growth.number
    finally:
        await connection.close()


def main() -> None:
    """Do what the arguments say."""
    slug, entries, part, parts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    written = asyncio.run(grow(os.environ["GROW_DATABASE_URL"], slug, entries, part, parts))
    print(f"{written:,} entries")


if __name__ == "__main__":
    main()
