"""The journal: the two round trips of a batch. One loads what its commands rest on, one writes what was decided."""

import json
from collections.abc import Sequence

import asyncpg

from ledger_service.ledger.commands import (
    AttachIdentifier,
    Command,
    Earn,
    OpenAccount,
    Redeem,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    singles,
)
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import Lot
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.proposals import Proposal
from ledger_service.ledger.states import AccountState, EntryFacts, Identifier, KnownOutcome, Loaded
from ledger_service.storage.columns import COLUMNS_TOTAL, columns_of
from ledger_service.storage.database import Database, read_failures, write_failures
from ledger_service.storage.rows import (
    ENTRY_COLUMNS,
    IDENTIFIER_COLUMNS,
    entry_of,
    first_of,
    identifier_of,
    instant,
)

# OFFSET 0 in these statements: what is inside is looked up by its key for each row outside. Plans are kept from the
# first calls; without it every batch would go on reading all of a program, as if its tables were still empty.

# One round trip for everything a batch of new commands needs; each arm fills the columns it has.
#   what 0  the program:  version n1, its clock t1
#   what 1  an account with one of its lots (or none), the lots in the order in which they are consumed
#   what 2  a known key:  id, form s1, entry (s2, n1), detail s3, fingerprint b
#   what 3  a known order: id, kind s1, entry (s2, n1), source s3
LOAD_BATCH = """
SELECT 0 AS what, NULL AS id, version::bigint AS n1, NULL::bigint AS n2, NULL::bigint AS n3, NULL::bigint AS n4,
    NULL::bigint AS n5, NULL::bigint AS n6, NULL::bigint AS n7, coalesce(clock, clock_timestamp()) AS t1,
    NULL::timestamptz AS t2, NULL::timestamptz AS t3, NULL AS s1, NULL AS s2, NULL AS s3, NULL::bytea AS b
FROM ledger.program WHERE program_id = $1
UNION ALL
SELECT * FROM (
    SELECT 1, a.account_id, a.version, a.seq, a.balance, a.held, a.debt, a.lifetime_points, l.remaining, a.created_at,
        l.expires_at, l.available_at, a.status, a.merged_into, a.metadata::text, a.head_hash
    FROM ledger.account AS a
    LEFT JOIN LATERAL (
        SELECT * FROM ledger.lot WHERE program_id = $1 AND account_id = a.account_id ORDER BY expires_at, available_at
        OFFSET 0
    ) AS l ON true
    WHERE a.program_id = $1 AND a.account_id = ANY ($2::text[])
    ORDER BY a.account_id, l.expires_at, l.available_at
) AS account_with_lots
UNION ALL
SELECT 2, o.idempotency_key, o.seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.form, o.account_id,
    o.detail::text, o.fingerprint
FROM ledger.outcome AS o WHERE o.program_id = $1 AND o.idempotency_key = ANY ($3::text[])
UNION ALL
SELECT 3, e.order_id, e.seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.kind, e.account_id, e.source, NULL
FROM unnest($4::text[], $5::text[], $6::text[]) AS wanted (source, kind, order_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = $1 AND one.source = wanted.source AND one.kind = wanted.kind
        AND one.kind IN ('earn', 'redeem') AND one.order_id = wanted.order_id AND one.order_id IS NOT NULL
    OFFSET 0
) AS e
"""

# The entries that replays answer with, that orders name and that reversals undo, with what was reversed of them so far.
RECALL = f"""
SELECT {ENTRY_COLUMNS}, (
    SELECT coalesce(sum(abs(r.points) + r.written_off), 0)::bigint FROM ledger.entry AS r
    WHERE r.program_id = $1 AND r.account_id = e.account_id AND r.reverses_seq = e.seq
) AS reversed_points
FROM unnest($2::text[], $3::bigint[]) AS wanted (account_id, seq)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = $1 AND one.account_id = wanted.account_id AND one.seq = wanted.seq
    OFFSET 0
) AS e
"""

IDENTIFIERS = f"""
SELECT {IDENTIFIER_COLUMNS} FROM unnest($2::text[]) AS wanted (account_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.identifier AS one
    WHERE one.program_id = $1 AND one.account_id = wanted.account_id AND one.account_id > '' AND one.revoked_at IS NULL
    OFFSET 0
) AS i
UNION
SELECT {IDENTIFIER_COLUMNS} FROM unnest($3::text[], $4::bytea[]) AS wanted (type, digest)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.identifier AS one
    WHERE one.program_id = $1 AND one.type = wanted.type AND one.digest = wanted.digest AND one.revoked_at IS NULL
    OFFSET 0
) AS i
ORDER BY attached_at, identifier_id
"""

SETTINGS = "SELECT settings::text FROM ledger.program_version WHERE program_id = $1 AND version = $2"

_PLACES = ", ".join(f"${place}" for place in range(1, COLUMNS_TOTAL + 4))
WRITE_BATCH = f"SELECT account_id FROM ledger.write_batch_v1({_PLACES}) AS conflict (account_id)"

SETTINGS_KEPT_MAX = 10_000
"""Settings documents kept in memory, a few hundred bytes each; past it the oldest half goes."""


class PostgresJournal:
    """Loads and writes batches. Fits the `Journal` that posting asks for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Keyed by version too, and a version never changes: nothing here can be stale.
        self._settings: dict[tuple[int, int], ProgramSettings] = {}

    async def load_batch(self, program_id: int, commands: Sequence[Command]) -> Loaded:
        """What the commands rest on: one round trip, a second one when history is asked for. DatabaseUnavailable."""
        asked = singles(commands)
        keys = [command.key for command in (*commands, *asked) if command.key is not None]
        orders = [command for command in asked if isinstance(command, Earn | Redeem) and command.order_id is not None]
        async with self._database.writer() as connection:
            with read_failures():
                rows = await connection.fetch(
                    LOAD_BATCH,
                    program_id,
                    list({command.account_id for command in asked}),
                    keys,
                    [command.source for command in orders],
                    ["earn" if isinstance(command, Earn) else "redeem" for command in orders],
                    [command.order_id for command in orders],
                )
                found = _Found(rows)
                wanted = found.entries | {
                    (command.account_id, command.seq) for command in asked if isinstance(command, Reverse)
                }
                entries = await _recall(connection, program_id, wanted) if wanted else {}
                identifiers = await _identifiers(connection, program_id, asked)
                settings = await self._settings_of(connection, program_id, found.version)
        return Loaded(
            program=ProgramState(program_id, settings),
            now=found.now,
            accounts=found.accounts(),
            outcomes={
                row["id"]: KnownOutcome(row["b"], first_of(row["s1"], _entry(entries, row), row["s3"]))
                for row in found.keys
            },
            orders={(row["s3"], row["s1"], row["id"]): entries[row["s2"], row["n1"]].entry for row in found.orders},
            entries=entries,
            identifiers=identifiers,
        )

    async def write_batch(self, proposal: Proposal) -> frozenset[str]:
        """Write what the core proposes; answer the accounts in conflict, of which nothing was written.

        Raises KeyTaken, DatabaseUnavailable and ProposalRejected (nothing was written), OutcomeUnknown.
        """
        columns = columns_of(proposal)
        async with self._database.writer() as connection:
            # No timeout here: a cancel while COMMIT waits for the standby makes it report success without the standby.
            with write_failures():
                rows = await connection.fetch(
                    WRITE_BATCH, proposal.program_id, proposal.rule_version, proposal.now, *columns
                )
        return frozenset(row["account_id"] for row in rows)

    async def _settings_of(self, connection: asyncpg.Connection, program_id: int, version: int) -> ProgramSettings:
        known = self._settings.get((program_id, version))
        if known is None:
            document = json.loads(await connection.fetchval(SETTINGS, program_id, version))
            if len(self._settings) >= SETTINGS_KEPT_MAX:
                for old in list(self._settings)[: SETTINGS_KEPT_MAX // 2]:
                    del self._settings[old]
            known = self._settings[program_id, version] = ProgramSettings.of(version, document)
        return known


class _Found:
    """The rows of LOAD_BATCH, sorted into what they are."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        program, *others = rows
        self.version: int = program["n1"]
        self.now = program["t1"]
        self.account_rows = [row for row in others if row["what"] == 1]
        self.keys = [row for row in others if row["what"] == 2]
        self.orders = [row for row in others if row["what"] == 3]
        self.entries: set[tuple[str, int]] = {
            (row["s2"], row["n1"]) for row in (*self.keys, *self.orders) if row["n1"] is not None
        }

    def accounts(self) -> dict[str, AccountState]:
        lots: dict[str, list[Lot]] = {}
        first_rows: dict[str, asyncpg.Record] = {}
        for row in self.account_rows:
            account_id = row["id"]
            if account_id not in first_rows:
                first_rows[account_id] = row
                lots[account_id] = []
            if row["n7"] is not None:
                lots[account_id].append(Lot(instant(row["t2"]), instant(row["t3"]), row["n7"]))
        return {
            account_id: AccountState(
                account_id=account_id,
                status=row["s1"],
                version=row["n1"],
                seq=row["n2"],
                balance=row["n3"],
                held=row["n4"],
                debt=row["n5"],
                lifetime_points=row["n6"],
                head_hash=row["b"],
                merged_into=row["s2"],
                metadata=row["s3"],
                created_at=row["t1"],
                lots=tuple(lots[account_id]),
            )
            for account_id, row in first_rows.items()
        }


def _entry(entries: dict[tuple[str, int], EntryFacts], row: asyncpg.Record) -> Entry | None:
    return None if row["n1"] is None else entries[row["s2"], row["n1"]].entry


async def _recall(
    connection: asyncpg.Connection, program_id: int, wanted: set[tuple[str, int]]
) -> dict[tuple[str, int], EntryFacts]:
    rows = await connection.fetch(RECALL, program_id, [account for account, _ in wanted], [seq for _, seq in wanted])
    return {(row["account_id"], row["seq"]): EntryFacts(entry_of(row), row["reversed_points"]) for row in rows}


async def _identifiers(
    connection: asyncpg.Connection, program_id: int, commands: Sequence[Command]
) -> tuple[Identifier, ...]:
    """The identifiers in use that these commands ask about; a round trip only when one does."""
    accounts = [command.account_id for command in commands if isinstance(command, SetStatus | RevokeIdentifier)]
    claims = [command.identifier for command in commands if isinstance(command, AttachIdentifier)]
    for command in commands:
        if isinstance(command, OpenAccount):
            claims.extend(command.identifiers)
    if not accounts and not claims:
        return ()
    rows = await connection.fetch(
        IDENTIFIERS, program_id, accounts, [claim.type for claim in claims], [claim.digest for claim in claims]
    )
    return tuple(identifier_of(row) for row in rows)
