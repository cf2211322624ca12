"""Standings: what an account has reached beside its points, as its entries make it."""

from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import date
from decimal import Decimal

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.standing import NEWCOMER, QualifyingDay, Standing, standing_of
from ledger_service.upkeep.open_holds import Contradiction
from ledger_service.upkeep.said import UNREADABLE, Said


class Standings:
    """The standing of an account and its qualifying days."""

    __slots__ = ("_days", "_floor", "_redeemed", "_redeemed_on", "_spend", "_tier", "_visits")

    def __init__(self) -> None:
        self._spend = NEWCOMER.spend
        self._visits = 0
        self._tier = NEWCOMER.tier
        self._floor = NEWCOMER.floor
        self._redeemed_on: date | None = None
        self._redeemed = 0
        self._days: dict[date, QualifyingDay] = {}

    def apply(self, entry: Entry, said: Said) -> None:
        """Follow what the entry says."""
        self._spend += said.spend
        self._visits += said.visits
        if said.day is not None:
            self._count(said.day, entry.points, said.spend, said.visits)
        if said.has_tier:
            self._tier, self._floor = said.tier, said.floor
        if said.redeemed_on is not None:
            before = self._redeemed if self._redeemed_on == said.redeemed_on else 0
            self._redeemed = before + (said.hold_points if entry.kind == "hold" else -entry.points)
            self._redeemed_on = said.redeemed_on
        if said.merged is not None:
            self._spend += said.merged.spend
            self._visits += said.merged.visits
            for change in said.merged.days:
                self._count(change.day, change.points, change.spend, change.visits)

    def leave(self) -> None:
        """Nothing is left to an account that was merged into another, but for days that nobody counts any more."""
        self._tier, self._floor = NEWCOMER.tier, NEWCOMER.floor
        self._redeemed_on, self._redeemed = NEWCOMER.redeemed_on, NEWCOMER.redeemed

    def _count(self, day: date, points: int, spend: Decimal, visits: int) -> None:
        before = self._days.get(day) or QualifyingDay(day)
        self._days[day] = QualifyingDay(day, before.points + points, before.spend + spend, before.visits + visits)

    @property
    def standing(self) -> Standing:
        return Standing(self._spend, self._visits, self._tier, self._floor, self._redeemed_on, self._redeemed)

    def contradictions(self, stored: str | None) -> Iterator[Contradiction]:
        """Where the standing that is stored, as text, differs from this one."""
        expected = self.standing
        try:
            found = standing_of(stored)
        except UNREADABLE as error:
            yield "a standing", f"{type(error).__name__}: {error}"
            return
        for field in fields(Standing):
            ours, theirs = getattr(expected, field.name), getattr(found, field.name)
            if ours != theirs:
                yield f"{field.name} {ours}", f"{field.name} {theirs}"

    def day_contradictions(self, stored: Collection[QualifyingDay]) -> Iterator[Contradiction]:
        """Where the qualifying days that are stored differ from these. A day that counts nothing need not be there."""
        found = {day.day: day for day in stored}
        for day in sorted(self._days.keys() | found.keys()):
            nothing = QualifyingDay(day)
            ours, theirs = self._days.get(day, nothing), found.get(day, nothing)
            if ours != theirs:
                yield _shown(ours), _shown(theirs)


def _shown(day: QualifyingDay) -> str:
    return f"{day.day}: {day.points} points, spend {day.spend}, {day.visits} visits"
