"""Whole accounts: all that a rule may need to know of an account, in one statement, so that it is all of one moment."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import asyncpg

from ledger_service.ledger.holding import soonest
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.lots import Lot, movements_of
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.ledger.states import AccountState
from ledger_service.storage.rows import ACCOUNT_COLUMNS, account_of, instant

# No window of a tier is longer than 36 months; a day before that changes nothing any more.
DAYS_KEPT_MONTHS = 37


def whole(account: str, with_days: str, since: str, program: str = "$1") -> str:
    """Columns that make whole accounts, of an account a and its lots l: a row for each account.

    `account` is the SQL of its id: with a parameter, holds and days are looked up at most once, and only when needed.
    `with_days` says whether days are wanted, `since` from which on; `program` is the SQL of the program's id.
    """
    return f"""{ACCOUNT_COLUMNS}, l.expires_ats, l.available_ats, l.remainings,
    CASE WHEN a.held > 0 THEN (
        SELECT json_agg(json_build_array(h.hold_id, h.seq, h.points, h.expires_at, h.movements, h.source, h.order_id,
            h.created_at))
        FROM ledger.hold AS h WHERE h.program_id = {program} AND h.account_id = {account} AND h.status = 'open'
    ) END AS holds,
    CASE WHEN {with_days} THEN (
        SELECT json_agg(json_build_array(d.day, d.points, d.spend::text, d.visits))
        FROM ledger.qualifying_day AS d
        WHERE d.program_id = {program} AND d.account_id = {account} AND d.day >= {since}
    ) END AS days"""


def lots_of_account(program: str) -> str:
    """The lots l of an account a, as arrays: it may have hundreds, and a row each would repeat the account as often.
    `program` is the SQL of the program's id."""
    return f"""CROSS JOIN LATERAL (
    SELECT array_agg(sorted.expires_at) AS expires_ats, array_agg(sorted.available_at) AS available_ats,
        array_agg(sorted.remaining) AS remainings
    FROM (
        SELECT * FROM ledger.lot WHERE program_id = {program} AND account_id = a.account_id
        ORDER BY expires_at, available_at
        OFFSET 0
    ) AS sorted
) AS l"""


LOTS_OF_ACCOUNT = lots_of_account("$1")


@dataclass(frozen=True, slots=True)
class Found:
    """An account as it is in the books, with its program's settings and clock."""

    account: AccountState
    settings: ProgramSettings
    now: datetime


# A query of its own, since the clock is volatile: compared with it directly, the days would all be read.
_SINCE = f"""(
    SELECT (least($4::timestamptz, coalesce(clock, clock_timestamp())) - interval '{DAYS_KEPT_MONTHS} months')::date
    FROM ledger.program WHERE program_id = $1
)"""

# $3: whether its days are wanted; $4: the instant that is asked for, null: now.
ONE = f"""
SELECT p.version AS settings_version, coalesce(p.clock, clock_timestamp()) AS now,
    {whole("$2", "$3::boolean", _SINCE)}
FROM ledger.program AS p
JOIN ledger.account AS a ON a.program_id = $1 AND a.account_id = $2
{LOTS_OF_ACCOUNT}
WHERE p.program_id = $1
"""

SETTINGS = "SELECT settings::text FROM ledger.program_version WHERE program_id = $1 AND version = $2"

SETTINGS_KEPT_MAX: Final = 10_000
"""Settings documents kept in memory, a few hundred bytes each; past it the oldest half goes."""


class WholeAccounts:
    """Reads whole accounts, each with the settings that decide now."""

    def __init__(self) -> None:
        # Keyed by version too, and a version never changes: nothing here can be stale.
        self._settings: dict[tuple[int, int], ProgramSettings] = {}
        self._needing_days: set[int] = set()

    async def find(
        self, connection: asyncpg.Connection, program_id: int, account_id: str, at: datetime | None = None
    ) -> Found | None:
        """The account as it is now; its days reach back far enough for the tier at this instant. None: not there."""
        while True:
            with_days = self.needs_days(program_id)
            rows = await connection.fetch(ONE, program_id, account_id, with_days, at)
            if not rows:
                return None
            settings = await self.settings(connection, program_id, rows[0]["settings_version"])
            if with_days or not self.note_days(program_id, settings):
                return Found(whole_account_of(rows[0]), settings, rows[0]["now"])

    def needs_days(self, program_id: int) -> bool:
        """Whether the days of this program's accounts are to be read along, as far as is known by now."""
        return program_id in self._needing_days

    def note_days(self, program_id: int, settings: ProgramSettings) -> bool:
        """Whether the program's tiers count by days; from now on it is known."""
        if not _needs_days(settings):
            return False
        self._needing_days.add(program_id)
        return True

    async def settings(self, connection: asyncpg.Connection, program_id: int, version: int) -> ProgramSettings:
        """One version of a program's settings."""
        known = self._settings.get((program_id, version))
        if known is None:
            document = json.loads(await connection.fetchval(SETTINGS, program_id, version))
            if len(self._settings) >= SETTINGS_KEPT_MAX:
                for old in list(self._settings)[: SETTINGS_KEPT_MAX // 2]:
                    del self._settings[old]
            known = self._settings[program_id, version] = ProgramSettings.of(version, document)
        return known


def whole_account_of(first: Any) -> AccountState:
    """An account from its row, as `whole` makes it."""
    lots = [
        Lot(instant(expires_at), instant(available_at), remaining)
        for expires_at, available_at, remaining in zip(
            first["expires_ats"] or (), first["available_ats"] or (), first["remainings"] or (), strict=True
        )
    ]
    holds = sorted((_hold(first["account_id"], document) for document in _documents(first["holds"])), key=soonest)
    days = sorted(_day(document) for document in _documents(first["days"]))
    return account_of(first, tuple(lots), tuple(holds), tuple(days))


def _needs_days(settings: ProgramSettings) -> bool:
    return settings.ladder is not None and settings.ladder.window.mode != "lifetime"


def _hold(account_id: str, document: list[Any]) -> Hold:
    hold_id, seq, points, expires_at, movements, source, order_id, created_at = document
    return Hold(
        hold_id=hold_id,
        account_id=account_id,
        seq=seq,
        points=points,
        expires_at=datetime.fromisoformat(expires_at),
        movements=movements_of(json.dumps(movements)),
        source=source,
        order_id=order_id,
        created_at=datetime.fromisoformat(created_at),
    )


def _day(document: list[Any]) -> QualifyingDay:
    day, points, spend, visits = document
    return QualifyingDay(date.fromisoformat(day), points, Decimal(spend), visits)


def _documents(text: str | None) -> list[Any]:
    documents: list[Any] = [] if text is None else json.loads(text)
    return documents
