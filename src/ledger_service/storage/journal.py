"""The journal: the two round trips of a batch. One loads what its commands rest on, one writes what was decided."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import asyncpg

from ledger_service.ledger.commands import Command
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.proposals import Proposal, Written
from ledger_service.ledger.remaining import shares_of
from ledger_service.ledger.states import EntryFacts, Identifier, KnownOutcome, Loaded
from ledger_service.storage.columns import columns_of
from ledger_service.storage.database import Database, read_failures, write_failures
from ledger_service.storage.loading import Found, question_of
from ledger_service.storage.rows import ENTRY_COLUMNS, IDENTIFIER_COLUMNS, entry_of, first_of, identifier_of
from ledger_service.storage.wanted import Wanted, wanted_by

# OFFSET 0 in these statements: what is inside is looked up by its key for each row outside. Plans are kept from the
# first calls; without it every batch would go on reading all of a program, as if its tables were still empty.

# The entries that replays answer with, that orders name and that reversals undo, with what was reversed of them so far,
# wherever that stands (`reversed_points`, `refunds`: what each left, and whether it made the purchase count no more).
# Then the entries that freed their points, each with the entry that it freed.
RECALL = f"""
SELECT {ENTRY_COLUMNS}, NULL AS confirmed_account, NULL::bigint AS confirmed_seq, r.reversed_points, r.refunds
FROM unnest($2::text[], $3::bigint[]) AS wanted (account_id, seq)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = $1 AND one.account_id = wanted.account_id AND one.seq = wanted.seq
    OFFSET 0
) AS e
CROSS JOIN LATERAL (
    SELECT coalesce(sum(abs(undoing.points) + undoing.written_off), 0)::bigint AS reversed_points,
        json_agg(json_build_array(undoing.detail #> '{{refund,shares}}', undoing.detail #> '{{refund,uncounted}}'))
            FILTER (WHERE (undoing.detail ->> 'refund') IS NOT NULL)::text AS refunds
    FROM (
        SELECT own.points, own.written_off, own.detail FROM ledger.entry AS own
        WHERE own.program_id = $1 AND own.account_id = wanted.account_id AND own.reverses_seq = wanted.seq
            AND (own.detail ->> 'reverses_account') IS NULL
        UNION ALL
        SELECT other.points, other.written_off, other.detail FROM ledger.entry AS other
        WHERE other.program_id = $1 AND (other.detail ->> 'reverses_account') = wanted.account_id
            AND coalesce(other.reverses_seq, 0) = wanted.seq
    ) AS undoing
) AS r
UNION ALL
SELECT {ENTRY_COLUMNS}, wanted.account_id, wanted.seq, NULL, NULL
FROM unnest($2::text[], $3::bigint[]) AS wanted (account_id, seq)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS own
    WHERE own.program_id = $1 AND own.account_id = wanted.account_id AND own.reverses_seq = wanted.seq
        AND own.kind = 'confirm' AND (own.detail ->> 'reverses_account') IS NULL
    UNION ALL
    SELECT * FROM ledger.entry AS other
    WHERE other.program_id = $1 AND (other.detail ->> 'reverses_account') = wanted.account_id
        AND coalesce(other.reverses_seq, 0) = wanted.seq AND other.kind = 'confirm'
    OFFSET 0
) AS e
"""

# Digests in hexadecimal: what a list of bytes is, the driver would ask the database on every new connection.
IDENTIFIERS = f"""
SELECT {IDENTIFIER_COLUMNS} FROM unnest($2::text[]) AS wanted (account_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.identifier AS one
    WHERE one.program_id = $1 AND one.account_id = wanted.account_id AND one.account_id > '' AND one.revoked_at IS NULL
    OFFSET 0
) AS i
UNION
SELECT {IDENTIFIER_COLUMNS} FROM (
    SELECT named.type, decode(named.digest, 'hex') AS digest FROM unnest($3::text[], $4::text[]) AS named (type, digest)
    OFFSET 0
) AS wanted
CROSS JOIN LATERAL (
    SELECT * FROM ledger.identifier AS one
    WHERE one.program_id = $1 AND one.type = wanted.type AND one.digest = wanted.digest AND one.revoked_at IS NULL
    OFFSET 0
) AS i
ORDER BY attached_at, identifier_id
"""

SETTINGS = "SELECT settings::text FROM ledger.program_version WHERE program_id = $1 AND version = $2"

# Rows, so that a row has all its columns: lists of columns would have to be seen to be of one length.
WRITE_BATCH = """
SELECT ledger.write_batch_v3($1, $2, $3, $4, $5, $6, $7, $8, $9, $10),
    extract(epoch FROM clock_timestamp() - now())::float8
"""
"""With the seconds from its arrival until all is written; what is left of the round trip is the commit and the way."""

BARRIER = "SELECT pg_logical_emit_message(true, 'barrier', '')"
"""Writes to the log, so its commit waits for the standby to have all that was written before. A transaction that
writes nothing would not wait."""

SETTINGS_KEPT_MAX = 10_000
"""Settings documents kept in memory, a few hundred bytes each; past it the oldest half goes."""


class PostgresJournal:
    """Loads and writes batches. Fits the `Journal` that posting asks for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Keyed by version too, and a version never changes: nothing here can be stale.
        self._settings: dict[tuple[int, int], ProgramSettings] = {}
        self._without_tiers: set[int] = set()
        """Programs whose last known settings have no tiers."""

    async def load_batch(self, program_id: int, commands: Sequence[Command], give_up_at: float | None = None) -> Loaded:
        """What the commands rest on: one round trip, a second one when history is asked for. DatabaseUnavailable."""
        wanted = wanted_by(commands)
        async with self._database.writer(give_up_at) as connection:
            with read_failures():
                found, settings = await self._load(connection, program_id, wanted)
                accounts = found.accounts()
                named = found.entries() | wanted.entries
                named.update((name, accounts[name].seq) for name in wanted.merges if name in accounts)
                entries = await _recall(connection, program_id, named) if named else {}
                identifiers = await _identifiers(connection, program_id, wanted)
                versions = {settings.version: settings}
                if wanted.is_about_orders:
                    for version in {entries[row["s2"], row["n1"]].entry.rule_version for row in found.orders}:
                        versions[version] = await self._settings_of(connection, program_id, version)
        return Loaded(
            program=ProgramState(program_id, settings),
            now=found.now,
            accounts=accounts,
            outcomes={
                row["id"]: KnownOutcome(
                    row["b"], first_of(row["s1"], [entries[name].entry for name in found.named_by(row)], row["s3"])
                )
                for row in found.keys
            },
            orders={(row["s3"], row["s1"], row["id"]): entries[row["s2"], row["n1"]].entry for row in found.orders},
            entries=entries,
            holds=found.holds(),
            settings=versions,
            identifiers=identifiers,
        )

    async def _load(
        self, connection: asyncpg.Connection, program_id: int, wanted: Wanted
    ) -> tuple[Found, ProgramSettings]:
        """The first round trip. Days are read in programs with tiers only, and only the settings say which these are:
        the last known ones do, and when tiers were introduced since, it is asked once more."""
        with_days = program_id not in self._without_tiers
        statement, arguments = question_of(wanted, with_days=with_days)
        rows = await connection.fetch(statement, program_id, *arguments)
        settings = await self._settings_of(connection, program_id, rows[0]["n1"])
        if settings.ladder is None:
            self._without_tiers.add(program_id)
        else:
            self._without_tiers.discard(program_id)
            if not with_days:
                return await self._load(connection, program_id, wanted)
        return Found(rows), settings

    async def write_batch(self, proposal: Proposal, give_up_at: float | None = None) -> Written:
        """Write what the core proposes, but for the accounts in conflict.

        Raises KeyTaken, AccountLocked, DatabaseUnavailable and ProposalRejected (nothing was written), OutcomeUnknown.
        """
        columns = columns_of(proposal)
        async with self._database.writer(give_up_at) as connection:
            # No timeout here: a cancel while COMMIT waits for the standby makes it report success without the standby.
            with write_failures():
                conflicts, gate_seconds = await connection.fetchrow(
                    WRITE_BATCH, proposal.program_id, proposal.rule_version, proposal.now, *columns
                )
            self._database.require_replicated(connection)
        return Written(frozenset(conflicts), gate_seconds)

    async def barrier(self, give_up_at: float | None = None) -> None:
        """Return once what was read before is replicated as far as commits are. DatabaseUnavailable, OutcomeUnknown."""
        async with self._database.writer(give_up_at) as connection:
            with write_failures():
                await connection.fetchval(BARRIER)
            self._database.require_replicated(connection)

    async def _settings_of(self, connection: asyncpg.Connection, program_id: int, version: int) -> ProgramSettings:
        known = self._settings.get((program_id, version))
        if known is None:
            document = json.loads(await connection.fetchval(SETTINGS, program_id, version))
            if len(self._settings) >= SETTINGS_KEPT_MAX:
                for old in list(self._settings)[: SETTINGS_KEPT_MAX // 2]:
                    del self._settings[old]
            known = self._settings[program_id, version] = ProgramSettings.of(version, document)
        return known


async def _recall(
    connection: asyncpg.Connection, program_id: int, wanted: set[tuple[str, int]]
) -> dict[tuple[str, int], EntryFacts]:
    rows = await connection.fetch(RECALL, program_id, [account for account, _ in wanted], [seq for _, seq in wanted])
    facts: dict[tuple[str, int], EntryFacts] = {}
    for row in rows:
        entry = entry_of(row)
        if row["confirmed_seq"] is not None:
            confirmed = row["confirmed_account"], row["confirmed_seq"]
            facts[confirmed] = replace(facts[confirmed], confirmed_by=entry)
            continue
        refunds = [] if row["refunds"] is None else json.loads(row["refunds"])
        facts[entry.account_id, entry.seq] = EntryFacts(
            entry,
            row["reversed_points"],
            shares=_left_by(refunds),
            is_uncounted=any(uncounted for _, uncounted in refunds),
        )
    return facts


def _left_by(refunds: Sequence[tuple[list[str], bool | None]]) -> tuple[Fraction, ...] | None:
    """What is left of each line after these refunds. Each says what it left, and none gives anything back, so the least
    counts: entries of several accounts have no order of their own."""
    lines = zip(*(shares_of(shares) for shares, _ in refunds), strict=True)
    return tuple(min(shares) for shares in lines) if refunds else None


async def _identifiers(connection: asyncpg.Connection, program_id: int, wanted: Wanted) -> tuple[Identifier, ...]:
    """The identifiers in use that commands ask about; a round trip only when one does."""
    if not wanted.identifiers_of and not wanted.claims:
        return ()
    rows = await connection.fetch(
        IDENTIFIERS,
        program_id,
        wanted.identifiers_of,
        [claim.type for claim in wanted.claims],
        [claim.digest.hex() for claim in wanted.claims],
    )
    return tuple(identifier_of(row) for row in rows)
