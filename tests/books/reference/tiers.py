"""Tiers, naively: every question is answered by adding up all days again (points.md, rule 10)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from ledger_service.ledger.levels import Ladder, Level
from ledger_service.ledger.lots import NEVER
from ledger_service.ledger.program import ProgramSettings
from tests.books.reference.dates import begin_of, day_of, end_of, months_after


@dataclass(frozen=True)
class Reached:
    """A level, and the instants at which it is looked at again (NEVER: it is not)."""

    place: int
    valid_until: datetime
    grace_until: datetime = NEVER
    fallback: int = -1


@dataclass
class Ranking:
    """What an account did, and the level that it has for it; -1 is below all levels."""

    settings: ProgramSettings
    opened_at: datetime
    lifetime: int = 0
    spend: Decimal = Decimal(0)
    visits: int = 0
    done: list[tuple[date, int, Decimal, int]] = field(default_factory=list)
    """Day, points, spend and visits of everything that ever counted, in the order in which it came."""
    reached: Reached | None = None
    floor: tuple[str, datetime] | None = None
    """The level given by hand, and the first instant at which it no longer counts."""

    @property
    def ladder(self) -> Ladder:
        return self.settings.ladder or Ladder(())

    @property
    def place(self) -> int:
        return -1 if self.reached is None else self.reached.place

    def count(self, day: date, points: int, spend: Decimal, visits: int) -> None:
        self.spend += spend
        self.visits += visits
        self.done.append((day, points, spend, visits))

    def due_at(self) -> datetime:
        ends = [NEVER if self.floor is None else self.floor[1]]
        if self.reached is not None:
            is_in_grace = self.reached.grace_until != NEVER
            ends.append(self.reached.grace_until if is_in_grace else self.reached.valid_until)
        return min(ends)

    def level(self, now: datetime) -> Level | None:
        """The level that counts: the higher of what was reached and what was given; the lowest may cost nothing."""
        places = [self.place, self._free_place()]
        if self.floor is not None and now < self.floor[1]:
            places.append(self.ladder.place(self.floor[0]))
        return None if max(places) < 0 else self.ladder.levels[max(places)]

    def _free_place(self) -> int:
        """The lowest level may cost nothing: then everyone has it."""
        return 0 if self.ladder.levels and self.ladder.levels[0].at == 0 else -1

    def level_id(self, place: int) -> str | None:
        return None if place < 0 else self.ladder.levels[place].id

    def measure(self, day: date) -> Decimal:
        window, which = self.ladder.window, ("points_earned", "spend", "visits").index(self.ladder.measure)
        if window.mode == "lifetime":
            return Decimal((self.lifetime, self.spend, self.visits)[which])
        if window.mode == "rolling":
            first, last = months_after(day, -(window.months or 0)) + timedelta(days=1), day
        else:
            first, last = self._year_of(day)
        did = (numbers[which] for on, *numbers in self.done if first <= on <= last)
        return sum((Decimal(number) for number in did), Decimal(0))

    def eligible(self, day: date) -> int:
        measure = max(Decimal(0), self.measure(day))
        return max((place for place, level in enumerate(self.ladder.levels) if level.at <= measure), default=-1)

    def look(self, now: datetime) -> None:
        """After something counted: up at once; what is reached again in grace is kept."""
        if self.settings.ladder is None:
            return
        day = day_of(now, self.settings.zone)
        place = self.eligible(day)
        is_saved = self.reached is not None and self.reached.grace_until != NEVER and place == self.place
        if place > max(self.place, self._free_place()) or is_saved:
            self.reached = Reached(place, self._valid_until(place, day))

    def lapse(self, now: datetime) -> None:
        """What this instant brings."""
        if self.floor is not None and self.floor[1] <= now:
            self.floor = None
        tier = self.reached
        if tier is None:
            return
        today = day_of(now, self.settings.zone)
        eligible = self.eligible(today - timedelta(days=1))
        if tier.grace_until <= now:
            self._fall(max(tier.fallback, eligible), today)
        elif tier.grace_until == NEVER and tier.valid_until <= now:
            if eligible >= tier.place:
                until = self._valid_until(tier.place, today - timedelta(days=1))
                self.reached = Reached(tier.place, until if until > now else self._valid_until(tier.place, today))
                return
            target = tier.place - 1 if self.ladder.downgrade == "one_step" else eligible
            if self.ladder.downgrade == "never":
                self.reached = replace(tier, valid_until=NEVER)
            elif self.ladder.grace_days:
                until = end_of(today + timedelta(days=self.ladder.grace_days - 1), self.settings.zone)
                self.reached = replace(tier, grace_until=until, fallback=target)
            else:
                self._fall(target, today)

    def _fall(self, place: int, today: date) -> None:
        self.reached = None if place < 0 else Reached(place, self._valid_until(place, today))

    def _valid_until(self, place: int, day: date) -> datetime:
        ladder, zone = self.ladder, self.settings.zone
        if ladder.window.mode == "lifetime" or (place == 0 and ladder.levels[0].at == 0):
            return NEVER
        if ladder.retention.mode == "days":
            return end_of(day + timedelta(days=ladder.retention.days or 0), zone)
        periods = 2 if ladder.retention.mode == "end_of_next_period" else 1
        if ladder.window.mode == "rolling":
            return end_of(months_after(day, periods * (ladder.window.months or 0)), zone)
        for _ in range(periods):
            day = self._year_of(day)[1] + timedelta(days=1)
        return begin_of(day, zone)

    def _year_of(self, day: date) -> tuple[date, date]:
        """The first and the last day of the calendar or the membership year in which this day lies."""
        if self.ladder.window.mode == "calendar_year":
            return date(day.year, 1, 1), date(day.year, 12, 31)
        joined = day_of(self.opened_at, self.settings.zone)
        begins = [months_after(joined, 12 * years) for years in range(-1, day.year - joined.year + 2)]
        last = max(place for place, begin in enumerate(begins) if begin <= day)
        return begins[last], begins[last + 1] - timedelta(days=1)


def days_of(done: Iterable[tuple[date, int, Decimal, int]]) -> dict[date, tuple[int, Decimal, int]]:
    """What each day counts, without those that come to nothing."""
    days: dict[date, tuple[int, Decimal, int]] = {}
    for day, points, spend, visits in done:
        old = days.get(day, (0, Decimal(0), 0))
        days[day] = (old[0] + points, old[1] + spend, old[2] + visits)
    return {day: numbers for day, numbers in days.items() if any(numbers)}
