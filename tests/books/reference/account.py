"""An account, naively: every single point is a pair of dates in a list.

No lots, no arithmetic on buckets: slow, and obviously right. Its rules are written from the rules of the books alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ledger_service.ledger.levels import Level
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rules import Rule
from tests.books.reference.dates import day_of, end_of, expiry_of, months_after
from tests.books.reference.rules import Asked
from tests.books.reference.tiers import Ranking

Point = tuple[datetime, datetime]
"""The first instant at which it is gone, and the first at which it can be used. Points are spent in this order."""


@dataclass
class Line:
    """One entry: what it did, and what may become of it later."""

    kind: str
    points: int
    at: datetime
    balance: int
    available: int
    held: int
    written_off: int = 0
    taken: list[Point] = field(default_factory=list)
    """Of a redeem: the very points it took and that were not given back, in the order in which it took them."""
    made: list[Point] = field(default_factory=list)
    """Of an earn: the points it made."""
    waiting: list[tuple[datetime, int, Rule | None]] = field(default_factory=list)
    """Of an earn whose points wait for an event: their expiry as it was asked for (NEVER: the policies say it when they
    are freed), how many, and the rule whose own expiry counts."""
    settings: ProgramSettings | None = None
    level: Level | None = None
    """Under which an earn was posted."""
    still: int = 0
    """Of an earn or a redeem: what was not taken or given back yet."""
    asked: Asked | None = None
    """Of an earn by a purchase: the purchase, with what is left of it."""
    counts_on: date | None = None
    """Of an earn: the day for which it counts."""
    is_uncounted: bool = False
    """Of an earn by a purchase whose points were all taken back: the purchase counts no more."""
    confirmed_by: tuple[str, int] | None = None
    """Account and seq of the entry that freed its points."""


@dataclass
class Held:
    """A hold."""

    hold_id: str
    points: list[Point]
    expires_at: datetime
    source: str
    order_id: str | None
    status: str = "open"


def expiry_for(rule: Rule | None, settings: ProgramSettings, level: Level | None, usable_from: datetime) -> datetime:
    """The rule's own; else the longer of the program's and the level's."""
    if rule is not None:
        return expiry_of(rule.expiry, usable_from, settings.zone)
    of_level = NEVER if level is None or level.expiry is None else expiry_of(level.expiry, usable_from, settings.zone)
    general = expiry_of(settings.expiry, usable_from, settings.zone)
    return general if level is None or level.expiry is None else max(general, of_level)


@dataclass
class Account:
    settings: ProgramSettings
    ranking: Ranking
    status: str = "active"
    merged_into: str | None = None
    points: list[Point] = field(default_factory=list)
    debt: int = 0
    holds: list[Held] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    redeemed: tuple[date, int] = (date.min, 0)

    @property
    def held(self) -> int:
        return sum(len(hold.points) for hold in self.holds)

    def usable(self, now: datetime) -> list[Point]:
        return sorted(point for point in self.points if point[1] <= now < point[0])

    def pending(self, now: datetime) -> list[Point]:
        return sorted(point for point in self.points if point[1] > now)

    def available(self, now: datetime) -> int:
        return len(self.usable(now)) - self.debt

    def write(self, kind: str, points: int, now: datetime, at: datetime | None = None, **others: object) -> Line:
        """The next entry, after what it does was done."""
        seen_at = now if at is None else at
        balance = len(self.points) + self.held - self.debt
        line = Line(kind, points, seen_at, balance, self.available(seen_at), self.held, **others)  # type: ignore[arg-type]
        self.lines.append(line)
        return line

    def take(self, candidates: Iterable[Point], wanted: int) -> list[Point]:
        taken = list(candidates)[:wanted]
        for point in taken:
            self.points.remove(point)
        return taken

    def add(self, points: Iterable[Point]) -> None:
        """New or returned points pay debt first; only the rest is there to be spent."""
        for point in points:
            if self.debt:
                self.debt -= 1
            else:
                self.points.append(point)

    def tick(self, now: datetime, not_before: datetime = ALWAYS) -> None:
        """Time passes: what is due happens at its instant, in the order of the instants; points that came back too
        late (`not_before`) are gone at that moment."""
        while (due := min(self._due_hold(), self._due_points(), self.ranking.due_at())) <= now:
            if due == NEVER:
                return
            not_before = max(due, not_before)
            if self._due_hold() == due:
                hold = min(self.holds, key=lambda held: (held.expires_at, held.hold_id))
                hold.status = "timed_out"
                self.give_back(hold, hold.points, now, not_before)
            elif self._due_points() == due:
                dates = min(self.points)
                gone = self.take([point for point in self.points if point == dates], len(self.points))
                self.write("expire", -len(gone), now, not_before)
            else:
                self.ranking.lapse(due)
                self.write("tier", 0, now, not_before)

    def _due_hold(self) -> datetime:
        return min((hold.expires_at for hold in self.holds), default=NEVER)

    def _due_points(self) -> datetime:
        return min(self.points, default=(NEVER, NEVER))[0]

    def give_back(self, hold: Held, points: list[Point], now: datetime, at: datetime) -> None:
        """Held points return to where they came from."""
        hold.points = hold.points[: len(hold.points) - len(points)]
        if not hold.points:
            self.holds.remove(hold)
        self.add(points)
        self.write("release", 0, now, at)

    def move_by_activity(self, kind: str, at: datetime) -> None:
        """Points that are lost by inactivity live longer from every activity on."""
        policy = self.settings.expiry
        if policy.mode == "inactivity" and kind in policy.activities:
            until = end_of(months_after(day_of(at, self.settings.zone), policy.months or 0), self.settings.zone)
            self.points = [point if point[0] == NEVER else (max(point[0], until), point[1]) for point in self.points]

    def general_expiry(self, now: datetime) -> datetime:
        """Of points without a rule, earned now."""
        return expiry_for(None, self.settings, self.ranking.level(now), now)

    def restored(self, points: Iterable[Point], now: datetime) -> list[Point]:
        """Points that come back, newest consumption first; some programs give those that are gone a few days."""
        policy, zone = self.settings.restore_expired, self.settings.zone
        until = end_of(day_of(now, zone) + timedelta(days=policy.days), zone)
        is_kind = policy.mode == "grace"
        return [(until, ALWAYS) if is_kind and point[0] <= now else point for point in points]

    def take_back(self, own: Iterable[Point], wanted: int, now: datetime) -> tuple[int, int]:
        """Its own points first, then what can be spent, then what is pending, then debt. Answers taken, written off."""
        points = wanted
        for dates in sorted(set(own)):
            taken = self.take([point for point in self.points if point == dates], wanted)
            wanted -= len(taken)
        for candidates in (self.usable(now), self.pending(now)):
            wanted -= len(self.take(candidates, wanted))
        owed = min(wanted, max(0, self._debt_max() - self.debt))
        self.debt += owed
        written_off = wanted - owed
        return points - written_off, written_off

    def _debt_max(self) -> int:
        policy, lifetime = self.settings.clawback, max(0, self.ranking.lifetime)
        if policy.mode == "limit":
            share = POINTS_MAX if policy.percent is None else lifetime * policy.percent // 100
            return min(share, POINTS_MAX if policy.points is None else policy.points)
        return POINTS_MAX if policy.mode == "allow_debt" else 0

    def left_of_the_day(self, now: datetime) -> int:
        """What may still be redeemed today."""
        if self.settings.redeem_per_day_max is None:
            return POINTS_MAX
        day, redeemed = self.redeemed
        return self.settings.redeem_per_day_max - (redeemed if day == day_of(now, self.settings.zone) else 0)

    def count_redeemed(self, points: int, now: datetime) -> None:
        if self.settings.redeem_per_day_max is None:
            return
        today = day_of(now, self.settings.zone)
        day, redeemed = self.redeemed
        self.redeemed = (today, points + (redeemed if day == today else 0))
