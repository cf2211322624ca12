"""Loading: the first round trip of a batch, and what its rows are."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from ledger_service.ledger.holds import Hold, HoldFacts
from ledger_service.ledger.lots import Lot
from ledger_service.ledger.standing import QualifyingDay, standing_of
from ledger_service.ledger.states import AccountState
from ledger_service.storage.rows import hold_of, instant, named_by
from ledger_service.storage.wanted import Wanted

# OFFSET 0 in this statement: what is inside is looked up by its key for each row outside. Plans are kept from the
# first calls; without it every batch would go on reading all of a program, as if its tables were still empty. Nor does
# it say `= ANY (list)`: Postgres 16 takes that for a filter on the whole program when it has no statistics.

# One round trip for everything a batch of new commands needs; each arm fills the columns it has.
#   what 0  the program:  version n1, its clock t1
#   what 1  an account, its lots as arrays (null: none) in the order in which they are consumed
#   what 2  a known key:  id, form s1, entry (s2, n1), detail s3, fingerprint b
#   what 3  a known order: id, kind s1, entry (s2, n1), source s3
#   what 4  an open hold of an account, soonest time-out first
# Held points are an account's, so only an account with some has open holds.
LOAD_BATCH = """
WITH account AS MATERIALIZED (
    SELECT found.* FROM unnest($2::text[]) AS wanted (account_id)
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.account AS one WHERE one.program_id = $1 AND one.account_id = wanted.account_id
        OFFSET 0
    ) AS found
)
SELECT 0 AS what, NULL AS id, version::bigint AS n1, NULL::bigint AS n2, NULL::bigint AS n3, NULL::bigint AS n4,
    NULL::bigint AS n5, NULL::bigint AS n6, NULL::bigint AS n7, coalesce(clock, clock_timestamp()) AS t1,
    NULL::timestamptz AS t2, NULL::timestamptz AS t3, NULL AS s1, NULL AS s2, NULL AS s3, NULL AS s4, NULL AS s5,
    NULL::bytea AS b, NULL::timestamptz[] AS expires_ats, NULL::timestamptz[] AS available_ats,
    NULL::bigint[] AS remainings
FROM ledger.program WHERE program_id = $1
UNION ALL
SELECT 1, a.account_id, a.version, a.seq, a.balance, a.held, a.debt, a.lifetime_points, NULL, a.created_at,
    NULL, NULL, a.status, a.merged_into, a.metadata::text, a.standing::text, NULL, a.head_hash, l.expires_ats,
    l.available_ats, l.remainings
FROM account AS a
CROSS JOIN LATERAL (
    SELECT array_agg(sorted.expires_at) AS expires_ats, array_agg(sorted.available_at) AS available_ats,
        array_agg(sorted.remaining) AS remainings
    FROM (
        SELECT * FROM ledger.lot WHERE program_id = $1 AND account_id = a.account_id ORDER BY expires_at, available_at
        OFFSET 0
    ) AS sorted
) AS l
UNION ALL
SELECT 2, o.idempotency_key, o.seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.form, o.account_id,
    o.detail::text, NULL, NULL, o.fingerprint, NULL, NULL, NULL
FROM unnest($3::text[]) AS wanted (idempotency_key)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.outcome AS one WHERE one.program_id = $1 AND one.idempotency_key = wanted.idempotency_key
    OFFSET 0
) AS o
UNION ALL
SELECT 3, e.order_id, e.seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.kind, e.account_id, e.source,
    NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($4::text[], $5::text[], $6::text[]) AS wanted (source, kind, order_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = $1 AND one.source = wanted.source AND one.kind = wanted.kind
        AND one.kind IN ('earn', 'redeem') AND one.order_id = wanted.order_id AND one.order_id IS NOT NULL
    OFFSET 0
) AS e
UNION ALL
SELECT * FROM (
    SELECT 4, h.hold_id, h.seq, h.points, h.captured, h.closed_seq, NULL::bigint, NULL::bigint, NULL::bigint,
        h.created_at, h.expires_at, h.closed_at, h.account_id, h.source, h.order_id, h.movements::text, h.status,
        NULL::bytea, NULL::timestamptz[], NULL::timestamptz[], NULL::bigint[]
    FROM account AS a
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.hold AS one
        WHERE one.program_id = $1 AND one.account_id = a.account_id AND one.status = 'open'
        OFFSET 0
    ) AS h
    WHERE a.held > 0
    ORDER BY h.expires_at, h.hold_id
) AS open_hold
"""

# What not every batch needs, still in the same round trip: each arm costs even when it finds nothing.
#   what 5  a hold that a command names, open or not
#   what 6  the qualifying days of an account, as one text s1, since a year may have hundreds of them.
#           Only when $8 asks for them
LOAD_SPECIAL_BATCH = f"""{LOAD_BATCH}
UNION ALL
SELECT 5, h.hold_id, h.seq, h.points, h.captured, h.closed_seq, NULL, NULL, NULL,
    h.created_at, h.expires_at, h.closed_at, h.account_id, h.source, h.order_id, h.movements::text, h.status, NULL,
    NULL, NULL, NULL
FROM unnest($7::text[]) AS wanted (hold_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.hold AS one WHERE one.program_id = $1 AND one.hold_id = wanted.hold_id
    OFFSET 0
) AS h
UNION ALL
SELECT 6, a.account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, d.days, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL
FROM account AS a
CROSS JOIN LATERAL (
    SELECT string_agg(
        concat_ws(' ', one.day - date '0001-01-01', one.points, one.spend, one.visits), ',' ORDER BY one.day) AS days
    FROM ledger.qualifying_day AS one
    WHERE one.program_id = $1 AND one.account_id = a.account_id AND one.day >= (
        SELECT (coalesce(clock, clock_timestamp()) - interval '37 months')::date
        FROM ledger.program WHERE program_id = $1)
    OFFSET 0
) AS d
WHERE $8::boolean
"""


def question_of(wanted: Wanted, *, with_days: bool) -> tuple[str, tuple[Any, ...]]:
    """The statement that finds this, and its arguments after the program."""
    orders = list(wanted.orders)
    arguments = (
        list(wanted.account_ids),
        wanted.keys,
        [source for source, _, _ in orders],
        [kind for _, kind, _ in orders],
        [order_id for _, _, order_id in orders],
    )
    if wanted.hold_ids or with_days:
        return LOAD_SPECIAL_BATCH, (*arguments, wanted.hold_ids, with_days)
    return LOAD_BATCH, arguments


class Found:
    """The rows of LOAD_BATCH, sorted into what they are."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        program = rows[0]
        self.version: int = program["n1"]
        self.now = program["t1"]
        self.account_rows: list[asyncpg.Record] = []
        self.keys: list[asyncpg.Record] = []
        self.orders: list[asyncpg.Record] = []
        self._open_holds: list[asyncpg.Record] = []
        self._named_holds: list[asyncpg.Record] = []
        self._days: list[asyncpg.Record] = []
        arms: tuple[list[asyncpg.Record], ...] = (
            [],
            self.account_rows,
            self.keys,
            self.orders,
            self._open_holds,
            self._named_holds,
            self._days,
        )
        for row in rows:
            arms[row[0]].append(row)

    def entries(self) -> set[tuple[str, int]]:
        """The entries that known keys and orders stand for, by account_id and seq."""
        entries = {(row["s2"], row["n1"]) for row in self.orders}
        for row in self.keys:
            entries.update(self.named_by(row))
        return entries

    @staticmethod
    def named_by(key: asyncpg.Record) -> tuple[tuple[str, int], ...]:
        """The entries that a known key stands for."""
        return named_by(key["s1"], key["s2"], key["n1"], key["s3"])

    def holds(self) -> dict[str, HoldFacts]:
        """The holds that commands name."""
        return {row["id"]: _hold_of(row) for row in self._named_holds}

    def accounts(self) -> dict[str, AccountState]:
        holds: dict[str, list[Hold]] = {}
        for row in self._open_holds:
            holds.setdefault(row["s1"], []).append(_hold_of(row).hold)
        days = {row["id"]: _days_of(row["s1"]) for row in self._days if row["s1"] is not None}
        return {
            row[1]: AccountState(
                account_id=row[1],
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
                lots=_lots_of(row),
                holds=tuple(holds.get(row[1], ())),
                standing=standing_of(row["s4"]),
                days=tuple(days.get(row[1], ())),
            )
            for row in self.account_rows
        }


def _lots_of(row: asyncpg.Record) -> tuple[Lot, ...]:
    if row[18] is None:
        return ()
    return tuple(
        Lot(instant(expires_at), instant(available_at), remaining)
        for expires_at, available_at, remaining in zip(row[18], row[19], row[20], strict=True)
    )


def _days_of(text: str) -> tuple[QualifyingDay, ...]:
    """The days of an account, in their order: "days since the year 1, points, spend, visits", with commas between."""
    days = []
    for packed in text.split(","):
        day, points, spend, visits = packed.split(" ")
        days.append(QualifyingDay(date.fromordinal(int(day) + 1), int(points), Decimal(spend), int(visits)))
    return tuple(days)


def _hold_of(row: asyncpg.Record) -> HoldFacts:
    return hold_of(
        {
            "hold_id": row["id"],
            "account_id": row["s1"],
            "seq": row["n1"],
            "points": row["n2"],
            "expires_at": row["t2"],
            "movements": row["s4"],
            "source": row["s2"],
            "order_id": row["s3"],
            "created_at": row["t1"],
            "status": row["s5"],
            "captured": row["n3"],
            "closed_seq": row["n4"],
            "closed_at": row["t3"],
        }
    )
