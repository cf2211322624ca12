"""Reckoning: what all accounts of a program have together, and what changed it (points.md, section 12).

Every number is the sum of what the accounts answer for themselves.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from ledger_service.ledger.calendar import day_begins, day_ends, local_day
from ledger_service.ledger.lots import MICROSECOND, NEVER, pending, usable
from ledger_service.ledger.states import AccountState

LINES: Final = {
    "earn": "issued",
    "reverse_redeem": "restored",
    "adjust": "adjusted",
    "redeem": "redeemed",
    "expire": "expired",
    "reverse_earn": "taken_back",
}
"""The line of a roll-forward to which each kind of entry goes. Others move no points, or between accounts only."""

COUNTERS: Final = {
    "earn": "issued",
    "redeem": "redeemed",
    "expire": "expired",
    "reverse_earn": "taken_back",
    "reverse_redeem": "given_back",
    "adjust": "adjusted",
    "transfer_out": "transferred",
    "transfer_in": "transferred",
    "merge_out": "merged",
    "merge_in": "merged",
}
"""The program's side of each kind of entry: what an entry gives a member, its counter account owes."""

Moment = date | datetime | None
"""A local day, an instant, or now."""


@dataclass(frozen=True, slots=True)
class Position:
    """Points of many accounts at one instant, due work up to it counted as done."""

    available: int = 0
    """Usable points less debt."""
    pending: int = 0
    held: int = 0
    debt: int = 0
    by_month: Mapping[str | None, int] = field(default_factory=dict)
    """Available and pending points, debt not taken off, by the local month of their last day ("2027-12"); None: those
    without one."""

    @property
    def total(self) -> int:
        return self.available + self.pending + self.held

    def __add__(self, other: "Position") -> "Position":
        return self._with(other, 1)

    def __sub__(self, other: "Position") -> "Position":
        return self._with(other, -1)

    def _with(self, other: "Position", sign: int) -> "Position":
        months = Counter(self.by_month)
        for month, points in other.by_month.items():
            months[month] += sign * points
        return Position(
            available=self.available + sign * other.available,
            pending=self.pending + sign * other.pending,
            held=self.held + sign * other.held,
            debt=self.debt + sign * other.debt,
            by_month={month: points for month, points in months.items() if points},
        )


@dataclass(frozen=True, slots=True)
class Liability:
    """What a program owes its members at an instant."""

    as_of: datetime
    position: Position


@dataclass(frozen=True, slots=True)
class RollForward:
    """How a program's points came from one instant to a later one. Signed: opening and lines add up to closing."""

    opening: int
    lines: Mapping[str, int]
    """By the names in LINES."""
    closing: int
    written_off: int
    """Points that should have been taken back but were let go; for information."""


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """What members have, and what the program's counter accounts owe for it."""

    as_of: datetime
    members: int
    counters: Mapping[str, int]
    """By the names in COUNTERS."""

    @property
    def total(self) -> int:
        """0 in sound books."""
        return self.members + sum(self.counters.values())


def position_of(account: AccountState, at: datetime, zone: ZoneInfo) -> Position:
    """One account's points at this instant. Lots past their date count no more; its holds are taken as they are."""
    months: Counter[str | None] = Counter()
    for lot in account.lots:
        if lot.expires_at > at:
            months[month_of(lot.expires_at, zone)] += lot.remaining
    return Position(
        available=usable(account.lots, at) - account.debt,
        pending=pending(account.lots, at),
        held=account.held,
        debt=account.debt,
        by_month=months,
    )


def month_of(expires_at: datetime, zone: ZoneInfo) -> str | None:
    """The month of the last local day on which points live that are gone at this instant."""
    if expires_at == NEVER:
        return None
    day = local_day(expires_at - MICROSECOND, zone)
    return f"{day.year:04}-{day.month:02}"


def lines_of(points_by_kind: Mapping[str, int]) -> dict[str, int]:
    """The lines of a roll-forward, all of them, from the points that entries of each kind moved."""
    return {line: points_by_kind.get(kind, 0) for kind, line in LINES.items()}


def counters_of(points_by_kind: Mapping[str, int]) -> dict[str, int]:
    """The balances of the counter accounts, all of them, from the points that entries of each kind moved."""
    counters = dict.fromkeys(COUNTERS.values(), 0)
    for kind, points in points_by_kind.items():
        if points:
            counter = COUNTERS.get(kind, kind)
            counters[counter] = counters.get(counter, 0) - points
    return counters


def instant_of(moment: Moment, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant of which a report is asked: of a local day its last one, just before the midnight that ends it."""
    match moment:
        case None:
            return now
        case datetime():
            return moment
        case date():
            return day_ends(moment, zone) - MICROSECOND


def begin_of(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """The first instant of a period that begins with this local day, or at this instant."""
    return moment if isinstance(moment, datetime) else day_begins(moment, zone)


def end_of(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """The first instant after a period that ends with this local day, or at this instant."""
    return moment if isinstance(moment, datetime) else day_ends(moment, zone)
