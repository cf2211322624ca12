"""Lookups: whose books a hold, an order or a merged account is about, before a command is made of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from ledger_service.ledger.holds import Hold, HoldFacts
from ledger_service.ledger.lots import movements_of
from ledger_service.storage.again import asked_again
from ledger_service.storage.database import Database, read_failures


@dataclass(frozen=True, slots=True)
class HoldPlace:
    """Where a hold is."""

    account_ids: tuple[str, ...]
    """The account that has it, then those that this one was merged into, one after the other."""
    order_id: str | None


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold at an instant. One whose time is over counts as timed out, whether or not anybody did the work."""

    facts: HoldFacts
    reason: str | None
    metadata: str
    """A JSON object."""


# OFFSET 0: what is inside is looked up by its key for each row outside, whatever the statistics said at the first call.
_PLACES = """
found (number, account_id, depth, order_id) AS (
    SELECT number, account_id, 0, order_id FROM named
    UNION ALL
    SELECT found.number, a.merged_into, found.depth + 1, found.order_id
    FROM found CROSS JOIN LATERAL (
        SELECT merged_into FROM ledger.account
        WHERE program_id = $1 AND account_id = found.account_id AND merged_into IS NOT NULL
        OFFSET 0
    ) AS a
    -- Nobody is merged that often; a circle, which the gate forbids, would have no end.
    WHERE found.depth < 100
)
SELECT number, account_id, order_id FROM found ORDER BY number, depth
"""

HOLD_PLACES = f"""
WITH RECURSIVE named AS (
    SELECT wanted.number, h.account_id, h.order_id
    FROM unnest($2::text[]) WITH ORDINALITY AS wanted (hold_id, number)
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.hold AS one WHERE one.program_id = $1 AND one.hold_id = wanted.hold_id OFFSET 0
    ) AS h
), {_PLACES}
"""

# Of each order first the accounts of its earn, then those of its redeem.
ORDER_PLACES = f"""
WITH RECURSIVE named AS (
    SELECT 2 * wanted.number + (e.kind = 'redeem')::integer AS number, e.account_id, e.order_id
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (source, order_id, number)
    CROSS JOIN (VALUES ('earn'), ('redeem')) AS either (kind)
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.entry AS one
        WHERE one.program_id = $1 AND one.source = wanted.source AND one.kind = either.kind
            AND one.kind IN ('earn', 'redeem') AND one.order_id = wanted.order_id AND one.order_id IS NOT NULL
        OFFSET 0
    ) AS e
), {_PLACES}
"""

ACCOUNT_PLACES = f"""
WITH RECURSIVE named AS (
    -- As in the tables, from which the others come.
    SELECT number, account_id COLLATE "C" AS account_id, NULL::text AS order_id
    FROM unnest($2::text[]) WITH ORDINALITY AS wanted (account_id, number)
), {_PLACES}
"""

_HOLD_COLUMNS = """h.hold_id, h.account_id, h.seq, h.points, h.expires_at, h.movements::text AS movements, h.source,
    h.order_id, h.created_at, h.status, h.captured, h.closed_seq, h.closed_at, e.reason, e.metadata::text AS metadata"""

_CLOCK = "SELECT coalesce(clock, clock_timestamp()) AS now FROM ledger.program WHERE program_id = $1"

_ITS_ENTRY = """
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = $1 AND one.account_id = h.origin_account_id AND one.seq = h.seq
    OFFSET 0
) AS e"""

HOLD = f"""
SELECT {_HOLD_COLUMNS}, ({_CLOCK}) AS now
FROM ledger.hold AS h {_ITS_ENTRY}
WHERE h.program_id = $1 AND h.hold_id = $2
"""

OPEN_HOLDS = f"""
SELECT {_HOLD_COLUMNS}, clock.now
FROM ({_CLOCK}) AS clock
CROSS JOIN LATERAL (
    SELECT * FROM ledger.hold AS one
    WHERE one.program_id = $1 AND one.account_id = $2 AND one.status = 'open' AND one.expires_at > clock.now
        AND (one.expires_at, one.hold_id) > ($3::timestamptz, $4::text)
    ORDER BY one.expires_at, one.hold_id
    LIMIT $5
) AS h {_ITS_ENTRY}
ORDER BY h.expires_at, h.hold_id
"""

EXISTS = "SELECT 1 FROM ledger.account WHERE program_id = $1 AND account_id = $2"


class Lookups:
    """Finds what is not named by its account. Each raises Overloaded and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holds(self, program_id: int, hold_ids: Collection[str]) -> dict[str, HoldPlace]:
        """Where these holds are, open or not. One that does not exist is left out."""
        named = list(hold_ids)
        places: dict[str, HoldPlace] = {}
        for number, rows in (await self._places(HOLD_PLACES, program_id, named)).items():
            places[named[number - 1]] = HoldPlace(_accounts(rows), rows[0]["order_id"])
        return places

    async def orders(self, program_id: int, source: str, order_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Whose these orders of a source are: the accounts of the earn and of the redeem of each, with those that they
        were merged into. An order that was neither earned nor redeemed is left out."""
        named = list(order_ids)
        found = await self._places(ORDER_PLACES, program_id, [source] * len(named), named)
        places: dict[str, tuple[str, ...]] = {}
        for number, rows in found.items():
            order_id = named[number // 2 - 1]
            places[order_id] = tuple(dict.fromkeys((*places.get(order_id, ()), *_accounts(rows))))
        return places

    async def merged_into(self, program_id: int, account_ids: Collection[str]) -> dict[str, str]:
        """The account that each of these was merged into. One that was not merged is left out."""
        named = list(account_ids)
        found = await self._places(ACCOUNT_PLACES, program_id, named)
        return {named[number - 1]: rows[1]["account_id"] for number, rows in found.items() if len(rows) > 1}

    @asked_again
    async def hold(self, program_id: int, hold_id: str) -> HoldView | None:
        """A hold as it stands now."""
        async with self._database.reader() as connection:
            with read_failures():
                row = await connection.fetchrow(HOLD, program_id, hold_id)
        return None if row is None else _hold_of(row)

    @asked_again
    async def open_holds(
        self, program_id: int, account_id: str, after: tuple[datetime, str], limit: int
    ) -> list[HoldView] | None:
        """Open holds of an account behind this time-out and id, soonest time-out first. None: no such account."""
        async with self._database.reader() as connection:
            with read_failures():
                rows = await connection.fetch(OPEN_HOLDS, program_id, account_id, *after, limit)
                if not rows and not await connection.fetchval(EXISTS, program_id, account_id):
                    return None
        return [_hold_of(row) for row in rows]

    @asked_again
    async def _places(self, sql: str, program_id: int, *named: list[str]) -> dict[int, list[asyncpg.Record]]:
        """The rows of each that was found, by its number."""
        if not named[0]:
            return {}
        async with self._database.reader() as connection:
            # Commands are decided by these answers: one that is a moment old would refuse what is there.
            self._database.require_primary(connection)
            with read_failures():
                rows = await connection.fetch(sql, program_id, *named)
        places: dict[int, list[asyncpg.Record]] = {}
        for row in rows:
            places.setdefault(row["number"], []).append(row)
        return dict(sorted(places.items()))


def _accounts(rows: Iterable[asyncpg.Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["account_id"] for row in rows))


def _hold_of(row: asyncpg.Record) -> HoldView:
    hold = Hold(
        hold_id=row["hold_id"],
        account_id=row["account_id"],
        seq=row["seq"],
        points=row["points"],
        expires_at=row["expires_at"],
        movements=movements_of(row["movements"]),
        source=row["source"],
        order_id=row["order_id"],
        created_at=row["created_at"],
    )
    is_over = row["status"] == "open" and hold.expires_at <= row["now"]
    facts = HoldFacts(
        hold=hold,
        status="timed_out" if is_over else row["status"],
        captured=row["captured"],
        closed_seq=row["closed_seq"],
        closed_at=hold.expires_at if is_over else row["closed_at"],
    )
    return HoldView(facts, row["reason"], row["metadata"])
