"""An account, naively: every single point is a pair of dates in a list.

No lots, no arithmetic on buckets: slow, and obviously right. Its rules are written from points.md alone.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger_service.ledger.commands import Adjust, Earn, Redeem, Reverse
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import ProgramSettings

Point = tuple[datetime, datetime]
"""The first instant at which it is gone, and the first at which it can be used. Points are spent in this order."""


@dataclass
class Line:
    """One entry: what it did, and the very points it took or made, in the order in which it took them."""

    kind: str
    points: int
    taken: list[Point] = field(default_factory=list)
    made: Point = (NEVER, ALWAYS)
    still_reversible: int = 0
    written_off: int = 0


@dataclass
class Account:
    settings: ProgramSettings
    status: str = "active"
    points: list[Point] = field(default_factory=list)
    debt: int = 0
    lifetime: int = 0
    lines: list[Line] = field(default_factory=list)

    def usable(self, now: datetime) -> list[Point]:
        return sorted(point for point in self.points if point[1] <= now < point[0])

    def pending(self, now: datetime) -> list[Point]:
        return sorted(point for point in self.points if point[1] > now and point[0] > now)

    def take(self, candidates: list[Point], wanted: int) -> list[Point]:
        taken = candidates[:wanted]
        for point in taken:
            self.points.remove(point)
        return taken

    def add(self, points: list[Point]) -> None:
        """New or returned points pay debt first; only the rest is there to be spent."""
        for point in points:
            if self.debt:
                self.debt -= 1
            else:
                self.points.append(point)

    def expire(self, now: datetime) -> None:
        """One line for the points of the same dates, soonest first."""
        for dates in sorted({point for point in self.points if point[0] <= now}):
            gone = self.take([point for point in self.points if point == dates], len(self.points))
            self.lines.append(Line("expire", -len(gone)))

    def _wrong_day(self, occurred_at: datetime | None, now: datetime) -> bool:
        back = timedelta(days=self.settings.backdate_days_max)
        return occurred_at is not None and not now - back <= occurred_at <= now + timedelta(minutes=5)

    def earn(self, command: Earn, now: datetime) -> Line | str:
        if self.status == "closed":
            return "account_not_active"
        if self._wrong_day(command.occurred_at, now):
            return "validation_failed"
        if command.points > self.settings.points_per_entry_max:
            return "limit_exceeded"
        expires_at, available_at = command.expires_at or NEVER, command.available_at or ALWAYS
        if expires_at <= now or available_at >= expires_at:
            return "validation_failed"
        point = (expires_at, available_at if available_at > now else ALWAYS)
        self.add([point] * command.points)
        self.lifetime += command.points
        return Line("earn", command.points, made=point, still_reversible=command.points)

    def redeem(self, command: Redeem, now: datetime) -> Line | str:
        if self.status != "active":
            return "account_not_active"
        if self._wrong_day(command.occurred_at, now):
            return "validation_failed"
        if command.points > len(self.usable(now)) - self.debt:
            return "insufficient_points"
        if command.points > self.settings.points_per_entry_max:
            return "limit_exceeded"
        taken = self.take(self.usable(now), command.points)
        return Line("redeem", -command.points, taken=taken, still_reversible=command.points)

    def adjust(self, command: Adjust, now: datetime) -> Line | str:
        if self.status == "closed":
            return "account_not_active"
        if abs(command.points) > self.settings.points_per_entry_max:
            return "limit_exceeded"
        if command.points > 0:
            self.add([(NEVER, ALWAYS)] * command.points)
        else:
            if -command.points > len(self.usable(now)) - self.debt and not command.allow_negative:
                return "insufficient_points"
            taken = self.take(self.usable(now) + self.pending(now), -command.points)
            self.debt += -command.points - len(taken)
        return Line("adjust", command.points)

    def reverse(self, command: Reverse, now: datetime) -> Line | str:
        if not 1 <= command.seq <= len(self.lines):
            return "entry_not_found"
        undone = self.lines[command.seq - 1]
        if undone.kind not in ("earn", "redeem"):
            return "nothing_to_reverse"
        if undone.still_reversible == 0:
            return "already_reversed"
        points = undone.still_reversible if command.points is None else command.points
        if points > undone.still_reversible:
            return "exceeds_remaining"
        undone.still_reversible -= points
        if undone.kind == "redeem":
            self.add([undone.taken.pop() for _ in range(points)])
            return Line("reverse_redeem", points)
        own = [point for point in self.points if point == undone.made]
        taken = self.take(own, points)
        taken += self.take(self.usable(now) + self.pending(now), points - len(taken))
        owed = min(points - len(taken), max(0, self._debt_max() - self.debt))
        self.debt += owed
        self.lifetime -= len(taken) + owed
        return Line("reverse_earn", -len(taken) - owed, written_off=points - len(taken) - owed)

    def _debt_max(self) -> int:
        policy = self.settings.clawback
        if policy.mode == "limit":
            share = POINTS_MAX if policy.percent is None else self.lifetime * policy.percent // 100
            return min(share, POINTS_MAX if policy.points is None else policy.points)
        return POINTS_MAX if policy.mode == "allow_debt" else 0
